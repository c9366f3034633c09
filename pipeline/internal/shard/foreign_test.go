package shard_test

import (
	"context"
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

// registered counts words that producer p publishes, in windows of a minute.
func registered(t *testing.T) *plan.Plan {
	t.Helper()
	p := pipeline.New("registered")
	words := pipeline.Read(p, "in", pipeline.Source[string]{Stream: "IN", Decode: pipeline.Text, Producers: []string{"p"}})
	byWord := operators.KeyBy(words, "word", func(s string) string { return s })
	counts := operators.Count("counts", operators.Window(byWord, operators.Tumbling(time.Minute)))
	finals := operators.Finals(operators.Seal(counts, operators.Punctuation()))
	pipeline.Write(p, "out", finals, sinks.Func{Name: "out"}, func(f operators.Final[string, crdt.GCounter]) ([]byte, error) {
		return fmt.Append(nil, f.Value.Value()), nil
	})
	cut, err := p.Plan()
	if err != nil {
		t.Fatal(err)
	}
	return cut
}

// add puts a message with headers into the log.
func (w *world) add(text string, headers map[string][]string) {
	w.stream.mu.Lock()
	defer w.stream.mu.Unlock()
	w.stream.messages = append(w.stream.messages, plan.Message{Subject: "in", Data: []byte(text), Seq: uint64(len(w.stream.messages) + 1), Time: int64(30 * time.Second), Header: headers})
	close(w.stream.changed)
	w.stream.changed = make(chan struct{})
}

// One stream can be read with a registry by one pipeline and without by another. That one of several producers has nothing
// more to say is not the end of the input for the other one: the rest would be ignored.
func TestEndOfOneProducerIsNotThatOfTheInput(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.add("a", seal.RecordHeaders("p", 1))
		w.add("", seal.Promise{Before: plan.End}.Headers("p"))
		w.add("a", seal.RecordHeaders("q", 1))
		w.add("", map[string][]string{seal.Header: {seal.End}})
		e := w.owner("a")
		if err := runs(t, e); err != nil {
			t.Fatal(err)
		}
		w.expect(t, `map[out global "a":2]`)
		if dead := e.Stats.Rejected.Load(); dead != 1 {
			t.Errorf("%d dead letters, want that of the promise", dead)
		}
	})
}

// Decisions of other pipelines, and cuts that are for them, are no promises of producers that failed.
func TestDecisionsAreNoPromises(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.plan = registered(t)
		var tally seal.Tally
		tally.Add([]byte("a"))
		w.add("", seal.IdleHeaders("another", 10*time.Second))
		w.add("", seal.CutHeaders(1))
		w.add("a", seal.RecordHeaders("p", 1))
		w.add("", seal.Promise{Tally: tally, Before: plan.End}.Headers("p"))
		e := w.owner("a")
		if err := runs(t, e); err != nil {
			t.Fatal(err)
		}
		w.expect(t, `map[out 1970-01-01T00:00:00Z/1970-01-01T00:01:00Z "a":1]`)
		if dead := e.Stats.Rejected.Load(); dead != 0 {
			t.Errorf("%d dead letters", dead)
		}
	})
}

// What is no record does not end the silence: two pipelines with a policy over one idle stream would else keep each other
// waiting, the patient one for ever. A decision of the same pipeline does end it: it is what the silence asks for.
func TestSilenceHearsRecordsOnly(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.plan = impatient(t)
		begin := time.Now()
		var decided []time.Duration
		e := w.owner("a")
		e.GiveUp = func(context.Context, uint64) error {
			decided = append(decided, time.Since(begin))
			return nil
		}
		done := make(chan error, 1)
		go func() { done <- runs(t, e) }()
		for range 4 {
			time.Sleep(3 * time.Second)
			w.add("", seal.IdleHeaders("another", 3*time.Second))
			w.add("", seal.CutHeaders(1))
			w.add("", seal.Promise{}.Headers("p"))
		}
		time.Sleep(3 * time.Second) // 15 s
		w.add("", seal.IdleHeaders("impatient", 10*time.Second))
		time.Sleep(11 * time.Second)
		synctest.Wait()
		if got := fmt.Sprint(decided); got != "[10s 25s]" {
			t.Errorf("decided after %s", got)
		}
		w.stream.put("END")
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}
