package engine

import (
	"context"
	"encoding/json"
	"log/slog"

	"github.com/calmstream/calmstream/internal/plan"
	"github.com/calmstream/calmstream/pipeline/internal/checkpoint"
	"github.com/calmstream/calmstream/pipeline/internal/shard"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// Patiently, with FewAttempts or ForEver, is exported to its test.
var Patiently = patiently

// Distinct is exported to its test.
var Distinct = distinct

// See patiently.
const (
	FewAttempts = fewAttempts
	ForEver     = forEver
)

// GiveUp publishes the decision about a shard of the first stage.
func GiveUp(ctx context.Context, conn *nats.Conn, p *plan.Plan, number int, at uint64) error {
	js, err := jetstream.New(conn)
	if err != nil {
		return err
	}
	e := &engine{Config: Config{Conn: conn, Plan: p}, js: js}
	return e.giveUp(ctx, p.Stages[0], number, at)
}

// CutOf reads from a start record which recorded cut was the last before the beginning of a shard.
func CutOf(record []byte, stage string, shard int) (int64, error) {
	var start StartRecord
	err := json.Unmarshal(record, &start)
	return start.Logs[stage].cut(shard), err
}

// Lowest returns what may be purged, for a worker that has receivers at these positions and none of the others.
func Lowest(ctx context.Context, conn *nats.Conn, p *plan.Plan, mine map[checkpoint.ShardID]uint64) (uint64, error) {
	e := &engine{Config: Config{Conn: conn, Plan: p}}
	if err := e.openStore(ctx); err != nil {
		return 0, err
	}
	for id, at := range mine {
		e.floor.register(id)(at)
	}
	return e.lowest(ctx)
}

// Announce announces a worker until ctx ends.
func Announce(ctx context.Context, conn *nats.Conn, p *plan.Plan, worker string, views chan<- []string) error {
	js, err := jetstream.New(conn)
	if err != nil {
		return err
	}
	e := &engine{Config: Config{Conn: conn, Plan: p, Worker: worker, Logger: slog.New(slog.DiscardHandler)}, js: js}
	a, err := e.newAnnouncer()
	if err != nil {
		return err
	}
	return a.run(ctx, make(chan struct{}), views)
}

// Release hands over a shard that has been applied up to a position, by an owner with this mark. The first function takes it back; the channel is
// closed once another has taken the shard over.
func Release(ctx context.Context, conn *nats.Conn, p *plan.Plan, id checkpoint.ShardID, writer string, applied, messages uint64) (keep func(), released <-chan struct{}, err error) {
	e := &engine{Config: Config{Conn: conn, Plan: p, Logger: slog.New(slog.DiscardHandler)}, writer: writer}
	if err := e.openStore(ctx); err != nil {
		return nil, nil, err
	}
	c := newCrew(e)
	c.ctx = ctx
	d := &duty{id: id}
	d.stats.Applied.Store(applied)
	d.stats.Messages.Store(messages)
	var run context.Context
	run, d.cancel = context.WithCancelCause(ctx)
	c.release(d)
	return func() { d.keep(); c.running.Wait() }, run.Done(), nil
}

// Besides returns what may be purged up to a sequence, for all versions.
func Besides(ctx context.Context, conn *nats.Conn, p *plan.Plan, at uint64) (uint64, error) {
	js, err := jetstream.New(conn)
	if err != nil {
		return 0, err
	}
	stream, err := js.Stream(ctx, ExchangeStream(p.Graph.Name))
	if err != nil {
		return 0, err
	}
	e := &engine{Config: Config{Conn: conn, Plan: p}, js: js}
	return e.besides(ctx, stream, at)
}

// SentTo returns what the shards of a stage are told that they were sent, by a worker for which the exchange was made at this time.
func SentTo(ctx context.Context, conn *nats.Conn, p *plan.Plan, stage *plan.Stage, created int64) ([]*shard.Sent, error) {
	js, err := jetstream.New(conn)
	if err != nil {
		return nil, err
	}
	e := &engine{Config: Config{Conn: conn, Plan: p}, js: js}
	if err := e.openStore(ctx); err != nil {
		return nil, err
	}
	e.start.Logs = map[string]LogStart{stage.Name: {Created: created}}
	return e.sentTo(ctx, stage)
}
