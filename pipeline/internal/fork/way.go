package fork

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/calmstream/calmstream/internal/plan"
	"github.com/calmstream/calmstream/pipeline/internal/backlog"
	"github.com/calmstream/calmstream/pipeline/internal/checkpoint"
	"github.com/calmstream/calmstream/pipeline/internal/emit"
	"github.com/calmstream/calmstream/pipeline/internal/engine"
	"github.com/calmstream/calmstream/pipeline/internal/exchange"
	"github.com/calmstream/calmstream/pipeline/internal/shard"
)

// holdEvery is the time between messages of a hold, of which each counts for engine.HoldAge.
const holdEvery = engine.HoldAge / 6

// hold keeps the exchange as it is while a cut is made: without it the workers of the old version delete what its newer checkpoints cover, and
// a new version would be behind what they have deleted before it has begun.
type hold struct {
	*forker
	mu     sync.Mutex
	placed time.Time
	// at is a sequence of the exchange behind all that belongs to the cut.
	at      uint64
	cancel  context.CancelFunc
	running sync.WaitGroup
}

// begin places the hold, and places it again until end.
func (h *hold) begin(ctx context.Context) error {
	if _, err := h.place(ctx, nil); err != nil {
		return err
	}
	ctx, h.cancel = context.WithCancel(ctx)
	h.running.Go(func() {
		ticker := time.NewTicker(holdEvery)
		defer ticker.Stop()
		for {
			select {
			case <-ticker.C:
			case <-ctx.Done():
				return
			}
			if _, err := h.place(ctx, nil); err != nil {
				h.Logger.Debug("the exchange is not told to keep what is taken over", "error", err)
			}
		}
	})
	return nil
}

// place publishes one message, with something in it for the last one, and returns its sequence.
func (h *hold) place(ctx context.Context, end []byte) (seq uint64, err error) {
	now := time.Now()
	ack, err := h.js.Publish(ctx, engine.HoldSubject(h.Plan.Graph.Name, h.Plan.Epoch(), h.mark), end, jetstream.WithExpectStream(engine.ExchangeStream(h.Plan.Graph.Name)))
	if err != nil {
		return 0, fmt.Errorf("the exchange takes no message: %w", err)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.placed = now
	return ack.Sequence, nil
}

// check fails if the hold may not count any more.
func (h *hold) check() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.cancel != nil && time.Since(h.placed) > engine.HoldAge/2 {
		return errors.New("the exchange could not be kept as it is for as long as it takes; start this version again")
	}
	return nil
}

// end ends the hold.
func (h *hold) end(ctx context.Context) {
	if h.cancel == nil {
		return
	}
	h.cancel()
	h.running.Wait()
	h.step("release")
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), engine.HoldAge/6)
	defer cancel()
	if _, err := h.place(ctx, []byte("end")); err != nil {
		h.Logger.Debug("the exchange stays as it is for a minute", "error", err)
	}
}

// maxCarried is about how much of what was on its way to one shard is held in memory.
const maxCarried = 4 << 20

// carry gives each shard behind an exchange the records that its producers have sent on their side of the cut and that it has not taken, and what they have
// told.
func (f *forker) carry(ctx context.Context, cuts map[checkpoint.ShardID]*cut, hold *hold) (err error) {
	if hold.cancel == nil {
		return nil
	}
	if hold.at, err = hold.place(ctx, nil); err != nil { // all that the checkpoints speak of is stored before
		return err
	}
	bearers := make(map[string]*bearer) // by the subject of the old version
	for _, stage := range f.Plan.Stages {
		for number := range stage.Shards {
			if !stage.Exchanged() {
				break
			}
			id := checkpoint.ShardID{Stage: stage.Name, Shard: number}
			if cuts[id] == nil {
				if cuts[id], err = f.fresh(stage, number, hold.at); err != nil {
					return err
				}
			}
			if !cuts[id].fence.Done { // else it has all that there will be
				subject := emit.ExchangeSubject(f.Plan.Graph.Name, f.from, stage.Name, number)
				bearers[subject] = f.bearer(stage, number, cuts)
			}
		}
	}
	f.step("read what is on its way")
	if err := f.read(ctx, bearers, hold.at); err != nil {
		return err
	}
	for _, b := range bearers {
		f.step("carry to " + b.id.String())
		if err := b.end(ctx, hold.at); err != nil {
			return fmt.Errorf("%v: %w", b.id, err)
		}
	}
	return nil
}

