package checkpointtest

import (
	"errors"
	"reflect"
	"testing"

	"github.com/calmstream/calmstream/pipeline/internal/checkpoint"
)

// Sender is a Store that shows what has left a shard with its commits, in order.
type Sender interface {
	checkpoint.Store
	Outputs(id checkpoint.ShardID) []checkpoint.Output
}

// outputs: those of a commit leave in order, once however often it is repeated, and those of one that is refused never.
func outputs(t *testing.T, e env) {
	sender, is := e.store.(Sender)
	if !is {
		t.Fatalf("%T does not show what has left", e.store)
	}
	made := func(names ...string) (out []checkpoint.Output) {
		for _, name := range names {
			out = append(out, checkpoint.Output{Name: name, Headers: [][2]string{{"A", name}, {"B", "x y"}}, Data: []byte(name)})
		}
		return out
	}
	seg := NewSegment(t, "1", []byte("x"))
	commit := func(revision uint64, fence checkpoint.Fence, segments []checkpoint.Segment, names ...string) (uint64, error) {
		return e.store.Commit(e.ctx, e.id, revision, fence, segments, made(names...)...)
	}
	first, err := commit(0, NewFence("a", 1, 10, seg), []checkpoint.Segment{seg}, "box.z", "box.a.1", "other.a.1")
	for range 2 { // the same again
		var again uint64
		if err == nil {
			again, err = commit(0, NewFence("a", 1, 10, seg), []checkpoint.Segment{seg}, "box.z", "box.a.1", "other.a.1")
		}
		if err != nil || again != first {
			t.Fatalf("revision %d, %v; want %d", again, err, first)
		}
	}
	if _, err := commit(0, NewFence("b", 1, 20, seg), nil, "box.b"); !errors.Is(err, checkpoint.ErrConflict) {
		t.Fatalf("got %v, want ErrConflict", err)
	}
	for _, mistake := range [][]string{{""}, {"box..a"}, {"box.a b"}, {"box.>"}, {"box.c", "box.c"}} {
		if _, err := commit(first, NewFence("a", 2, 20, seg), nil, mistake...); err == nil {
			t.Fatalf("outputs with the names %q were taken", mistake)
		}
	}
	if _, err := commit(first, NewFence("a", 3, 20, seg), nil, "box.d", "other.a.1"); err == nil {
		t.Fatal("an output took the place of another")
	}
	if _, err := commit(first, NewFence("a", 4, 20, seg), nil, "box.e"); err != nil {
		t.Fatal(err)
	}
	if got, want := sender.Outputs(e.id), made("box.z", "box.a.1", "other.a.1", "box.e"); !reflect.DeepEqual(got, want) {
		t.Errorf("%q have left, want %q", got, want)
	}
}
