package emit

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/calmstream/calmstream/internal/plan"
	"github.com/calmstream/calmstream/pipeline/internal/checkpoint"
	"github.com/calmstream/calmstream/pipeline/internal/shard"
	"github.com/calmstream/calmstream/sinks"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// Config says where the outputs of one shard go.
type Config struct {
	Conn     *nats.Conn
	Pipeline string
	Plan     *plan.Plan
	Shard    checkpoint.ShardID
	// Incarnation is that of the shard's log.
	Incarnation int64
	// Domain is that of the server, "" if it has none.
	Domain string
	// Sinks has the sink of each Write node of the shard's stage.
	Sinks map[*plan.Node]sinks.Sink
	// Progress has, for each outbox among them, by its token, how far its stream is.
	Progress map[string]*Progress
	Logger   *slog.Logger
	// Owner is the mark of this process, and Divergences counts what it and another owner have sealed differently.
	Owner       string
	Divergences *atomic.Uint64
	// RemakeSeals makes the stream of certificates again.
	RemakeSeals func(ctx context.Context) error
}

// Outlet is a shard.Outlet over NATS.
type Outlet struct {
	id        identity
	plan      *plan.Plan
	results   map[*plan.Node]*queue[sinks.Record]
	rejected  *queue[shard.Rejected]
	envelopes *queue[shard.Envelope]
	seals     *queue[shard.Certificate]
	writers   []sinks.Writer
	outbox    outbox
	cancel    context.CancelFunc
}

// Open opens the sinks and starts the queues. ctx bounds the opening only.
func Open(ctx context.Context, cfg Config) (*Outlet, error) {
	js, err := jetstream.New(cfg.Conn, jetstream.WithPublishAsyncMaxPending(maxBatch), jetstream.WithPublishAsyncTimeout(ackWait))
	if err != nil {
		return nil, fmt.Errorf("emit: %w", err)
	}
	running, cancel := context.WithCancel(context.Background())
	id := identity{pipeline: cfg.Pipeline, epoch: cfg.Plan.Epoch(), shard: cfg.Shard, incarnation: cfg.Incarnation, domain: cfg.Domain}
	o := &Outlet{id: id, plan: cfg.Plan, results: make(map[*plan.Node]*queue[sinks.Record]), cancel: cancel}
	o.outbox = outbox{id: id, plan: cfg.Plan, sinks: make(map[*plan.Node]sinks.Outbox), progress: cfg.Progress, limit: int(cfg.Conn.MaxPayload())}
	for _, write := range cfg.Plan.Writes {
		sink := cfg.Sinks[write]
		if sink == nil {
			continue
		}
		w, err := sink.Open(ctx, sinks.Env{Conn: cfg.Conn, Pipeline: cfg.Pipeline, Logger: cfg.Logger})
		if err != nil {
			return nil, errors.Join(fmt.Errorf("write %s: cannot open %s: %w", write.Name, sink.Target(), err), o.Close())
		}
		o.writers = append(o.writers, w)
		if outbox, is := AsOutbox(sink); is { // they leave with the checkpoints
			o.outbox.sinks[write] = outbox
			continue
		}
		o.results[write] = newPacedQueue(running, sink.Target(), cfg.Logger, intervalOf(sink), func(r sinks.Record) int { return len(r.Payload) + len(r.Key) + 256 }, w.Write)
	}
	dead := &deadLetters{id: id, js: js, limit: int(cfg.Conn.MaxPayload()), logger: cfg.Logger}
	o.rejected = newQueue(running, "dead letters", cfg.Logger, func(r shard.Rejected) int { return len(r.Payload) + 256 }, dead.write)
	x := &exchangeWriter{js: js, pipeline: cfg.Pipeline, epoch: id.epoch}
	o.envelopes = newQueue(running, "exchange", cfg.Logger, func(e shard.Envelope) int { return len(e.Data) }, x.write)
	seals := &certificates{id: id, owner: cfg.Owner, js: js, logger: cfg.Logger, divergences: cfg.Divergences, remake: cfg.RemakeSeals}
	o.seals = newQueue(running, "certificates", cfg.Logger, func(c shard.Certificate) int { return 512 + 64*min(len(c.Registry), MaxRegistry) }, seals.write)
	return o, nil
}

// intervalOf returns the least time between two writes to a sink.
func intervalOf(sink sinks.Sink) time.Duration {
	switch s := sink.(type) {
	case sinks.Coalesce:
		return s.Interval()
	case *sinks.Coalesce:
		return s.Interval()
	}
	return 0
}

// Put implements shard.Outlet.
func (o *Outlet) Put(ctx context.Context, out *shard.Outputs) error {
	batch := make(map[*plan.Node][]sinks.Record)
	for i := range out.Results {
		r := &out.Results[i]
		batch[r.Write] = append(batch[r.Write], o.id.record(o.plan, r))
	}
	for _, write := range o.plan.Writes {
		if records := batch[write]; len(records) > 0 {
			if err := o.results[write].Put(ctx, records); err != nil {
				return fmt.Errorf("write %s: %w", write.Name, err)
			}
		}
	}
	if err := o.rejected.Put(ctx, out.Rejected); err != nil {
		return err
	}
	if err := o.seals.Put(ctx, out.Certificates); err != nil {
		return err
	}
	return o.envelopes.Put(ctx, out.Envelopes)
}

// Barrier implements shard.Outlet.
func (o *Outlet) Barrier() func(context.Context) error {
	marks := make(map[*plan.Node]uint64, len(o.results))
	for write, q := range o.results {
		marks[write] = q.mark()
	}
	rejected, envelopes, seals := o.rejected.mark(), o.envelopes.mark(), o.seals.mark()
	return func(ctx context.Context) error {
		for _, write := range o.plan.Writes {
			if q := o.results[write]; q != nil {
				if err := q.Wait(ctx, marks[write]); err != nil {
					return fmt.Errorf("write %s: %w", write.Name, err)
				}
			}
		}
		if err := o.rejected.Wait(ctx, rejected); err != nil {
			return err
		}
		if err := o.seals.Wait(ctx, seals); err != nil {
			return err
		}
		return o.envelopes.Wait(ctx, envelopes)
	}
}

// Close stops the queues, waits for them and closes the sinks. What is not durable by then comes again after a restart.
func (o *Outlet) Close() error {
	o.cancel()
	for _, q := range o.results {
		<-q.stopped
	}
	if o.rejected != nil {
		<-o.rejected.stopped
	}
	if o.envelopes != nil {
		<-o.envelopes.stopped
	}
	if o.seals != nil {
		<-o.seals.stopped
	}
	for _, p := range o.outbox.progress {
		p.forget(&o.outbox)
	}
	var errs []error
	for _, w := range o.writers {
		errs = append(errs, w.Close())
	}
	return errors.Join(errs...)
}
