package engine_test

import (
	"testing"
	"time"

	"github.com/calmstream/calmstream/internal/natstest"
	"github.com/calmstream/calmstream/pipeline/internal/checkpoint"
	"github.com/calmstream/calmstream/pipeline/internal/checkpoint/jetstore"
	"github.com/calmstream/calmstream/pipeline/internal/engine"
)

// A shard is run on until another owner's checkpoint has come to where it was when it was handed over, or it is taken back.
func TestHandOver(t *testing.T) {
	t.Parallel()
	conn := natstest.Run(t).Conn(t)
	p, ids := twoReceivers("ho")
	store, err := jetstore.Open(t.Context(), jetstore.Config{Conn: conn, Pipeline: "ho", Epoch: p.Epoch()})
	if err != nil {
		t.Fatal(err)
	}
	var revision, n uint64
	save := func(writer string, at uint64) {
		t.Helper()
		n++
		fence := checkpoint.Fence{Writer: writer, Commit: n, Position: checkpoint.Position{Incarnation: 1, Seq: at, LastSeq: at}}
		if revision, err = store.Commit(t.Context(), ids[0], revision, fence, nil); err != nil {
			t.Fatal(err)
		}
	}
	release := func(id checkpoint.ShardID, messages uint64) (func(), <-chan struct{}) {
		t.Helper()
		keep, released, err := engine.Release(t.Context(), conn, p, id, "me", 10, messages)
		if err != nil {
			t.Fatal(err)
		}
		return keep, released
	}
	// Several looks pass, by the clock of the hand-over, before it is certain that it goes on.
	goesOn := func(what string, released <-chan struct{}) {
		t.Helper()
		select {
		case <-released:
			t.Errorf("%s: the shard was let go", what)
		case <-time.After(350 * time.Millisecond):
		}
	}
	lets := func(what string, released <-chan struct{}) {
		t.Helper()
		select {
		case <-released:
		case <-time.After(20 * time.Second):
			t.Errorf("%s: the shard is held", what)
		}
	}
	_, released := release(ids[1], 0)
	lets("nothing was read and nothing is stored", released)
	keep, released := release(ids[1], 3)
	goesOn("something was read and nothing is stored", released)
	keep()
	keep, released = release(ids[0], 3)
	save("other", 9)
	goesOn("another is behind", released)
	save("me", 12)
	goesOn("the checkpoint is one's own", released)
	keep()
	save("other", 13)
	goesOn("it was taken back", released)
	_, released = release(ids[0], 3)
	lets("another has come as far", released)
}
