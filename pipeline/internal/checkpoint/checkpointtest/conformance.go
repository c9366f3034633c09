// Package checkpointtest holds every checkpoint.Store to the contract that the engine relies on.
//
// A store's own test calls Run with a function that opens an empty store:
//
//	checkpointtest.Run(t, func(t *testing.T) checkpoint.Store { return new(checkpoint.Memory) })
package checkpointtest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/calmstream/calmstream/pipeline/internal/checkpoint"
)

// Run checks the contract. Open returns a store that holds nothing; it is called once for each check, and the
// checks run in parallel. Outputs are looked at if the store is a Sender.
func Run(t *testing.T, open func(t *testing.T) checkpoint.Store) {
	checks := []struct {
		name  string
		check func(*testing.T, env)
	}{
		{"NoneYet", noneYet},
		{"CommitThenLoad", commitThenLoad},
		{"ConflictWritesNothing", conflictWritesNothing},
		{"RepeatedCommitIsRecognized", repeatedCommit},
		{"ReadWhileNewerCommits", readWhileNewerCommits},
		{"RemovedSegmentIsGone", removedSegment},
		{"SegmentsAreImmutable", immutableSegments},
		{"ShardsAreIndependent", independentShards},
		{"NothingIsShared", nothingShared},
		{"MistakesAreRefused", mistakes},
		{"RaceHasOneWinner", race},
		{"OutputsLeaveWithTheirCommit", outputs},
	}
	for _, c := range checks {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
			defer cancel()
			c.check(t, env{ctx: ctx, store: open(t), id: checkpoint.ShardID{Stage: "count-words", Shard: 3}})
		})
	}
}

// NewSegment builds a segment of the given entries.
func NewSegment(t testing.TB, id string, entries ...[]byte) checkpoint.Segment {
	t.Helper()
	var w checkpoint.SegmentWriter
	for _, e := range entries {
		if err := w.Add(e); err != nil {
			t.Fatal(err)
		}
	}
	return w.Finish(id, false)
}

// NewFence builds the fence of a commit at the given position.
func NewFence(writer string, commit, seq uint64, segments ...checkpoint.Segment) checkpoint.Fence {
	f := checkpoint.Fence{Writer: writer, Commit: commit, Position: checkpoint.Position{Incarnation: 1, Seq: seq}}
	for _, seg := range segments {
		f.Segments = append(f.Segments, seg.Ref)
	}
	return f
}

type env struct {
	ctx   context.Context
	store checkpoint.Store
	id    checkpoint.ShardID
}

func (e env) commit(t *testing.T, revision uint64, fence checkpoint.Fence, segments ...checkpoint.Segment) uint64 {
	t.Helper()
	got, err := e.store.Commit(e.ctx, e.id, revision, fence, segments)
	if err != nil {
		t.Fatalf("commit %s/%d at revision %d: %v", fence.Writer, fence.Commit, revision, err)
	}
	return got
}

func (e env) mustLoad(t *testing.T, want checkpoint.Loaded) {
	t.Helper()
	if got, err := e.store.Load(e.ctx, e.id); err != nil || !reflect.DeepEqual(got, want) {
		t.Fatalf("loaded %+v, %v; want %+v", got, err, want)
	}
}

func (e env) mustRead(t *testing.T, seg checkpoint.Segment) {
	t.Helper()
	var got [][]byte
	err := e.store.Read(e.ctx, e.id, seg.Ref, func(c []byte) error { got = append(got, c); return nil })
	if err != nil || !slices.EqualFunc(got, seg.Chunks, bytes.Equal) {
		t.Fatalf("segment %s: read %d chunks, %v; want %d", seg.Ref.ID, len(got), err, len(seg.Chunks))
	}
}

