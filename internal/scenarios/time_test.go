package scenarios_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/calmstream/calmstream/crdt"
	"github.com/calmstream/calmstream/crdt/crdttest"
	"github.com/calmstream/calmstream/operators"
	"github.com/calmstream/calmstream/pipeline"
	"github.com/calmstream/calmstream/pipeline/pipelinetest"
)

// patient reads an input with an idle policy: what a worker decides about a silent shard is a message in the log of that shard.
func patient(p *pipeline.Pipeline, name string, shards int) operators.Stream[string] {
	s := source(name, shards)
	s.Time, s.Idle = second, 30*time.Second
	return pipeline.Read(p, name, s)
}

// givesUp are the headers of that message.
func givesUp() map[string][]string {
	return map[string][]string{"Calm-Seal": {"idle"}, "Calm-Pipeline": {"scenario"}, "Calm-Idle": {"30s"}}
}

const size, lateness = 10, 3 // seconds

// windowed counts "second sensor" in windows, and takes what is late.
func windowed(p *pipeline.Pipeline, shards int) {
	keyed := operators.Window(by(patient(p, "events", shards), "sensor", 1), operators.Tumbling(size*time.Second))
	counts := operators.Count("counts", keyed)
	write(p, "late", operators.Late(keyed, counts))
	writeFinals(p, "count", operators.Seal(counts, operators.Watermark(lateness*time.Second)), func(f operators.Final[string, crdt.GCounter]) string {
		return fmt.Sprint(f.Window.Start/1e9-pipelinetest.Start.Unix(), " ", f.Key, " ", f.Value.Value())
	})
}

// model is the oracle: a record is late if its own shard has been past the end of its window by the lateness before it.
func model(all []pipelinetest.Log) (right []string) {
	counts := map[string]int{}
	for _, l := range all {
		seen := -1000
		for _, data := range l.Messages {
			line := string(data)
			at := number(line, 0)
			if start := at / size * size; seen-lateness >= start+size {
				right = append(right, "late stable "+line)
			} else {
				counts[fmt.Sprint(start, " ", word(line, 1))]++
			}
			seen = max(seen, at)
		}
	}
	for at, n := range counts {
		right = append(right, fmt.Sprint("count final ", at, " ", n))
	}
	return right
}

// 13. An aggregate over windows of event time with late data (Dataflow, Flink): the frontier is a threshold over a fixed set of
// shards, and each record is in exactly one result or late, judged by its own shard alone.
func TestLateData(t *testing.T) {
	t.Parallel()
	for seed := range uint64(4) {
		for shards := 1; shards <= 3; shards++ {
			rng := rand.New(rand.NewPCG(seed, 13))
			var in []string
			for i := range 60 {
				in = append(in, fmt.Sprint(max(0, i-rng.IntN(5)*rng.IntN(8)), " s", rng.IntN(3)))
			}
			all := deal(shards, in)
			out := pipelinetest.Check(t, program(windowed).with(shards), all, pipelinetest.Options{Rounds: 20})
			expect(t, out, model(all)...)
			if out.Late == 0 {
				t.Error("nothing is late")
			}
		}
	}
	waits(t, windowed, 2, "all 2 shards of events to pass the end of the window by 3s")

	// Judged by a clock it depends on who looks, and when.
	clock := new(atomic.Int64)
	found(t, func(p *pipeline.Pipeline, shards int) {
		inTime := operators.Filter(stamped(p, shards), func(line string) bool { return int64(number(line, 0)) >= clock.Add(1)%10 })
		counts := operators.Count("counts", by(inTime, "sensor", 1))
		writeFinals(p, "count", operators.Seal(counts, operators.EndOfInput()), func(f operators.Final[string, crdt.GCounter]) string { return fmt.Sprint(f.Value.Value()) })
	}, logs([]string{"1 s", "3 s", "5 s", "7 s"}, []string{"2 s", "4 s"}))
}

