package pipeline_test

import (
	"errors"
	"testing"
	"time"

	"github.com/calmstream/calmstream/internal/natstest"
	"github.com/calmstream/calmstream/pipeline"
	"github.com/calmstream/calmstream/pipeline/internal/checkpoint"
	"github.com/calmstream/calmstream/pipeline/internal/checkpoint/jetstore"
	"github.com/nats-io/nats.go"
)

// A worker that hands shards over, and gets them back because whoever was to take over has left, runs them on: what somebody else saves
// later ends no hand-over any more.
func TestAHandOverThatIsTakenBack(t *testing.T) {
	t.Parallel()
	c := newCrew(t, "back", 0)
	c.feed()
	a := c.start("a")
	// A position says less than one would think: messages of other shards move it too, and what has only moved is saved every half minute.
	const fed = 5 * crewShards
	natstest.Eventually(t, "one worker runs all, and has saved what it has read", func() bool {
		for s, is := range a.runs() {
			if s.stage == "lines" && (is.Messages < fed/crewShards || is.Committed < fed-crewShards+1+uint64(s.shard)) {
				return false
			}
		}
		return settled(1, a)
	})
	before := map[*member]map[aShard]pipeline.ShardStatus{a: a.runs()}
	p := wordcount("back", crewShards, 1e6)
	fingerprint, err := p.Fingerprint()
	if err != nil {
		t.Fatal(err)
	}
	ghost := "$KV.calm_back.e" + fingerprint + ".worker.ghost"
	natstest.Eventually(t, "the other one is known", func() bool {
		if _, err := c.js.Publish(t.Context(), ghost, []byte("{}")); err != nil {
			t.Fatal(err)
		}
		return len(a.monitor.Workers()) == 2
	})
	if _, err := c.js.Publish(t.Context(), ghost, nil); err != nil {
		t.Fatal(err)
	}
	natstest.Eventually(t, "the other one has left", func() bool { return len(a.monitor.Workers()) == 1 })
	store, err := jetstore.Open(t.Context(), jetstore.Config{Conn: c.connect(), Pipeline: "back", Epoch: "e" + fingerprint})
	if err != nil {
		t.Fatal(err)
	}
	for shard := range crewShards {
		saveAsAnother(t, store, checkpoint.ShardID{Stage: "lines", Shard: shard})
	}
	saved := time.Now()
	natstest.Eventually(t, "there was time to see that", func() bool { return time.Since(saved) > time.Second })
	stay(t, before, a)
	c.feed()
	c.finish(a)
}

// saveAsAnother makes the checkpoint that stands another owner's, whoever saves a newer one meanwhile.
func saveAsAnother(t *testing.T, store checkpoint.Store, id checkpoint.ShardID) {
	t.Helper()
	for {
		stands, err := store.Load(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		other := stands.Fence
		other.Writer = "another"
		_, err = store.Commit(t.Context(), id, stands.Revision, other, nil)
		if err == nil {
			return
		}
		if !errors.Is(err, checkpoint.ErrConflict) {
			t.Fatal(err)
		}
	}
}

// A server that comes back has heard nothing from anybody. Who finds it first does not take the others, who are still on their way, for gone.
func TestWorkersOutliveTheirServer(t *testing.T) {
	t.Parallel()
	c := newCrew(t, "outlive", 0)
	a := c.start("a")
	c.connect = func() *nats.Conn { return c.srv.Conn(t, nats.ReconnectWait(3*time.Second)) }
	b := c.start("b")
	natstest.Eventually(t, "two workers share the shards", settles(1, a, b))
	c.feed()
	c.srv.Restart(t)
	natstest.Eventually(t, "the first is back", a.conn.IsConnected)
	alone := false
	natstest.Eventually(t, "the second is back", func() bool {
		alone = alone || len(a.monitor.Workers()) < 2
		return b.conn.IsConnected()
	})
	if alone {
		t.Error("the first worker has taken itself for the only one")
	}
	c.feed()
	natstest.Eventually(t, "two workers share the shards again", settles(1, a, b))
	c.finish(a, b)
}
