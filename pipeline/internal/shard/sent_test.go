package shard_test

import (
	"context"
	"errors"
	"fmt"
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

// behind makes an owner of the first shard behind an exchange, with two producers.
func behind(t *testing.T) (*world, *shard.Env) {
	t.Helper()
	w := newWorld(t)
	p := pipeline.New("behind")
	words := pipeline.Read(p, "in", pipeline.Source[string]{Stream: "IN", Subjects: []string{"in.0", "in.1"}, Decode: pipeline.Text})
	counts := operators.Count("counts", operators.KeyBy(words, "word", strings.ToLower))
	finals := operators.Finals(operators.Seal(counts, operators.EndOfInput()))
	pipeline.Write(p, "out", finals, sinks.Func{Name: "out"}, func(f operators.Final[string, crdt.GCounter]) ([]byte, error) {
		return fmt.Append(nil, f.Value.Value()), nil
	})
	var err error
	if w.plan, err = p.Plan(); err != nil {
		t.Fatal(err)
	}
	e := w.owner("one")
	e.Stage = w.plan.Stages[1]
	e.ID = checkpoint.ShardID{Stage: e.Stage.Name}
	return w, e
}

// tell puts an envelope without records into the log.
func tell(w *world, producer int, frontier int64) {
	s := exchange.NewSender(producer, 2, func(partition int, envelope []byte) {
		if partition == 0 {
			w.stream.put(string(envelope))
		}
	})
	s.Complete(frontier)
	s.Flush()
}

// What the checkpoints of the producers say was stored, and is not there, was lost: two statements prove it.
func TestWhatWasSentAndHasNotComeIsLost(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		sent shard.Sent
		want string
	}{
		{shard.Sent{At: 1, Next: []uint64{1, 3}, Ended: []bool{false, false}}, "records 1 to 2 of stage in, shard 1, were stored up to sequence 1"},
		{shard.Sent{At: 1, Next: []uint64{1, 1}, Ended: []bool{true, false}}, "the end behind record 0 of stage in, shard 0, were stored up to sequence 1"},
		{shard.Sent{At: 1, Next: []uint64{1, 1}, Ended: []bool{false, false}}, ""},
		{shard.Sent{At: 2, Next: []uint64{1, 3}, Ended: []bool{false, false}}, ""}, // not read so far
	} {
		synctest.Test(t, func(t *testing.T) {
			w, e := behind(t)
			var newest atomic.Pointer[shard.Sent]
			e.Sent = newest.Load
			tell(w, 0, 5)
			ended := make(chan error, 1)
			go func() { ended <- runs(t, e) }()
			for range 2 {
				said := c.sent
				newest.Store(&said)
				select {
				case err := <-ended:
					t.Fatalf("%+v: after one statement: %v", c.sent, err)
				default:
				}
				time.Sleep(5 * time.Second)
				synctest.Wait()
			}
			if c.want == "" {
				select {
				case err := <-ended:
					t.Errorf("%+v: %v", c.sent, err)
				default:
				}
				tell(w, 0, plan.End)
				tell(w, 1, plan.End)
			}
			err := <-ended
			if c.want == "" && err != nil {
				t.Errorf("%+v: %v", c.sent, err)
			}
			if c.want != "" && (!errors.Is(err, shard.ErrRecordsLost) || !strings.Contains(err.Error(), c.want)) {
				t.Errorf("%+v: %v, want %q", c.sent, err, c.want)
			}
		})
	}
}

// A statement that places the end of the log too early, as one may that a leader which was just replaced has told, proves nothing.
func TestAStatementThatComesTooEarly(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w, e := behind(t)
		var newest atomic.Pointer[shard.Sent]
		e.Sent = newest.Load
		ended := make(chan error, 1)
		go func() { ended <- runs(t, e) }()
		say := func(at uint64, first, second bool) {
			newest.Store(&shard.Sent{At: at, Next: []uint64{1, 1}, Ended: []bool{first, second}})
			time.Sleep(5 * time.Second)
			synctest.Wait()
		}
		say(0, true, false)
		tell(w, 0, plan.End)
		say(1, true, true) // too early again, about another
		say(1, true, false)
		tell(w, 1, plan.End)
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}

// A doubt that came while an earlier one was cleared counts as the first of two.
func TestADoubtBehindOneThatWasCleared(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w, e := behind(t)
		var newest atomic.Pointer[shard.Sent]
		e.Sent = newest.Load
		ended := make(chan error, 1)
		go func() { ended <- runs(t, e) }()
		say := func(at uint64, second bool) {
			newest.Store(&shard.Sent{At: at, Next: []uint64{1, 1}, Ended: []bool{true, second}})
			time.Sleep(5 * time.Second)
			synctest.Wait()
		}
		say(0, false)
		tell(w, 0, plan.End)
		say(1, true) // the first producer has come, the second not
		select {
		case err := <-ended:
			t.Fatalf("after one statement about the second producer: %v", err)
		default:
		}
		say(1, true)
		select {
		case err := <-ended:
			if !errors.Is(err, shard.ErrRecordsLost) || !strings.Contains(err.Error(), "of stage in, shard 1") {
				t.Error(err)
			}
		default:
			t.Error("two statements prove nothing")
			tell(w, 1, plan.End)
			t.Log(<-ended)
		}
	})
}

// What was purged from the exchange since a newer checkpoint covers it is not lost.
func TestWhatACheckpointCoversIsNotLost(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w, e := behind(t)
		tell(w, 0, plan.End)
		tell(w, 1, 5)
		ctx, stop := context.WithTimeout(t.Context(), 5*time.Second)
		defer stop()
		if err := shard.Run(ctx, e); err != nil {
			t.Fatal(err)
		}
		_, slow := behind(t)
		slow.Outlet, slow.Writer = w.outlet, "slow"
		now := time.Now()
		slow.Now = func() time.Time { return now } // so that no checkpoint is due, which would look at the log too
		slow.Sent = func() *shard.Sent { return &shard.Sent{At: 2, Next: []uint64{1, 1}, Ended: []bool{true, false}} }
		first := true
		slow.Store = &blindOnce{Store: w.store, blind: &first}
		slow.OpenLog = func(_ context.Context, at checkpoint.Position) (shard.Log, error) {
			if at.Seq == 0 { // as a reader that was there before, and to which the position alone was told
				log := &reader{stream: w.stream, position: 2}
				w.stream.truncate(2)
				return log, nil
			}
			return w.open(at, nil)
		}
		ended := make(chan error, 1)
		go func() { ended <- runs(t, slow) }()
		time.Sleep(time.Minute)
		synctest.Wait()
		tell(w, 1, plan.End)
		if err := <-ended; err != nil {
			t.Error(err)
		}
		if n := slow.Stats.Adoptions.Load(); n == 0 {
			t.Error("nothing was adopted: the test proves nothing")
		}
	})
}

// blindOnce is a store that has no checkpoint when it is asked first.
type blindOnce struct {
	checkpoint.Store
	blind *bool
}

func (s *blindOnce) Load(ctx context.Context, id checkpoint.ShardID) (checkpoint.Loaded, error) {
	if *s.blind {
		*s.blind = false
		return checkpoint.Loaded{}, checkpoint.ErrNone
	}
	return s.Store.Load(ctx, id)
}