// A shard that nobody has heard of yet holds back every seal, until it has come as far as the others or is given up on, in its
// own log; what it sends then of the time before is late for everyone.
func TestNewcomersAndIdleShards(t *testing.T) {
	t.Parallel()
	d := drive(t, windowed, 2)
	push(d, 0, "1 s", "11 s", "21 s", "31 s")
	same(t, results(d.Results("count")), nil)
	push(d, 1, "2 s", "15 s") // the newcomer
	same(t, results(d.Results("count")), []string{"count final 0 s 2"})
	d.PushMessage("events", pipelinetest.Message{Shard: 1, Header: givesUp(), Stored: pipelinetest.Start.Add(54 * time.Second)})
	same(t, results(d.Results("count")), []string{"count final 10 s 2"}) // complete up to 24 s
	push(d, 1, "16 s")
	same(t, results(d.Results("late")), []string{"late stable 16 s"})

	silent := pipelinetest.Log{Read: "events", Shard: 1}
	for i, line := range []string{"2 s", "15 s", "", "16 s", "22 s"} {
		silent.Messages = append(silent.Messages, []byte(line))
		silent.Times = append(silent.Times, pipelinetest.Start.Add(time.Duration(i)*27*time.Second))
	}
	silent.Headers = []map[string][]string{2: givesUp()}
	busy := logs([]string{"1 s", "11 s", "21 s", "31 s"})
	expect(t, pipelinetest.Check(t, program(windowed).with(2), append(busy, silent), pipelinetest.Options{}),
		"count final 0 s 2", "count final 10 s 2", "count final 20 s 2", "count final 30 s 1", "late stable 16 s")

	// The minimum over the shards heard of so far is no evidence.
	heard := crdt.AssertUpSet("those heard of have passed 10", func(f *crdt.Frontier) bool {
		all := f.Len() > 0
		for _, shard := range []string{"a", "b"} {
			at, ok := f.At(shard)
			all = all && (!ok || at >= 10)
		}
		return all
	})
	frontier := func(shard string, at int64) (f crdt.Frontier) { return f.Advance(shard, at) }
	both := frontier("a", 11)
	both.Advance("b", 14)
	samples := []crdt.Frontier{frontier("a", 12), frontier("b", 3), frontier("b", 10), both}
	if err := crdttest.UpwardClosed(heard, samples); err == nil {
		t.Error("a registry of hearsay is not refuted")
	}
	crdttest.CheckUpSet(t, crdt.Passed(crdt.NewRegistry("a", "b"), 10), samples)
}

// alerts reads beats, "second sensor", and "second sensor" of a timer, whose events are logged as well: a beat within five
// seconds before one will do.
func alerts(p *pipeline.Pipeline, shards int) {
	expected, beats := by(patient(p, "timer", 1), "sensor", 1), by(patient(p, "events", shards), "sensor", 1)
	within := operators.Interval{Before: 5 * time.Second, Lateness: 2 * time.Second}
	checked := operators.LeftJoin("heartbeats", expected, beats, within, func(expect, beat *string) string {
		if beat == nil {
			return word(*expect, 1) + " was silent before " + word(*expect, 0)
		}
		return ""
	})
	write(p, "alert", operators.Filter(checked, func(alert string) bool { return alert != "" }))
}

// 14. The absence alert, "no heartbeat": an antijoin, which says nothing before time is sealed; and time is what stands in the logs.
func TestAbsenceAlert(t *testing.T) {
	t.Parallel()
	var in, right []string
	timer := pipelinetest.Log{Read: "timer"}
	rng := rand.New(rand.NewPCG(14, 14))
	for at := range 60 {
		in = append(in, fmt.Sprint(at, " s", rng.IntN(3)))
	}
	for at := 5; at < 60; at += 6 {
		for i := range 3 {
			timer.Messages = append(timer.Messages, fmt.Appendf(nil, "%d s%d", at, i))
			if !slices.ContainsFunc(in, func(beat string) bool {
				return word(beat, 1) == fmt.Sprint("s", i) && number(beat, 0) >= at-5 && number(beat, 0) <= at
			}) {
				right = append(right, fmt.Sprintf("alert stable s%d was silent before %d", i, at))
			}
		}
	}
	if len(right) == 0 {
		t.Fatal("nobody was silent")
	}
	for shards := 1; shards <= 3; shards++ {
		out := pipelinetest.Check(t, program(alerts).with(shards), append(deal(shards, in), timer), pipelinetest.Options{})
		if expect(t, out, right...); len(out.Rejected) > 0 {
			t.Errorf("rejected: %v", out.Rejected)
		}
	}
	waits(t, alerts, 2, "all 3 shards of timer, events to pass")

	d := drive(t, alerts, 2)
	d.Push("timer", "10 s", "40 s")
	push(d, 0, "40 s")
	same(t, results(d.Results("alert")), nil) // a beat may be on its way in the other shard
	d.PushMessage("events", pipelinetest.Message{Shard: 1, Header: givesUp(), Stored: pipelinetest.Start.Add(50 * time.Second)})
	same(t, results(d.Results("alert")), []string{"alert stable s was silent before 10"})

	// With a timer in each worker, each sees another silence.
	own := new(atomic.Int64)
	found(t, func(p *pipeline.Pipeline, shards int) {
		write(p, "alert", operators.Filter(lines(p, shards), func(line string) bool {
			return own.Add(1)%3 == 0 && strings.HasPrefix(line, "expect")
		}))
	}, logs([]string{"expect s1", "expect s2", "expect s3"}, []string{"expect s4", "expect s5"}))
}
