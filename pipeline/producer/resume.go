package producer

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/calmstream/calmstream/internal/plan"
	"github.com/calmstream/calmstream/pipeline/internal/seal"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// past is what a producer has published to a shard before.
type past struct {
	// tally is that of the records without a gap, and ahead has the hashes of those behind one, up to number highest.
	tally   seal.Tally
	ahead   map[uint64]uint64
	highest uint64
	// promised says that there was a promise, of which before is the latest.
	promised bool
	before   int64
}

// resume finds out where the producer stands in a shard, and returns the numbers of the records that were lost on the way.
func (p *Producer) resume(ctx context.Context, stream jetstream.Stream, s *shard) (missing []uint64, err error) {
	found := past{ahead: make(map[uint64]uint64)}
	if err := p.read(ctx, stream, s, &found); err != nil {
		return nil, err
	}
	switch {
	case found.promised:
		s.promised = found.before
	case !p.cfg.Since.IsZero():
		return nil, fmt.Errorf("there is no promise of this producer in the shard %q of stream %q since %s, so that it is not known how many records it has published; set Config.Since to an earlier time, or to none", s.filter, p.cfg.Stream, p.cfg.Since.UTC().Format(time.RFC3339))
	case found.tally.Count == 0 && found.highest > 0 && stream.CachedInfo().State.FirstSeq > 1:
		return nil, fmt.Errorf("the beginning of stream %q is gone, and no promise of this producer in the shard %q says how many records it had published; use a new name, registered in a new Version of the pipeline", p.cfg.Stream, s.filter)
	}
	for s.tally = found.tally; s.tally.Count < found.highest; {
		hash, ok := found.ahead[s.tally.Count+1]
		if !ok {
			missing = append(missing, s.tally.Count+1)
			hash = seal.Hash(s.tally.Count+1, nil)
		}
		s.tally.AddHash(hash)
	}
	return missing, nil
}

// read reads the shard to its present end.
func (p *Producer) read(ctx context.Context, stream jetstream.Stream, s *shard, into *past) error {
	cfg := jetstream.OrderedConsumerConfig{DeliverPolicy: jetstream.DeliverAllPolicy}
	if s.filter != "" {
		cfg.FilterSubjects = []string{s.filter}
	}
	if !p.cfg.Since.IsZero() {
		cfg.DeliverPolicy, cfg.OptStartTime = jetstream.DeliverByStartTimePolicy, &p.cfg.Since
	}
	consumer, err := stream.OrderedConsumer(ctx, cfg)
	if err != nil {
		return fmt.Errorf("stream %q cannot be read: %w", p.cfg.Stream, err)
	}
	if consumer.CachedInfo().NumPending == 0 {
		return nil
	}
	messages, err := consumer.Messages()
	if err != nil {
		return fmt.Errorf("stream %q cannot be read: %w", p.cfg.Stream, err)
	}
	defer messages.Stop()
	for {
		msg, err := messages.Next(jetstream.NextContext(ctx))
		if err != nil {
			return fmt.Errorf("stream %q cannot be read: %w", p.cfg.Stream, errors.Join(ctx.Err(), err))
		}
		meta, err := msg.Metadata()
		if err != nil {
			return fmt.Errorf("stream %q: %w", p.cfg.Stream, err)
		}
		into.see(p.cfg.Name, msg.Headers(), msg.Data())
		if meta.NumPending == 0 {
			return nil
		}
	}
}

// see takes note of a message, if it is the producer's. What is no proper one does not count for a shard either.
func (b *past) see(name string, headers nats.Header, data []byte) {
	if seal.Producer(headers) != name {
		return
	}
	if kind := headers.Get(seal.Header); kind != "" && kind != seal.Void {
		b.promise(headers, data)
	} else if n, err := seal.Sequence(headers); err == nil && n > b.tally.Count {
		if kind == seal.Void {
			data = nil // whatever it has: so it counts for a shard
		}
		if _, again := b.ahead[n]; !again {
			b.ahead[n] = seal.Hash(n, data)
		}
		b.highest = max(b.highest, n)
	}
	for hash, ok := b.ahead[b.tally.Count+1]; ok; hash, ok = b.ahead[b.tally.Count+1] {
		b.tally.AddHash(hash)
		delete(b.ahead, b.tally.Count)
	}
}

// promise takes note of a promise: it says what the records before it were, of which some may be gone from the stream.
func (b *past) promise(headers nats.Header, value []byte) {
	var made seal.Promise
	var err error
	if headers.Get(seal.Header) == seal.Key {
		made.Before = plan.Beginning // it says nothing of time
		made.Tally, _, err = seal.ReadKeyPromise(headers, value)
	} else {
		made, err = seal.ReadPromise(headers)
	}
	if err != nil {
		return
	}
	if !b.promised || made.Before > b.before {
		b.promised, b.before = true, made.Before
	}
	if made.Count <= b.tally.Count {
		return
	}
	b.tally, b.highest = made.Tally, max(b.highest, made.Count)
	for n := range b.ahead {
		if n <= made.Count {
			delete(b.ahead, n)
		}
	}
}

// void says what takes the place of a record.
func void(s *shard, name string, n uint64) *nats.Msg {
	return &nats.Msg{Subject: s.punctuation, Header: seal.VoidHeaders(name, n)}
}
