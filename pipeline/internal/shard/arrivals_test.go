package shard_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/calmstream/calmstream/crdt"
	"github.com/calmstream/calmstream/internal/plan"
	"github.com/calmstream/calmstream/operators"
	"github.com/calmstream/calmstream/pipeline"
	"github.com/calmstream/calmstream/pipeline/internal/checkpoint"
	"github.com/calmstream/calmstream/pipeline/internal/exchange"
	"github.com/calmstream/calmstream/pipeline/internal/shard"
	"github.com/calmstream/calmstream/sinks"
)

const (
	arrivalsAt  = 3  // the position of the checkpoint that an epoch begins with
	arrivalsEnd = 20 // that behind which its log begins
)

// here are so many words that belong to the first of two shards.
func here(n int) (words []string) {
	for i := 0; len(words) < n; i++ {
		if word := fmt.Sprint("w", i); plan.Partition(plan.KeyCodecOf[string]().Append(nil, word), 2) == 0 {
			words = append(words, word)
		}
	}
	return words
}

// captured takes the envelopes of the words of both producers to the first shard of the stage of e, each word by itself.
func captured(t *testing.T, e *shard.Env, words ...string) (envelopes [][]byte) {
	t.Helper()
	for p := range 2 {
		stage := e.Plan.Stages[0]
		m, err := shard.NewMachine(&shard.Env{ID: checkpoint.ShardID{Stage: stage.Name, Shard: p}, Plan: e.Plan, Stage: stage})
		if err != nil {
			t.Fatal(err)
		}
		for i, word := range words {
			if _, err := m.Apply([]plan.Message{{Data: []byte(word), Seq: uint64(i + 1)}}); err != nil { //nolint:gosec // small
				t.Fatal(err)
			}
		}
		out, _ := m.Take()
		for _, envelope := range out.Envelopes {
			if envelope.Partition == 0 {
				envelopes = append(envelopes, envelope.Data)
			}
		}
	}
	return envelopes
}

// arriving begins an epoch with a shard to which envelopes are on their way, in as many segments, and whose producers are told to have ended unless
// the log is to say so.
func arriving(t *testing.T, w *world, e *shard.Env, envelopes [][]byte, told bool) {
	t.Helper()
	meta, err := shard.Beginning(e.Plan, e.Stage, e.ID.Shard)
	if err != nil {
		t.Fatal(err)
	}
	fence := checkpoint.Fence{Writer: "fork", Commit: 1, Position: checkpoint.Position{Incarnation: 1, Seq: arrivalsAt}, Meta: meta}
	var segments []checkpoint.Segment
	add := func(seq uint64, envelopes ...[]byte) {
		t.Helper()
		var sw checkpoint.SegmentWriter
		for _, envelope := range envelopes {
			if err := shard.AddArrival(&sw, seq, envelope); err != nil {
				t.Fatal(err)
			}
		}
		segment := sw.Finish(shard.ArrivalsID("m", len(segments)), false)
		segments, fence.Segments = append(segments, segment), append(fence.Segments, segment.Ref)
	}
	next := []uint64{1, 1}
	for i, envelope := range envelopes {
		add(arrivalsAt+1+uint64(i), envelope) //nolint:gosec // small
		next[min(1, i/(len(envelopes)/2))]++
	}
	frontier := int64(plan.Beginning)
	if told {
		frontier = plan.End
	}
	add(arrivalsEnd, append(exchange.NewWay(next, next, []int64{frontier, frontier}).Told(), nil)...)
	if _, err := w.store.Commit(t.Context(), e.ID, 0, fence, segments); err != nil {
		t.Fatal(err)
	}
	for range arrivalsEnd {
		w.stream.put("what is no envelope, and nobody is to read")
	}
}

// names reports whether the newest checkpoint names what was on its way.
func (w *world) names(t *testing.T, e *shard.Env) (arrivals bool, position uint64) {
	t.Helper()
	loaded, err := w.store.Load(t.Context(), e.ID)
	if err != nil {
		t.Fatal(err)
	}
	return slices.ContainsFunc(loaded.Fence.Segments, shard.IsArrivals), loaded.Fence.Position.Seq
}

