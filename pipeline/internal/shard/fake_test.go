package shard_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/calmstream/calmstream/crdt"
	"github.com/calmstream/calmstream/internal/plan"
	"github.com/calmstream/calmstream/operators"
	"github.com/calmstream/calmstream/pipeline"
	"github.com/calmstream/calmstream/pipeline/internal/checkpoint"
	"github.com/calmstream/calmstream/pipeline/internal/shard"
	"github.com/calmstream/calmstream/sinks"
)

// stream is a log in memory that can grow, hold its readers back and lose its beginning.
type stream struct {
	mu       sync.Mutex
	messages []plan.Message
	lost     uint64 // sequences up to here are gone
	changed  chan struct{}
}

func newStream() *stream { return &stream{changed: make(chan struct{})} }

func (s *stream) put(texts ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, text := range texts {
		m := plan.Message{Subject: "in", Data: []byte(text), Seq: uint64(len(s.messages) + 1), Time: int64(len(s.messages))}
		if text == "END" {
			m.Header = map[string][]string{"Calm-Seal": {"end"}}
		}
		s.messages = append(s.messages, m)
	}
	close(s.changed)
	s.changed = make(chan struct{})
}

func (s *stream) truncate(upTo uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lost = upTo
}

// reader is one owner's view of a stream.
type reader struct {
	*stream
	position uint64
	// gate, if not nil, is asked before each batch; a channel that it returns must be closed first.
	gate func(position uint64) <-chan struct{}
}

func (r *reader) Next(ctx context.Context, wake <-chan struct{}, buf []plan.Message) ([]plan.Message, error) {
	for {
		r.mu.Lock()
		changed := r.changed
		if r.position < r.lost {
			r.mu.Unlock()
			return nil, fmt.Errorf("%w: up to %d", shard.ErrTruncated, r.lost)
		}
		var closed <-chan struct{}
		if r.gate != nil {
			closed = r.gate(r.position)
		}
		if closed == nil && r.position < uint64(len(r.messages)) {
			m := r.messages[r.position]
			r.position++
			r.mu.Unlock()
			return append(buf[:0], m), nil
		}
		r.mu.Unlock()
		select {
		case <-closed:
			r.gate = nil
		case <-changed:
		case <-wake:
			return buf[:0], nil
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

func (r *reader) Position() uint64 { return r.position }
func (r *reader) Lag() uint64      { return 0 }
func (r *reader) Close() error     { return nil }

func (r *reader) Verify(_ context.Context, from uint64) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if from < r.lost {
		return fmt.Errorf("%w: up to %d", shard.ErrTruncated, r.lost)
	}
	return nil
}

// outlet remembers results by identity, and can hold them back.
type outlet struct {
	mu      sync.Mutex
	results map[string]string
	// hold, if not nil, is waited for by barriers.
	hold chan struct{}
	err  error
	// certificates is how many there were.
	certificates int
}

func (o *outlet) Put(_ context.Context, out *shard.Outputs) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.err != nil {
		return o.err
	}
	o.certificates += len(out.Certificates)
	for i := range out.Results {
		r := &out.Results[i]
		id := fmt.Sprintf("%s %s %q", r.Write.Name, r.Meta.Group.Window, r.Meta.Group.Key)
		if before, ok := o.results[id]; ok && before != string(r.Payload) {
			o.err = fmt.Errorf("%s: %q and %q", id, before, r.Payload)
			return o.err
		}
		o.results[id] = string(r.Payload)
	}
	return nil
}

func (o *outlet) Barrier() func(context.Context) error {
	return func(ctx context.Context) error {
		if o.hold == nil {
			return nil
		}
		select {
		case <-o.hold:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// count is a pipeline that counts words.
func count(t *testing.T) *plan.Plan {
	t.Helper()
	return countBy(t, strings.ToLower)
}

// countBy counts words by what key makes of them.
func countBy(t *testing.T, key func(string) string) *plan.Plan {
	t.Helper()
	p := pipeline.New("count")
	words := operators.FlatMap(pipeline.Read(p, "in", pipeline.Source[string]{Stream: "IN", Decode: pipeline.Text}), strings.FieldsSeq)
	counts := operators.Count("counts", operators.KeyBy(words, "word", key))
	finals := operators.Finals(operators.Seal(counts, operators.EndOfInput()))
	pipeline.Write(p, "out", finals, sinks.Func{Name: "out"}, func(f operators.Final[string, crdt.GCounter]) ([]byte, error) {
		return fmt.Append(nil, f.Value.Value()), nil
	})
	cut, err := p.Plan()
	if err != nil {
		t.Fatal(err)
	}
	return cut
}

// world is what several owners of one shard share.
type world struct {
	plan   *plan.Plan
	stream *stream
	store  *checkpoint.Memory
	outlet *outlet
}

func newWorld(t *testing.T) *world {
	t.Helper()
	return &world{plan: count(t), stream: newStream(), store: new(checkpoint.Memory), outlet: &outlet{results: make(map[string]string)}}
}

// owner makes the environment of one owner.
func (w *world) owner(name string) *shard.Env {
	return &shard.Env{
		ID: checkpoint.ShardID{Stage: "in"}, Plan: w.plan, Stage: w.plan.Stages[0],
		Start:   checkpoint.Position{Incarnation: 1},
		OpenLog: func(_ context.Context, at checkpoint.Position) (shard.Log, error) { return w.open(at, nil) },
		Store:   w.store, Outlet: w.outlet, Writer: name,
		Every: time.Second, First: 100 * time.Millisecond, Drain: 10 * time.Second, Now: time.Now,
		Logger: slog.New(slog.DiscardHandler), Stats: new(shard.Stats),
	}
}

func (w *world) open(at checkpoint.Position, gate func(uint64) <-chan struct{}) (shard.Log, error) {
	w.stream.mu.Lock()
	defer w.stream.mu.Unlock()
	if at.Seq < w.stream.lost {
		return nil, fmt.Errorf("%w: up to %d", shard.ErrTruncated, w.stream.lost)
	}
	return &reader{stream: w.stream, position: at.Seq, gate: gate}, nil
}

// stopsAt makes the first log of an owner wait at a position until the channel is closed.
func (w *world) stopsAt(e *shard.Env, position uint64, until <-chan struct{}) {
	opened := false
	e.OpenLog = func(_ context.Context, at checkpoint.Position) (shard.Log, error) {
		if opened {
			return w.open(at, nil)
		}
		opened = true
		return w.open(at, func(p uint64) <-chan struct{} {
			if p < position {
				return nil
			}
			return until
		})
	}
}

// errNoEnd is returned by runs.
var errNoEnd = errors.New("the shard has not come to its end within a day")

// runs runs a shard until it ends by itself. One that would run for ever fails after a day, by the clock of the bubble.
func runs(t *testing.T, e *shard.Env) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 24*time.Hour)
	defer cancel()
	if err := shard.Run(ctx, e); ctx.Err() == nil {
		return err
	}
	return errNoEnd
}

// fence returns the newest position, 0 without one.
func (w *world) fence(t *testing.T) checkpoint.Fence {
	t.Helper()
	l, err := w.store.Load(t.Context(), checkpoint.ShardID{Stage: "in"})
	if err != nil && !errors.Is(err, checkpoint.ErrNone) {
		t.Fatal(err)
	}
	return l.Fence
}

func (w *world) expect(t *testing.T, want string) {
	t.Helper()
	w.outlet.mu.Lock()
	defer w.outlet.mu.Unlock()
	if got := fmt.Sprint(w.outlet.results); got != want {
		t.Errorf("results %s, want %s", got, want)
	}
}