func (e env) mustBeGone(t *testing.T, ref checkpoint.SegmentRef) {
	t.Helper()
	err := e.store.Read(e.ctx, e.id, ref, func([]byte) error { return nil })
	if !errors.Is(err, checkpoint.ErrSegmentGone) {
		t.Fatalf("segment %s: got %v, want ErrSegmentGone", ref.ID, err)
	}
}

func noneYet(t *testing.T, e env) {
	if _, err := e.store.Load(e.ctx, e.id); !errors.Is(err, checkpoint.ErrNone) {
		t.Fatalf("load: got %v, want ErrNone", err)
	}
	e.mustBeGone(t, NewSegment(t, "never", []byte("x")).Ref)
	e.mustRead(t, NewSegment(t, "empty"))
}

func commitThenLoad(t *testing.T, e env) {
	big := NewSegment(t, "1", bytes.Repeat([]byte("a"), checkpoint.MaxEntry), nil, bytes.Repeat([]byte("b"), checkpoint.ChunkTarget))
	fence := NewFence("w", 1, 10, big)
	fence.Done, fence.Meta = true, []byte{0, 1, 2}
	fence.Position.LastSeq, fence.Position.LastTime = 9, 77
	first := e.commit(t, 0, fence, big)
	e.mustLoad(t, checkpoint.Loaded{Fence: fence, Revision: first})
	e.mustRead(t, big)

	delta, empty := NewSegment(t, "2", []byte("delta")), NewSegment(t, "3")
	next := NewFence("w", 2, 20, big, delta, empty)
	second := e.commit(t, first, next, delta, empty)
	if second <= first {
		t.Fatalf("revision %d after %d", second, first)
	}
	e.mustLoad(t, checkpoint.Loaded{Fence: next, Revision: second})
	e.mustRead(t, big)
	e.mustRead(t, delta)
	e.mustRead(t, empty)
}

func conflictWritesNothing(t *testing.T, e env) {
	mine := NewSegment(t, "mine", []byte("mine"))
	fence := NewFence("a", 1, 10, mine)
	revision := e.commit(t, 0, fence, mine)
	for _, stale := range []uint64{0, revision + 1} {
		other := NewSegment(t, fmt.Sprintf("other-%d", stale), []byte("other"))
		_, err := e.store.Commit(e.ctx, e.id, stale, NewFence("b", 1, 20, other), []checkpoint.Segment{other})
		if stale < revision && !errors.Is(err, checkpoint.ErrConflict) || err == nil {
			t.Fatalf("commit at revision %d: got %v, want ErrConflict", stale, err)
		}
		e.mustBeGone(t, other.Ref)
		e.mustLoad(t, checkpoint.Loaded{Fence: fence, Revision: revision})
	}
}

func repeatedCommit(t *testing.T, e env) {
	seg := NewSegment(t, "1", []byte("x"))
	first := e.commit(t, 0, NewFence("a", 1, 10, seg), seg)
	if again := e.commit(t, 0, NewFence("a", 1, 10, seg), seg); again != first {
		t.Fatalf("the same commit again has revision %d, want %d", again, first)
	}
	next := NewFence("a", 2, 20, seg)
	second := e.commit(t, first, next)
	if again := e.commit(t, first, next); again != second {
		t.Fatalf("the same commit again has revision %d, want %d", again, second)
	}
	// The writer alone, or the number alone, does not make it the same.
	for _, other := range []checkpoint.Fence{NewFence("a", 1, 20, seg), NewFence("b", 2, 20, seg)} {
		if _, err := e.store.Commit(e.ctx, e.id, first, other, nil); !errors.Is(err, checkpoint.ErrConflict) {
			t.Fatalf("got %v, want ErrConflict", err)
		}
	}
}

