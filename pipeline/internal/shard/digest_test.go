package shard_test

import (
	"bytes"
	"context"
	"encoding/hex"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/calmstream/calmstream/crdt"
	"github.com/calmstream/calmstream/internal/plan"
	"github.com/calmstream/calmstream/operators"
	"github.com/calmstream/calmstream/pipeline"
	"github.com/calmstream/calmstream/pipeline/internal/checkpoint"
	"github.com/calmstream/calmstream/pipeline/internal/shard"
	"github.com/calmstream/calmstream/sinks"
)

// impure makes another key of each word that it sees, whoever asks.
func impure() func(string) string {
	n := 0
	return func(word string) string {
		n++
		return fmt.Sprint(word, n)
	}
}

// impureOwner is an owner, with a log of its own, that shares an impure plan with others.
func (w *world) impureOwner(name string, p *plan.Plan, log *bytes.Buffer) *shard.Env {
	e := w.owner(name)
	e.Plan, e.Stage, e.MarkDistance = p, p.Stages[0], 4
	e.Logger = slog.New(slog.NewTextHandler(log, nil))
	return e
}

// An owner that has lost a race to one behind it does not add its own to what that one has made of the same input in another
// way: it raises the alarm and begins again from what is stored.
func TestDivergenceIsNotMerged(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.plan = countBy(t, impure())
		w.stream.put("a", "b", "c", "d", "e", "f", "g", "h", "i")
		var log bytes.Buffer
		loser := w.impureOwner("loser", w.plan, &log)
		commit := make(chan struct{})
		loser.Store = &slowStore{w.store, commit}
		opened := 0
		loser.OpenLog = func(_ context.Context, at checkpoint.Position) (shard.Log, error) {
			opened++
			return w.open(at, func(uint64) <-chan struct{} {
				if opened == 1 {
					return nil
				}
				return make(chan struct{}) // it has begun again: that is all we want to see
			})
		}
		ended := make(chan error, 1)
		losing, stop := context.WithCancel(t.Context())
		go func() { ended <- shard.Run(losing, loser) }()
		time.Sleep(time.Second)

		winner := w.impureOwner("winner", w.plan, new(bytes.Buffer))
		w.stopsAt(winner, 6, make(chan struct{})) // for ever
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := shard.Run(ctx, winner); err != nil {
			t.Fatal(err)
		}
		close(commit)
		synctest.Wait()
		if n := loser.Stats.Divergences.Load(); n != 1 || opened != 2 || loser.Stats.Adoptions.Load() != 1 {
			t.Errorf("%d divergences, %d adoptions", n, loser.Stats.Adoptions.Load())
		}
		if !strings.Contains(log.String(), "level=ERROR") || !strings.Contains(log.String(), "two owners have made different things of the same input") || !strings.Contains(log.String(), "position=4 ") {
			t.Errorf("the log says %q", log.String())
		}
		if f := w.fence(t); f.Writer != "winner" || f.Position.Seq != 6 {
			t.Errorf("the checkpoint is of %s at %d", f.Writer, f.Position.Seq)
		}
		stop()
		if err := <-ended; err != nil {
			t.Fatal(err)
		}
	})
}

// An owner that is behind compares as soon as it has come as far.
func TestDivergenceIsFoundLater(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.plan = countBy(t, impure())
		w.stream.put("a", "b", "c", "d", "e", "f", "g", "h", "i")
		gate := make(chan struct{})
		laggard := w.impureOwner("laggard", w.plan, new(bytes.Buffer))
		laggard.Every = time.Hour // it does not adopt because it is behind
		w.stopsAt(laggard, 3, gate)
		commit := make(chan struct{})
		laggard.Store = &slowStore{w.store, commit}
		ended := make(chan error, 1)
		go func() { ended <- runs(t, laggard) }()
		time.Sleep(200 * time.Millisecond) // a commit at 3 is under way
		other := w.impureOwner("other", w.plan, new(bytes.Buffer))
		ctx, stop := context.WithTimeout(t.Context(), 2*time.Second)
		defer stop()
		if err := shard.Run(ctx, other); err != nil {
			t.Fatal(err)
		}
		close(commit) // and loses
		synctest.Wait()
		if c, d := laggard.Stats.Conflicts.Load(), laggard.Stats.Divergences.Load(); c != 1 || d != 0 {
			t.Fatalf("%d conflicts, %d divergences", c, d)
		}
		close(gate)
		synctest.Wait()
		// The mark is at 8, and known with what comes behind it.
		if d, a := laggard.Stats.Divergences.Load(), laggard.Stats.Adoptions.Load(); d != 1 || a != 1 {
			t.Errorf("%d divergences, %d adoptions", d, a)
		}
		w.stream.put("END")
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}

