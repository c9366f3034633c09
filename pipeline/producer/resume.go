package producer

import (
	"context"
	"fmt"
	"time"

	"github.com/calmstream/calmstream/internal/plan"
	"github.com/calmstream/calmstream/pipeline/internal/backlog"
	"github.com/calmstream/calmstream/pipeline/internal/seal"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// past is what a producer has published to a shard before.
type past struct {
	// known is what the caller has kept.
	known seal.Tally
	// tally is that of the records without a gap, and ahead has the hashes of those behind one, up to number highest.
	tally   seal.Tally
	ahead   map[uint64]uint64
	highest uint64
	// promised says that there was a promise, of which before is the latest.
	promised bool
	before   int64
	// replay is nil unless records are to come again.
	replay *replay
	// wrong is a promise that contradicts what the caller has kept.
	wrong error
}

// Position is what a producer has published to a shard: how many records, and their digest. A caller that keeps it gives it back as it is, as
// Config.Known.
type Position struct {
	Shard         string
	Count, Digest uint64
}

// Positions returns what the producer has published to each shard, in the order of Config.Shards. All of it is stored if
// nothing was published since the last Seal or Flush that succeeded. It waits for a call that is under way; the error is that
// of a producer that has failed for good, whose last records may be stored or not.
func (p *Producer) Positions(ctx context.Context) (all []Position, err error) {
	if err := p.enter(ctx); err != nil {
		return nil, err
	}
	defer p.leave()
	for _, s := range p.shards {
		all = append(all, Position{s.filter, s.tally.Count, s.tally.Digest})
	}
	return all, nil
}

// known returns what the caller has kept of a shard.
func (p *Producer) known(s *shard) (t seal.Tally, ok bool) {
	for _, k := range p.cfg.Known {
		if k.Shard == s.filter {
			return seal.Tally{Count: k.Count, Digest: k.Digest}, true
		}
	}
	return t, false
}

// resume finds out where the producer stands in a shard, and returns the numbers of the records that were lost on the way.
func (p *Producer) resume(ctx context.Context, stream jetstream.Stream, s *shard) (missing []uint64, err error) {
	known, kept := p.known(s)
	found := past{known: known, tally: known, highest: known.Count, ahead: make(map[uint64]uint64)}
	if p.cfg.Replay {
		found.replay = &replay{sealed: plan.Beginning, records: make(map[uint64]identity)}
		if !p.cfg.Sealed.IsZero() {
			found.replay.sealed = p.cfg.Sealed.UnixNano()
		}
	}
	if err := p.read(ctx, stream, s, &found); err != nil {
		return nil, err
	}
	if found.promised {
		s.promised = found.before
	}
	switch {
	case found.wrong != nil:
		return nil, fmt.Errorf("stream %q, shard %q: %w", p.cfg.Stream, s.filter, found.wrong)
	case p.cfg.Replay && !p.cfg.Sealed.IsZero() && !found.replay.found:
		return nil, fmt.Errorf("there is no promise of this producer in the shard %q of stream %q up to Config.Sealed, %s, so that it is not known which records have come since; it was another time, or the stream has lost it", s.filter, p.cfg.Stream, p.cfg.Sealed.UTC().Format(time.RFC3339Nano))
	case found.promised || kept:
	case !p.cfg.Since.IsZero():
		return nil, fmt.Errorf("there is no promise of this producer in the shard %q of stream %q since %s, so that it is not known how many records it has published; set Config.Since to an earlier time, or to none", s.filter, p.cfg.Stream, p.cfg.Since.UTC().Format(time.RFC3339))
	case found.tally.Count == 0 && p.lost(stream.CachedInfo().State):
		return nil, p.unknown(stream.CachedInfo().State, s, found.highest)
	}
	s.there = found.replay.there()
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

// lost reports whether the stream may have lost records of this producer: those that it has lost were stored up to the time of the first
// one that is left, and up to that of the last one where some are missing between.
func (p *Producer) lost(s jetstream.StreamState) bool {
	upTo := s.FirstTime
	switch {
	case s.FirstSeq <= 1 && s.NumDeleted == 0, s.LastTime.IsZero(): // it has all that it ever had
		return false
	case s.Msgs == 0 || s.NumDeleted > 0:
		upTo = s.LastTime
	}
	return p.cfg.Begun.IsZero() || !p.cfg.Begun.After(upTo)
}

// unknown says what to do if the stream does not tell how many records the producer has published.
func (p *Producer) unknown(state jetstream.StreamState, s *shard, highest uint64) error {
	left := "nothing of this producer is left"
	if highest > 0 {
		left = "of this producer only later records are left, and no promise"
	}
	begun := "Config.Begun does not say when it has begun"
	if !p.cfg.Begun.IsZero() {
		begun = "it has begun before that, says Config.Begun: " + p.cfg.Begun.UTC().Format(time.RFC3339)
	}
	return fmt.Errorf("the stream %q has lost messages (it has those from %d to %d); %s in the shard %q, and %s: how many records it has published is not known, and its numbers must not begin again. Set Config.Known to what was kept of Positions; or Config.Begun, if it has published nothing before; or use a new name, registered in a new Version of the pipeline",
		p.cfg.Stream, state.FirstSeq, state.LastSeq, left, s.filter, begun)
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
	err = backlog.Each(ctx, consumer, func(msg jetstream.Msg, _ uint64) (more bool, err error) {
		into.see(p.cfg.Name, msg.Subject(), msg.Headers(), msg.Data())
		return true, nil
	})
	if err != nil {
		return fmt.Errorf("stream %q cannot be read: %w", p.cfg.Stream, err)
	}
	return nil
}

// see takes note of a message, if it is the producer's. What is no proper one does not count for a shard either.
func (b *past) see(name, subject string, headers nats.Header, data []byte) {
	if seal.Producer(headers) != name {
		return
	}
	kind := headers.Get(seal.Header)
	if kind != "" && kind != seal.Void {
		b.promise(headers, data)
	} else if n, err := seal.Sequence(headers); err == nil {
		b.record(n, kind == seal.Void, subject, data)
	}
	for hash, ok := b.ahead[b.tally.Count+1]; ok; hash, ok = b.ahead[b.tally.Count+1] {
		b.tally.AddHash(hash)
		delete(b.ahead, b.tally.Count)
	}
}

// record takes note of record n, or of what takes its place.
func (b *past) record(n uint64, void bool, subject string, data []byte) {
	if void {
		data = nil // whatever it has: so it counts for a shard
		b.replay.void(n)
	} else {
		b.replay.record(n, subject, data)
	}
	if n > b.tally.Count {
		if _, again := b.ahead[n]; !again {
			b.ahead[n] = seal.Hash(n, data)
		}
		b.highest = max(b.highest, n)
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
	if headers.Get(seal.Header) != seal.Key { // which is no Seal
		b.replay.promise(made)
	}
	if made.Count == b.known.Count && made.Digest != b.known.Digest {
		b.wrong = fmt.Errorf("its promise %q counts %d records with another digest than Config.Known has", headers.Get(seal.Header), made.Count)
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