// stuckStore reads no segment of a name before its context ends.
type stuckStore struct {
	checkpoint.Store
	segment string
	at      atomic.Bool
}

func (s *stuckStore) Read(ctx context.Context, id checkpoint.ShardID, ref checkpoint.SegmentRef, each func([]byte) error) error {
	if ref.ID == s.segment {
		s.at.Store(true)
		<-ctx.Done()
		return ctx.Err()
	}
	return s.Store.Read(ctx, id, ref, each)
}

// What was on its way is taken once, wherever an owner ends: before it has come, in the midst of it, or with others beside it. The checkpoint behind it
// names it no more.
func TestArrivalsAreTakenOnce(t *testing.T) {
	t.Parallel()
	for _, told := range []bool{true, false} {
		for _, stop := range []int{0, 3, 4, 8} { // the last one has what was told
			synctest.Test(t, func(t *testing.T) {
				w, e := behind(t)
				words := here(3)
				envelopes := captured(t, e, words[0], words[1], words[0], words[2])
				if len(envelopes) != 8 {
					t.Fatalf("%d envelopes", len(envelopes))
				}
				arriving(t, w, e, envelopes, told)
				ctx, cancel := context.WithCancel(t.Context())
				first := *e
				stuck := &stuckStore{Store: w.store, segment: shard.ArrivalsID("m", stop)}
				first.Store, first.Writer = stuck, "first"
				ended := make(chan error, 1)
				go func() { ended <- shard.Run(ctx, &first) }()
				time.Sleep(2 * time.Second)
				cancel()
				if err := <-ended; err != nil || !stuck.at.Load() {
					t.Fatalf("the first owner: %v", err)
				}
				if names, at := w.names(t, e); !names || at != arrivalsAt+uint64(stop) { //nolint:gosec // small
					t.Errorf("stopped at segment %d: the checkpoint is at %d and names what comes: %t", stop, at, names)
				}
				if !told {
					tell(w, 0, plan.End)
					tell(w, 1, plan.End)
				}
				second := *e
				second.Writer, second.Stats = "second", new(shard.Stats)
				go func() { ended <- runs(t, &second) }()
				for _, err := range []error{runs(t, e), <-ended} {
					if err != nil {
						t.Error(err)
					}
				}
				if names, at := w.names(t, e); names || at < arrivalsEnd {
					t.Errorf("the checkpoint is at %d and names what has come: %t", at, names)
				}
				want := make(map[string]string)
				for i, n := range []string{"4", "2", "2"} {
					want[fmt.Sprintf("out global %q", words[i])] = n
				}
				w.outlet.mu.Lock()
				defer w.outlet.mu.Unlock()
				if !maps.Equal(w.outlet.results, want) {
					t.Errorf("stopped at segment %d: got %v, want %v", stop, w.outlet.results, want)
				}
			})
		}
	}
}

// An owner that is still at what was on its way when another has removed it goes on from the other's checkpoint.
func TestArrivalsThatAnotherHasTaken(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w, e := behind(t)
		arriving(t, w, e, captured(t, e, here(4)...), true)
		late := *e
		gate := make(chan struct{})
		late.Store, late.Writer, late.Stats = &gatedStore{w.store, gate}, "late", new(shard.Stats)
		ended := make(chan error, 1)
		go func() { ended <- runs(t, &late) }()
		synctest.Wait()
		if err := runs(t, e); err != nil {
			t.Fatal(err)
		}
		var gone []checkpoint.SegmentRef
		for n := range 9 {
			gone = append(gone, checkpoint.SegmentRef{ID: shard.ArrivalsID("m", n), Chunks: 1})
		}
		if err := w.store.Remove(t.Context(), e.ID, gone); err != nil {
			t.Fatal(err)
		}
		close(gate)
		if err := <-ended; err != nil || late.Stats.Adoptions.Load() != 1 {
			t.Errorf("%d adoptions, %v", late.Stats.Adoptions.Load(), err)
		}
	})
}

// gatedStore reads nothing of what is on its way before its gate is open.
type gatedStore struct {
	checkpoint.Store
	gate chan struct{}
}

func (s *gatedStore) Read(ctx context.Context, id checkpoint.ShardID, ref checkpoint.SegmentRef, each func([]byte) error) error {
	if shard.IsArrivals(ref) {
		<-s.gate
	}
	return s.Store.Read(ctx, id, ref, each)
}

