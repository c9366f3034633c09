package fork_test

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"math"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/calmstream/calmstream/internal/natstest"
	"github.com/calmstream/calmstream/internal/plan"
	"github.com/calmstream/calmstream/pipeline/internal/checkpoint"
	"github.com/calmstream/calmstream/pipeline/internal/checkpoint/jetstore"
	"github.com/calmstream/calmstream/pipeline/internal/engine"
	"github.com/calmstream/calmstream/pipeline/internal/fork"
	"github.com/calmstream/calmstream/pipeline/internal/version"
)

// counting is a plan that counts the records of inputs, each in a stage of its own, under the names of the states; steps maps stand in between.
func counting(t *testing.T, steps int, states ...string) *plan.Plan {
	t.Helper()
	g := &plan.Graph{Name: "p"}
	for _, state := range states {
		in := "in-" + strings.TrimPrefix(state, "new-")
		n := g.Add(&plan.Node{Kind: plan.KindRead, Op: "read", Name: in, Source: &plan.SourceSpec{Stream: "S", Filters: []string{in}}})
		for range steps {
			n = g.Add(&plan.Node{Kind: plan.KindMap, Op: "map", In: []*plan.Node{n}})
		}
		n = g.Add(&plan.Node{Kind: plan.KindKeyBy, Op: "key-by", Name: "word", KeyName: "word", Typed: strings.ToLower, In: []*plan.Node{n}})
		n = g.Add(&plan.Node{Kind: plan.KindFold, Op: "count", Name: state, KeyName: "word", State: "crdt.GCounter", In: []*plan.Node{n}})
		g.Add(&plan.Node{Kind: plan.KindWrite, Op: "write", Name: state, Target: state, In: []*plan.Node{n}})
	}
	p, err := plan.Cut(g)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// number of the operator with a state.
func number(t *testing.T, p *plan.Plan, state string) uint64 {
	t.Helper()
	for _, n := range p.Graph.Nodes {
		if n.Stateful() && n.Name == state {
			return uint64(n.ID) //nolint:gosec // small
		}
	}
	t.Fatalf("no state %s", state)
	return 0
}

func open(t *testing.T, conn *nats.Conn, epoch string) *jetstore.Store {
	t.Helper()
	s, err := jetstore.Open(t.Context(), jetstore.Config{Conn: conn, Pipeline: "p", Epoch: epoch})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// entry is one of the state of an operator.
func entry(number uint64, text string) []byte {
	return append(binary.AppendUvarint(nil, number), text...)
}

// stored are three segments for each stage of an old version: large, small, and of what the new one does not keep alone.
func stored(t *testing.T, conn *nats.Conn, p *plan.Plan, states ...string) map[string][]string {
	t.Helper()
	s := open(t, conn, p.Epoch())
	want := make(map[string][]string)
	fences := make(map[checkpoint.ShardID]checkpoint.Fence)
	start := engine.StartRecord{Logs: make(map[string]engine.LogStart)}
	for i, state := range states {
		id := checkpoint.ShardID{Stage: "in-" + state}
		start.Logs[id.Stage] = engine.LogStart{Stream: "S", Created: 7, After: uint64(i)}                                                                                                  //nolint:gosec // small
		fence := checkpoint.Fence{Writer: "w", Commit: 9, Position: checkpoint.Position{Incarnation: 7, Seq: 100 + uint64(i), LastSeq: 99, LastTime: 5}, Meta: []byte("meta of " + state)} //nolint:gosec // small
		for k, size := range []int{3000, 2, 1} {
			var w checkpoint.SegmentWriter
			for e := range size {
				text := fmt.Sprintf("%s-%d-%d-%s", state, k, e, strings.Repeat("x", 200))
				want[state] = append(want[state], text)
				if err := w.Add(entry(number(t, p, state), text)); err != nil {
					t.Fatal(err)
				}
			}
			seg := w.Finish(fmt.Sprintf("s%d", k), k == 0)
			for n, chunk := range seg.Chunks {
				if err := s.PutChunk(t.Context(), id, seg.Ref.ID, n, chunk); err != nil {
					t.Fatal(err)
				}
			}
			fence.Segments = append(fence.Segments, seg.Ref)
		}
		fences[id] = fence
	}
	record, err := json.Marshal(start)
	if err == nil {
		err = s.Establish(t.Context(), map[string][]byte{engine.StartKey: record}, fences)
	}
	if err == nil {
		err = version.Record(t.Context(), s, p)
	}
	if err != nil {
		t.Fatal(err)
	}
	return want
}

// keys returns each key of an epoch with its revision and value.
func keys(t *testing.T, js jetstream.JetStream, epoch string) map[string]string {
	t.Helper()
	stream, err := js.Stream(t.Context(), "KV_calm_p")
	if err != nil {
		t.Fatal(err)
	}
	info, err := stream.Info(t.Context(), jetstream.WithSubjectFilter("$KV.calm_p."+epoch+".>"))
	if err != nil {
		t.Fatal(err)
	}
	all := make(map[string]string)
	for subject := range info.State.Subjects {
		m, err := stream.GetLastMsgForSubject(t.Context(), subject)
		if err != nil {
			t.Fatal(err)
		}
		all[subject] = fmt.Sprintf("%d %x", m.Sequence, m.Data)
	}
	return all
}

// check holds the new epoch against what its old one had: the entries of the kept states in their order, under their new numbers, and the positions.
func check(t *testing.T, conn *nats.Conn, old, next *plan.Plan, want map[string][]string, positions map[string]uint64) {
	t.Helper()
	s := open(t, conn, next.Epoch())
	shards, _, err := s.Contents(t.Context())
	if err != nil || len(shards) != len(positions) {
		t.Errorf("shards %v, %v", shards, err)
	}
	cut := make(map[string][]uint64)
	for state, position := range positions {
		id := checkpoint.ShardID{Stage: "in-" + state}
		cut[id.Stage] = []uint64{position}
		loaded, err := s.Load(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		f := loaded.Fence
		if f.Position != (checkpoint.Position{Incarnation: 7, Seq: position, LastSeq: 99, LastTime: 5}) || string(f.Meta) != "meta of "+state {
			t.Errorf("%s: position %+v, %s", state, f.Position, f.Meta)
		}
		var got []string
		for k, ref := range f.Segments {
			if ref.Base != (k == 0) {
				t.Errorf("%s: segment %d: base %t", state, k, ref.Base)
			}
			err := s.Read(t.Context(), id, ref, func(chunk []byte) error {
				return checkpoint.Entries(chunk, func(e []byte) error {
					n, size := binary.Uvarint(e)
					if n != number(t, next, state) {
						t.Errorf("%s: an entry of operator %d", state, n)
					}
					got = append(got, string(e[size:]))
					return nil
				})
			})
			if err != nil {
				t.Error(err)
			}
		}
		if !slices.Equal(got, want[state]) {
			t.Errorf("%s: %d entries, want %d", state, len(got), len(want[state]))
		}
	}
	record, _, err := s.ReadOnce(t.Context(), engine.StartKey)
	if err != nil {
		t.Fatal(err)
	}
	var start engine.StartRecord
	if err := json.Unmarshal(record, &start); err != nil {
		t.Fatal(err)
	}
	if start.From == nil || start.From.Epoch != old.Epoch() || !maps.EqualFunc(start.From.Cut, cut, slices.Equal) {
		t.Errorf("the start record says %+v, want the cut %v", start.From, cut)
	}
	for stage, log := range start.Logs {
		_, kept := cut[stage]
		if kept == (log.After == 1000) {
			t.Errorf("stage %s begins behind %d", stage, log.After)
		}
	}
}

func take(t *testing.T, conn *nats.Conn, next *plan.Plan, step func(string)) error {
	t.Helper()
	mine := engine.StartRecord{Logs: make(map[string]engine.LogStart)}
	for _, s := range next.Stages {
		mine.Logs[s.Name] = engine.LogStart{Stream: "S", Created: 7, After: 1000}
	}
	return fork.Take(t.Context(), fork.Config{Conn: conn, Plan: next, Logger: slog.New(slog.DiscardHandler), Patience: 50 * time.Millisecond, Step: step}, open(t, conn, next.Epoch()), mine)
}

// A process that takes over is killed before each of its steps in turn. Nothing can be seen until the last one, and the next process comes to the
// same as one that was not killed. No key of the old version is touched.
func TestKilledAtEachStep(t *testing.T) {
	t.Parallel()
	srv := natstest.Run(t)
	conn, js := srv.Conn(t), srv.JetStream(t)
	old, next := counting(t, 0, "a", "gone", "b"), counting(t, 200, "a", "new-c", "b") // 200 maps, so that numbers become longer
	want := stored(t, conn, old, "a", "gone", "b")
	before := keys(t, js, old.Epoch())
	store := open(t, conn, next.Epoch())
	steps := 0
	for done := false; !done; steps++ {
		var killed sync.WaitGroup
		killed.Go(func() {
			n := 0
			err := take(t, conn, next, func(string) {
				if n == steps {
					runtime.Goexit()
				}
				n++
			})
			done = err == nil
			if err != nil {
				t.Error(err)
			}
		})
		killed.Wait()
		if err := store.Free(t.Context()); !done && err != nil {
			t.Fatalf("killed before step %d, and the epoch has begun: %v", steps, err)
		}
	}
	if steps < 7 {
		t.Errorf("it has only %d steps", steps)
	}
	if err := take(t, conn, next, nil); err != nil { // somebody has been here
		t.Error(err)
	}
	check(t, conn, old, next, want, map[string]uint64{"a": 100, "b": 102})
	if after := keys(t, js, old.Epoch()); !maps.Equal(before, after) {
		t.Error("keys of the old version were touched")
	}
}

// Many processes of the new version take over at once: one does, and the others find that.
func TestManyTakeOver(t *testing.T) {
	t.Parallel()
	srv := natstest.Run(t)
	conn := srv.Conn(t)
	old, next := counting(t, 0, "a", "b"), counting(t, 1, "a", "b")
	want := stored(t, conn, old, "a", "b")
	var group sync.WaitGroup
	for range 5 {
		group.Go(func() {
			if err := take(t, conn, next, nil); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	check(t, conn, old, next, want, map[string]uint64{"a": 100, "b": 101})
}

// What another version cannot read, or would read otherwise, is refused with all reasons, before anything is written.
func TestDecide(t *testing.T) {
	t.Parallel()
	base := counting(t, 1, "a", "b").Document()
	for what, c := range map[string]struct {
		change func(d *plan.Document)
		want   string
	}{
		"type":      {func(d *plan.Document) { d.Operators[3].State.Type = "crdt.Max" }, `its type was "crdt.GCounter" and is "crdt.Max"`},
		"shards":    {func(d *plan.Document) { d.Stages[0].Shards = 2 }, `the shards of the input in-a were "1" and are "2"`},
		"stream":    {func(d *plan.Document) { d.Stages[0].Stream = "T" }, `the stream of the input in-a were "S" and are "T"`},
		"subjects":  {func(d *plan.Document) { d.Stages[0].Subjects = []string{"x"} }, "the subjects of the input in-a"},
		"settings":  {func(d *plan.Document) { d.Operators[0].Detail = "other time" }, "the settings of the input in-a"},
		"stage":     {func(d *plan.Document) { d.Operators[3].Stages = []string{"in-b"} }, "it was in stage in-a and is in stage in-b"},
		"inputs":    {func(d *plan.Document) { d.Operators[3].Inputs = []int{2, 1} }, "it had 1 inputs and has 2"},
		"exchange":  {func(d *plan.Document) { d.Stages[1].From = []string{"in-a"} }, "stage in-b was fed by nothing and is by in-a"},
		"seal":      {func(d *plan.Document) { d.Operators[4].Operator = "seal" }, "it was sealed by nothing and is by seal ()"},
		"threshold": {func(d *plan.Document) { d.Operators[4].Operator, d.Operators[4].Detail = "threshold", "count >= 5" }, "threshold (count >= 5) is new"},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			next := counting(t, 1, "a", "b").Document()
			next.Fingerprint = "other"
			c.change(&next)
			_, _, _, err := fork.Decide(base, next)
			if !errors.Is(err, fork.ErrRefused) || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v\nwant %s", err, c.want)
			}
		})
	}
	kept, lost, fresh, err := fork.Decide(counting(t, 0, "a", "gone").Document(), counting(t, 1, "a", "new-c").Document())
	if err != nil || !maps.Equal(kept, map[int]int{2: 3}) || !slices.Equal(lost, []string{"gone"}) || !slices.Equal(fresh, []string{"new-c"}) {
		t.Errorf("kept %v, lost %v, fresh %v, %v", kept, lost, fresh, err)
	}
	kept, _, _, err = fork.Decide(counting(t, 0, "a").Document(), counting(t, 1, "b").Document())
	if err != nil || len(kept) > 0 {
		t.Errorf("nothing is common, and %v is kept, %v", kept, err)
	}
}

// A version that is refused has stored nothing, and one that declares another Version begins anew.
func TestRefusedVersionLeavesNothing(t *testing.T) {
	t.Parallel()
	srv := natstest.Run(t)
	conn, js := srv.Conn(t), srv.JetStream(t)
	old, next, anew := counting(t, 0, "a"), counting(t, 1, "a"), counting(t, 1, "a")
	stored(t, conn, old, "a")
	next.Graph.Nodes[3].State, next.Fingerprint = "crdt.Max", "f1"
	if err := take(t, conn, next, nil); !errors.Is(err, fork.ErrRefused) || !strings.Contains(err.Error(), "Config.Anew") {
		t.Errorf("another type under the same name: %v", err)
	}
	anew.Graph.Version, anew.Fingerprint = "2", "f2"
	if err := take(t, conn, anew, nil); err != nil {
		t.Error(err)
	}
	for _, p := range []*plan.Plan{next, anew} {
		if left := keys(t, js, p.Epoch()); len(left) > 0 {
			t.Errorf("%d keys were left", len(left))
		}
	}
}

// Results that wait in the outbox of the old version are its own: they leave first. What has left is not taken over.
func TestOutboxOfTheOldVersion(t *testing.T) {
	t.Parallel()
	conn := natstest.Run(t).Conn(t)
	old, next := counting(t, 0, "a"), counting(t, 1, "a")
	want := stored(t, conn, old, "a")
	s, id := open(t, conn, old.Epoch()), checkpoint.ShardID{Stage: "in-a"}
	commit := func(meta ...byte) {
		t.Helper()
		loaded, err := s.Load(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		var w checkpoint.SegmentWriter
		if err := w.Add(entry(math.MaxInt32, "a result")); err != nil {
			t.Fatal(err)
		}
		seg := w.Finish(fmt.Sprintf("o%d", meta[2]), false)
		f := loaded.Fence
		f.Commit, f.Meta, f.Segments = f.Commit+1, meta, append(f.Segments, seg.Ref)
		if _, err := s.Commit(t.Context(), id, loaded.Revision, f, []checkpoint.Segment{seg}); err != nil {
			t.Fatal(err)
		}
	}
	commit(3, 0, 1, 2) // one of two results has left
	if err := take(t, conn, next, nil); err == nil || !strings.Contains(err.Error(), "in-a/0: results wait in its outbox") {
		t.Errorf("a result waits: %v", err)
	}
	commit(3, 0, 2, 2)
	if err := take(t, conn, next, nil); err != nil {
		t.Fatal(err)
	}
	loaded, err := open(t, conn, next.Epoch()).Load(t.Context(), id)
	if err != nil || !slices.Equal(loaded.Fence.Meta, []byte{3, 0, 2, 2}) {
		t.Errorf("%v, %v", loaded.Fence.Meta, err)
	}
	n := 0
	for _, ref := range loaded.Fence.Segments {
		err := open(t, conn, next.Epoch()).Read(t.Context(), id, ref, func(chunk []byte) error {
			return checkpoint.Entries(chunk, func([]byte) error { n++; return nil })
		})
		if err != nil {
			t.Error(err)
		}
	}
	if n != len(want["a"]) {
		t.Errorf("%d entries, want %d", n, len(want["a"]))
	}
}
