package engine_test

import (
	"testing"

	"github.com/calmstream/calmstream/internal/natstest"
	"github.com/calmstream/calmstream/pipeline/internal/checkpoint"
	"github.com/calmstream/calmstream/pipeline/internal/checkpoint/jetstore"
	"github.com/calmstream/calmstream/pipeline/internal/engine"
	"github.com/calmstream/calmstream/pipeline/internal/version"
)

// Nothing is purged that a receiver of another version has not saved, nor while somebody takes a version over, nor when it is not known what another needs.
func TestWhatOtherVersionsNeedIsNotPurged(t *testing.T) {
	t.Parallel()
	srv := natstest.Run(t)
	conn, js := srv.Conn(t), srv.JetStream(t)
	if _, err := js.CreateStream(t.Context(), engine.ExchangeConfig("bes", 1)); err != nil {
		t.Fatal(err)
	}
	p, ids := twoReceivers("bes")
	other, _ := twoReceivers("bes")
	other.Fingerprint = "fedcba9876543210"
	mine := open(t, srv, "bes", p.Epoch())
	its := open(t, srv, "bes", other.Epoch())
	expect := func(what string, want uint64) {
		t.Helper()
		if got, err := engine.Besides(t.Context(), conn, p, 9); err != nil || got != want {
			t.Errorf("%s: up to %d, want %d, %v", what, got, want, err)
		}
	}
	publish := func(subject, data string) {
		t.Helper()
		if _, err := js.Publish(t.Context(), subject, []byte(data)); err != nil {
			t.Fatal(err)
		}
	}
	begin := func(s *jetstore.Store, key string) {
		t.Helper()
		if _, _, err := s.CreateOnce(t.Context(), key, []byte("{}")); err != nil {
			t.Fatal(err)
		}
	}
	begin(mine, engine.StartKey)
	publish("calm.x.bes."+p.Epoch()+".counts.0", "a record")
	publish("calm.x.bes.filler", "")
	expect("alone", 9)
	publish(engine.HoldSubject("bes", other.Epoch(), "m"), "")
	expect("it is taken over", 0)
	publish(engine.HoldSubject("bes", other.Epoch(), "n"), "")
	publish(engine.HoldSubject("bes", other.Epoch(), "m"), "end")
	expect("it is taken over by another one too", 0)
	publish(engine.HoldSubject("bes", other.Epoch(), "n"), "end")
	expect("nobody takes it over any more", 9)
	publish("calm.x.bes."+other.Epoch()+".counts.0", "a record")
	expect("there are records of a version that is not known", 0)
	begin(its, engine.StartKey)
	expect("its plan is not known", 0)
	if err := version.Record(t.Context(), its, other); err != nil {
		t.Fatal(err)
	}
	expect("it has no checkpoints", 0)
	fence := checkpoint.Fence{Writer: "w", Commit: 1, Position: checkpoint.Position{Incarnation: 1}}
	var revisions [2]uint64
	save := func(i int, at uint64, done bool) {
		t.Helper()
		fence.Commit++
		fence.Position.Seq, fence.Done = at, done
		var err error
		if revisions[i], err = its.Commit(t.Context(), ids[i], revisions[i], fence, nil); err != nil {
			t.Fatal(err)
		}
	}
	save(0, 3, false)
	expect("one of its receivers has none", 0)
	save(1, 7, false)
	expect("it has both", 3)
	save(0, 4, true)
	expect("one of its receivers has ended", 7)
	save(1, 20, false)
	expect("it is further", 9)
}

func open(t *testing.T, srv *natstest.Server, pipeline, epoch string) *jetstore.Store {
	t.Helper()
	s, err := jetstore.Open(t.Context(), jetstore.Config{Conn: srv.Conn(t), Pipeline: pipeline, Epoch: epoch})
	if err != nil {
		t.Fatal(err)
	}
	return s
}