// Envelopes that are larger than an entry of a segment are put together again.
func TestLargeArrivals(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w, e := behind(t)
		var record []byte
		for _, envelope := range captured(t, e, here(1)...) {
			if err := exchange.NewReceiver(2).Accept(envelope, func(_ uint32, r []byte) error { record = bytes.Clone(r); return nil }); err != nil {
				t.Fatal(err)
			}
		}
		size, n := binary.Uvarint(record) // the length of the key, which becomes as long as it can be
		key := strings.Repeat("k", plan.MaxRecordBytes-len(record))
		record = append(append(binary.AppendUvarint(nil, uint64(len(key))), key...), record[n+int(size):]...) //nolint:gosec // small
		var envelopes [][]byte
		for p := range 2 {
			s := exchange.NewSender(p, 1, func(_ int, envelope []byte) { envelopes = append(envelopes, envelope) })
			s.Send(nil, record)
			s.Flush()
		}
		if len(envelopes[0]) <= checkpoint.MaxEntry {
			t.Fatalf("an envelope of %d bytes proves nothing", len(envelopes[0]))
		}
		arriving(t, w, e, envelopes, true)
		if err := runs(t, e); err != nil {
			t.Fatal(err)
		}
		w.expect(t, fmt.Sprintf("map[out global %q:2]", key))
	})
}

// What a version would say to be complete is less behind a seal, and nothing before there is anything.
func TestTells(t *testing.T) {
	t.Parallel()
	const frontier = int64(time.Hour)
	p := pipeline.New("tells")
	words := pipeline.Read(p, "in", pipeline.Source[string]{Stream: "IN", Subjects: []string{"in.0", "in.1"}, Decode: pipeline.Text, MaxAhead: 24 * time.Hour, Time: func(string) time.Time { return time.Unix(0, frontier) }})
	counts := operators.Count("counts", operators.Window(operators.KeyBy(words, "word", strings.ToLower), operators.Tumbling(time.Second)))
	top := operators.TopK("top", operators.Seal(counts, operators.Watermark(2*time.Second)), 3, (*crdt.GCounter).Value)
	pipeline.Write(p, "out", top, sinks.Func{Name: "out"}, pipeline.EncodeJSON)
	cut, err := p.Plan()
	if err != nil {
		t.Fatal(err)
	}
	messages := []plan.Message{{Data: []byte("a"), Seq: 1}}
	for i, want := range []int64{frontier, frontier - int64(2*time.Second)} {
		stage := cut.Stages[i]
		m, err := shard.NewMachine(&shard.Env{ID: checkpoint.ShardID{Stage: stage.Name}, Plan: cut, Stage: stage})
		if err != nil {
			t.Fatal(err)
		}
		tells := func(want int64) {
			t.Helper()
			meta := m.Meta()
			segment, err := m.Snapshot("s", true)
			if err != nil {
				t.Fatal(err)
			}
			told, err := shard.Tells(cut, stage, 0, meta, func(each func([]byte) error) error {
				for _, chunk := range segment.Chunks {
					if err := each(chunk); err != nil {
						return err
					}
				}
				return nil
			})
			if err != nil || !slices.Equal(told, []int64{want}) {
				t.Errorf("%s tells %v, want %d: %v", stage.Name, told, want, err)
			}
		}
		tells(plan.Beginning)
		if _, err := m.Apply(messages); err != nil {
			t.Fatal(err)
		}
		tells(want)
		out, _ := m.Take()
		messages = nil
		for p := range 2 { // both producers of the next stage
			for _, envelope := range out.Envelopes {
				if envelope.Partition == 0 {
					data := bytes.Clone(envelope.Data)
					data[1] = byte(p)                                                                     // its number
					messages = append(messages, plan.Message{Data: data, Seq: uint64(len(messages) + 1)}) //nolint:gosec // small
				}
			}
		}
		broken := errors.New("broken")
		if _, err := shard.Tells(cut, stage, 0, m.Meta(), func(func([]byte) error) error { return broken }); !errors.Is(err, broken) {
			t.Errorf("%s: %v", stage.Name, err)
		}
	}
}