// fresh is the cut of a shard that the old version does not have.
func (f *forker) fresh(stage *plan.Stage, number int, at uint64) (*cut, error) {
	meta, err := shard.Beginning(f.Plan, stage, number)
	if err != nil {
		return nil, err
	}
	c := &cut{found: true, fence: checkpoint.Fence{Writer: writer, Commit: 1, Position: checkpoint.Position{Incarnation: f.created[stage.Name], Seq: at - 1}, Meta: meta}}
	c.parts, err = shard.PartsOf(meta, partitions(stage), stage.Producers())
	return c, err
}

// bearer writes the segments with what was on its way to one shard.
type bearer struct {
	*forker
	id    checkpoint.ShardID
	cut   *cut
	way   *exchange.Way
	w     checkpoint.SegmentWriter
	bytes int
	refs  []checkpoint.SegmentRef
}

// bearer makes the bearer of a shard.
func (f *forker) bearer(stage *plan.Stage, number int, cuts map[checkpoint.ShardID]*cut) *bearer {
	var until []uint64
	var told []int64
	for p := range stage.Producers() {
		from, n := stage.ProducerAt(p)
		sent, says := uint64(1), int64(plan.Beginning)
		if above := cuts[checkpoint.ShardID{Stage: from.Name, Shard: n}]; above != nil {
			sent = above.numberTo(stage, number)
			if i := slices.Index(from.To, stage); i < len(above.told) {
				says = above.told[i]
			}
		}
		until, told = append(until, sent), append(told, says)
	}
	id := checkpoint.ShardID{Stage: stage.Name, Shard: number}
	return &bearer{forker: f, id: id, cut: cuts[id], way: exchange.NewWay(cuts[id].parts.Taken, until, told)}
}

// read takes out of the old version's exchange what stands behind the positions of the shards and before another.
func (f *forker) read(ctx context.Context, bearers map[string]*bearer, end uint64) error {
	missing, first := 0, end
	for _, b := range bearers {
		if _, _, more := b.way.Missing(); more {
			missing++
			first = min(first, b.cut.fence.Position.Seq+1)
		}
	}
	if missing == 0 {
		return nil
	}
	name := f.Plan.Graph.Name
	consumer, err := f.js.OrderedConsumer(ctx, engine.ExchangeStream(name), jetstream.OrderedConsumerConfig{
		FilterSubjects: []string{"calm.x." + name + "." + f.from + ".>"},
		DeliverPolicy:  jetstream.DeliverByStartSequencePolicy, OptStartSeq: first,
	})
	if err != nil {
		return fmt.Errorf("the exchange cannot be read: %w", err)
	}
	err = backlog.Each(ctx, consumer, func(msg jetstream.Msg, seq uint64) (more bool, err error) {
		if seq >= end {
			return false, nil
		}
		b := bearers[msg.Subject()]
		if b == nil || seq <= b.cut.fence.Position.Seq {
			return true, nil
		}
		if _, _, more := b.way.Missing(); !more {
			return true, nil
		}
		err = b.take(ctx, seq, msg.Data())
		if _, _, more := b.way.Missing(); !more {
			missing--
		}
		return missing > 0, err
	})
	if err != nil {
		return fmt.Errorf("the exchange cannot be read: %w", err)
	}
	return nil
}

// take takes what is on the way out of an envelope.
func (b *bearer) take(ctx context.Context, seq uint64, envelope []byte) error {
	part, err := b.way.Take(envelope)
	if err != nil || len(part) == 0 {
		return err
	}
	if err := shard.AddArrival(&b.w, seq, part); err != nil {
		return err
	}
	if b.bytes += len(part); b.bytes < maxCarried {
		return nil
	}
	return b.store(ctx)
}

// end checks that nothing is missing, and adds what was told. That is a segment of its own, since it is at one position.
func (b *bearer) end(ctx context.Context, at uint64) error {
	if p, n, missing := b.way.Missing(); missing {
		return fmt.Errorf("%w (record %d of producer %d)", errAgain, n, p)
	}
	if err := b.store(ctx); err != nil {
		return err
	}
	for _, envelope := range append(b.way.Told(), nil) {
		if err := shard.AddArrival(&b.w, at, envelope); err != nil {
			return err
		}
	}
	if err := b.store(ctx); err != nil {
		return err
	}
	b.cut.fence.Segments = append(b.refs, b.cut.fence.Segments...)
	return nil
}

// store stores what was gathered as a segment.
func (b *bearer) store(ctx context.Context) error {
	segment := b.w.Finish(shard.ArrivalsID(b.mark, b.next()), false)
	b.bytes = 0
	if segment.Ref.Chunks == 0 {
		return nil
	}
	b.refs = append(b.refs, segment.Ref)
	return b.put(ctx, b.id, segment)
}
