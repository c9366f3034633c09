package shard_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/calmstream/calmstream/crdt"
	"github.com/calmstream/calmstream/internal/plan"
	"github.com/calmstream/calmstream/operators"
	"github.com/calmstream/calmstream/pipeline"
	"github.com/calmstream/calmstream/pipeline/internal/seal"
	"github.com/calmstream/calmstream/sinks"
)

// impatient counts words in windows of a minute, by the time at which they were stored, and gives up on a shard after ten seconds.
func impatient(t *testing.T) *plan.Plan {
	t.Helper()
	p := pipeline.New("impatient")
	words := pipeline.Read(p, "in", pipeline.Source[string]{Stream: "IN", Decode: pipeline.Text, Idle: 10 * time.Second})
	byWord := operators.KeyBy(words, "word", func(s string) string { return s })
	counts := operators.Count("counts", operators.Window(byWord, operators.Tumbling(time.Minute)))
	finals := operators.Finals(operators.Seal(counts, operators.Watermark(0)))
	pipeline.Write(p, "out", finals, sinks.Func{Name: "out"}, func(f operators.Final[string, crdt.GCounter]) ([]byte, error) {
		return fmt.Append(nil, f.Value.Value()), nil
	})
	cut, err := p.Plan()
	if err != nil {
		t.Fatal(err)
	}
	return cut
}

// Silence alone seals nothing: it is the message in the log that does. It is published after exactly the time of the policy
// without a record, and again each time that long, also if publishing has failed.
func TestSilenceIsADecisionInTheLog(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.plan = impatient(t)
		begin := time.Now()
		var decided []time.Duration
		e := w.owner("a")
		fail := true
		e.GiveUp = func(_ context.Context, at uint64) error {
			decided = append(decided, time.Since(begin))
			if fail {
				fail = false
				return errors.New("no server")
			}
			w.stream.mu.Lock()
			defer w.stream.mu.Unlock()
			if at != uint64(len(w.stream.messages)) {
				t.Errorf("given up behind %d of %d messages", at, len(w.stream.messages))
			}
			return nil // the message is on its way, and never arrives
		}
		done := make(chan error, 1)
		go func() { done <- runs(t, e) }()
		time.Sleep(4 * time.Second)
		w.stream.put("a")
		time.Sleep(31 * time.Second)
		synctest.Wait()
		if got := fmt.Sprint(decided); got != "[14s 24s 34s]" {
			t.Errorf("decided after %s", got)
		}
		w.expect(t, "map[]") // whatever was decided, no message has arrived
		w.stream.put("END")
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

// What comes before the decision in the log counts, what comes behind it is late, whenever it is read. The decisions of other
// pipelines are none.
func TestWhatTheDecisionSeals(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.plan = impatient(t)
		at := func(d time.Duration, text string, headers map[string][]string) {
			w.stream.put(text)
			m := &w.stream.messages[len(w.stream.messages)-1]
			m.Time, m.Header = int64(d), headers
		}
		at(time.Second, "a", nil)
		at(80*time.Second, "", seal.IdleHeaders("another", 10*time.Second))
		at(50*time.Second, "a", nil)
		at(70*time.Second, "", seal.IdleHeaders("impatient", 10*time.Second)) // complete up to 60 s
		at(55*time.Second, "a", nil)
		at(65*time.Second, "b", nil)
		at(65*time.Second, "", map[string][]string{seal.Header: {seal.Idle}, seal.PipelineHeader: {"impatient"}})
		at(66*time.Second, "END", map[string][]string{seal.Header: {seal.End}})
		e := w.owner("a")
		if err := runs(t, e); err != nil {
			t.Fatal(err)
		}
		w.expect(t, `map[out 1970-01-01T00:00:00Z/1970-01-01T00:01:00Z "a":2 out 1970-01-01T00:01:00Z/1970-01-01T00:02:00Z "b":1]`)
		if late, dead := e.Stats.Late.Load(), e.Stats.Rejected.Load(); late != 1 || dead != 1 {
			t.Errorf("%d late, %d dead", late, dead)
		}
	})
}