func readWhileNewerCommits(t *testing.T, e env) {
	old := NewSegment(t, "old", make([]byte, 200<<10), make([]byte, 200<<10), make([]byte, 200<<10))
	revision := e.commit(t, 0, NewFence("a", 1, 10, old), old)
	var got [][]byte
	err := e.store.Read(e.ctx, e.id, old.Ref, func(c []byte) error {
		n := uint64(len(got)) + 2
		newer := NewSegment(t, fmt.Sprintf("newer-%d", n), []byte{byte(n)})
		revision = e.commit(t, revision, NewFence("b", n, 10*n, newer), newer)
		got = append(got, c)
		return nil
	})
	if err != nil || !slices.EqualFunc(got, old.Chunks, bytes.Equal) {
		t.Fatalf("read %d chunks, %v; want %d", len(got), err, len(old.Chunks))
	}
}

func removedSegment(t *testing.T, e env) {
	old, kept := NewSegment(t, "old", []byte("1")), NewSegment(t, "kept", []byte("2"))
	revision := e.commit(t, 0, NewFence("a", 1, 10, old, kept), old, kept)
	fence := NewFence("a", 2, 20, kept)
	revision = e.commit(t, revision, fence)
	e.mustRead(t, old)
	// Removing twice, or what never was, is not an error.
	for range 2 {
		if err := e.store.Remove(e.ctx, e.id, []checkpoint.SegmentRef{old.Ref, {ID: "never", Chunks: 1}}); err != nil {
			t.Fatal(err)
		}
		e.mustBeGone(t, old.Ref)
		e.mustRead(t, kept)
		e.mustLoad(t, checkpoint.Loaded{Fence: fence, Revision: revision})
	}
}

func immutableSegments(t *testing.T, e env) {
	seg := NewSegment(t, "1", []byte("first"))
	fence := NewFence("a", 1, 10, seg)
	revision := e.commit(t, 0, fence, seg)
	again := NewSegment(t, "1", []byte("second"))
	_, err := e.store.Commit(e.ctx, e.id, revision, NewFence("a", 2, 20, again), []checkpoint.Segment{again})
	if err == nil || errors.Is(err, checkpoint.ErrConflict) {
		t.Fatalf("a segment was written twice under one ID: %v", err)
	}
	e.mustRead(t, seg)
	e.mustLoad(t, checkpoint.Loaded{Fence: fence, Revision: revision})
}

func independentShards(t *testing.T, e env) {
	ids := []checkpoint.ShardID{{Stage: "a", Shard: 1}, {Stage: "a", Shard: 11}, {Stage: "b", Shard: 1}}
	for i, id := range ids {
		e.id = id
		seg := NewSegment(t, "same", []byte{byte(i)})
		e.commit(t, 0, NewFence("w", 1, uint64(i), seg), seg)
	}
	if err := e.store.Remove(e.ctx, ids[0], []checkpoint.SegmentRef{{ID: "same", Chunks: 1}}); err != nil {
		t.Fatal(err)
	}
	for i, id := range ids[1:] {
		e.id = id
		e.mustRead(t, NewSegment(t, "same", []byte{byte(i + 1)}))
		if got, err := e.store.Load(e.ctx, id); err != nil || got.Fence.Position.Seq != uint64(i+1) {
			t.Fatalf("%v: loaded %+v, %v", id, got, err)
		}
	}
}