// applied applies texts, cut into batches of the given length, and returns the machine.
func applied(t *testing.T, e *shard.Env, messages []plan.Message, batch int) *shard.Machine {
	t.Helper()
	m, err := shard.NewMachine(e)
	if err != nil {
		t.Fatal(err)
	}
	for at := 0; at < len(messages); at += batch {
		if _, err := m.Apply(messages[at:min(at+batch, len(messages))]); err != nil {
			t.Fatal(err)
		}
		m.Take()
	}
	return m
}

// countAgain counts words in windows of a second, and again of how many windows each count is known.
func countAgain(t *testing.T) *plan.Plan {
	t.Helper()
	p := pipeline.New("again")
	words := operators.KeyBy(pipeline.Read(p, "in", pipeline.Source[string]{Stream: "IN", Decode: pipeline.Text}), "word", strings.ToLower)
	counts := operators.Count("counts", operators.Window(words, operators.Tumbling(time.Second)))
	finals := operators.Finals(operators.Seal(counts, operators.Watermark(time.Second)))
	again := operators.Count("again", operators.KeyBy(finals, "count", func(f operators.Final[string, crdt.GCounter]) uint64 { return f.Value.Value() }))
	often := operators.Threshold(again, crdt.AtLeast(1<<60))
	pipeline.Write(p, "out", often, sinks.Func{Name: "out"}, func(uint64) ([]byte, error) { return nil, nil })
	cut, err := p.Plan()
	if err != nil {
		t.Fatal(err)
	}
	return cut
}

// Owners have a mark at every 65,536th position, whatever their batches; it depends on what was made of each record.
func TestMarksDoNotDependOnBatches(t *testing.T) {
	t.Parallel()
	messages := make([]plan.Message, 140_000)
	for i := range messages { // every other sequence is of another shard
		messages[i] = plan.Message{Data: fmt.Append(nil, i%1000), Seq: uint64(2*i + 1), Time: int64(i) * int64(time.Millisecond)}
	}
	replaced := countBy(t, func(word string) string { return strings.Replace(word, "7", "8", 1) })
	digests := make(map[uint64]bool)
	for _, p := range []*plan.Plan{count(t), replaced, countAgain(t)} {
		env := &shard.Env{ID: checkpoint.ShardID{Stage: "in"}, Plan: p, Stage: p.Stages[0]}
		at, want := applied(t, env, messages, len(messages)).Mark()
		if at != 4<<16 || want == 0 || digests[want] {
			t.Fatalf("the newest mark is at %d, digest %x", at, want)
		}
		digests[want] = true
		for _, batch := range []int{1 << 15, 1000, 7} {
			if at, digest := applied(t, env, messages, batch).Mark(); at != 4<<16 || digest != want {
				t.Errorf("in batches of %d the mark is at %d, digest %x, want %x", batch, at, digest, want)
			}
		}
	}
}

// A checkpoint carries the digest on. One of a time before there were digests can be restored, and is compared with none.
func TestDigestsInCheckpoints(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.stream.put("a b", "c", "d", "e", "f", "a", "a", "END")
	env := w.owner("one")
	env.MarkDistance = 4
	m := applied(t, env, w.stream.messages[:6], 6)
	meta := m.Meta()
	golden, err := os.ReadFile(filepath.Join("testdata", "meta_v2.hex"))
	if err != nil {
		t.Fatal(err)
	}
	if got := hex.EncodeToString(meta); got != strings.TrimSpace(string(golden)) {
		t.Errorf("the small state is %s, want %s: owners of two builds could not be compared", got, golden)
	}
	restored, err := shard.NewMachine(env)
	if err != nil {
		t.Fatal(err)
	}
	if err := restored.RestoreMeta(meta); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(restored.Meta(), meta) {
		t.Errorf("restored, it is %x, and was %x", restored.Meta(), meta)
	}

	old, err := os.ReadFile(filepath.Join("testdata", "meta_v1.hex"))
	if err != nil {
		t.Fatal(err)
	}
	if meta, err = hex.DecodeString(strings.TrimSpace(string(old))); err != nil {
		t.Fatal(err)
	}
	for range 2 { // and what it is written as today
		if restored, err = shard.NewMachine(env); err != nil {
			t.Fatal(err)
		}
		if err := restored.RestoreMeta(meta); err != nil {
			t.Fatal(err)
		}
		if _, err := restored.Apply(w.stream.messages); err != nil {
			t.Fatal(err)
		}
		if at, digest := restored.Mark(); at != 0 || digest != 0 {
			t.Errorf("a mark at %d from an unknown beginning", at)
		}
		meta = restored.Meta()
	}
	for i := range meta {
		if err := restored.RestoreMeta(meta[:i]); err == nil {
			t.Errorf("%x was restored", meta[:i])
		}
	}
}