// nothingShared changes everything it has given to the store and got from it.
func nothingShared(t *testing.T, e env) {
	seg := NewSegment(t, "1", []byte("content"))
	fence := NewFence("a", 1, 10, seg)
	fence.Meta = []byte("meta")
	e.commit(t, 0, fence, seg)
	clear(seg.Chunks[0])
	clear(fence.Meta)
	for range 2 {
		got, err := e.store.Load(e.ctx, e.id)
		if err != nil || string(got.Fence.Meta) != "meta" {
			t.Fatalf("loaded %+v, %v", got, err)
		}
		clear(got.Fence.Meta)
		err = e.store.Read(e.ctx, e.id, seg.Ref, func(c []byte) error {
			if err := checkpoint.Entries(c, func([]byte) error { return nil }); err != nil {
				return err
			}
			clear(c)
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

func mistakes(t *testing.T, e env) {
	seg := NewSegment(t, "1", []byte("x"))
	if _, err := e.store.Commit(e.ctx, e.id, 0, NewFence("a", 1, 10), []checkpoint.Segment{seg}); err == nil {
		t.Error("a segment that the fence does not name was committed")
	}
	bad := e.id
	bad.Stage = "a.>"
	if _, err := e.store.Load(e.ctx, bad); err == nil || errors.Is(err, checkpoint.ErrNone) {
		t.Errorf("load of %v: %v", bad, err)
	}
	if err := e.store.Read(e.ctx, bad, seg.Ref, func([]byte) error { return nil }); err == nil || errors.Is(err, checkpoint.ErrSegmentGone) {
		t.Errorf("read of %v: %v", bad, err)
	}
	if err := e.store.Remove(e.ctx, bad, []checkpoint.SegmentRef{seg.Ref}); err == nil {
		t.Errorf("remove of %v was accepted", bad)
	}
	if err := e.store.Remove(e.ctx, e.id, []checkpoint.SegmentRef{{ID: ">", Chunks: 1}}); err == nil {
		t.Errorf("removing everything was accepted")
	}
	revision := e.commit(t, 0, NewFence("a", 1, 10, seg), seg)
	stop := errors.New("stop")
	if err := e.store.Read(e.ctx, e.id, seg.Ref, func([]byte) error { return stop }); !errors.Is(err, stop) {
		t.Errorf("read returned %v, want the error of each", err)
	}
	wrong := seg.Ref
	wrong.Digest++
	if err := e.store.Read(e.ctx, e.id, wrong, func([]byte) error { return nil }); !errors.Is(err, checkpoint.ErrDamaged) {
		t.Errorf("read with a wrong digest: got %v, want ErrDamaged", err)
	}
	e.mustLoad(t, checkpoint.Loaded{Fence: NewFence("a", 1, 10, seg), Revision: revision})
}

// race lets writers add to one counter, each through the fence it has loaded: an update that is lost, or applied twice, shows
// in the sum and in the number of segments.
func race(t *testing.T, e env) {
	const writers, each = 4, 15
	var group sync.WaitGroup
	for w := range writers {
		group.Go(func() {
			for n := uint64(1); n <= each; n++ {
				if err := e.increment(fmt.Sprintf("w%d", w), n); err != nil {
					t.Errorf("writer %d: %v", w, err)
					return
				}
			}
		})
	}
	group.Wait()
	got, err := e.store.Load(e.ctx, e.id)
	if err != nil || got.Fence.Position.Seq != writers*each || len(got.Fence.Segments) != writers*each {
		t.Fatalf("%d commits led to position %d with %d segments, %v", writers*each, got.Fence.Position.Seq, len(got.Fence.Segments), err)
	}
	for _, ref := range got.Fence.Segments {
		if err := e.store.Read(e.ctx, e.id, ref, func([]byte) error { return nil }); err != nil {
			t.Fatal(err)
		}
	}
}

// increment commits one step on top of whatever stands.
func (e env) increment(writer string, n uint64) error {
	for {
		old, err := e.store.Load(e.ctx, e.id)
		if err != nil && !errors.Is(err, checkpoint.ErrNone) {
			return err
		}
		var w checkpoint.SegmentWriter
		if err := w.Add([]byte(writer)); err != nil {
			return err
		}
		seg := w.Finish(fmt.Sprintf("%s-%d", writer, n), false)
		next := old.Fence
		next.Writer, next.Commit = writer, n
		next.Position.Seq++
		next.Segments = append(slices.Clone(next.Segments), seg.Ref)
		_, err = e.store.Commit(e.ctx, e.id, old.Revision, next, []checkpoint.Segment{seg})
		if !errors.Is(err, checkpoint.ErrConflict) {
			return err
		}
	}
}
