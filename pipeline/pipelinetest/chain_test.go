package pipelinetest_test

import (
	"errors"
	"fmt"
	"iter"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/calmstream/calmstream/crdt"
	"github.com/calmstream/calmstream/operators"
	"github.com/calmstream/calmstream/pipeline"
	"github.com/calmstream/calmstream/pipeline/pipelinetest"
)

// read begins a pipeline over the shards of the readings that logs makes.
func read(p *pipeline.Pipeline, shards int) operators.Stream[reading] {
	var subjects []string
	for i := range shards {
		subjects = append(subjects, fmt.Sprintf("sensors.%d", i))
	}
	return pipeline.Read(p, "readings", pipeline.Source[reading]{Stream: "SENSORS", Subjects: subjects, Decode: pipeline.JSON[reading], Time: reading.time})
}

func bySensor(in operators.Stream[reading]) operators.Keyed[string, reading] {
	return operators.KeyBy(in, "sensor", func(r reading) string { return r.Sensor })
}

type sum = operators.Final[string, crdt.GCounter]

func encodeSum(f sum) ([]byte, error) { return fmt.Append(nil, f.Value.Value()), nil }

func everything(f sum) string   { return "all" }
func valueOf(f sum) uint64      { return f.Value.Value() }
func valueIn(r reading) uint64  { return r.Value }
func sensorIn(r reading) string { return r.Sensor }

// total adds up the results of a Write.
func total(t *testing.T, out pipelinetest.Outcome, write string) (n uint64) {
	t.Helper()
	for _, r := range out.Results {
		if r.Write == write {
			var v uint64
			if _, err := fmt.Sscan(r.Payload, &v); err != nil {
				t.Fatalf("%+v: %v", r, err)
			}
			n += v
		}
	}
	return n
}

// What lies behind a seal can be put into windows and sealed again: it comes in the order of its windows, so that
// none of it is late, wherever batches end.
func TestFactsAreSealedAgain(t *testing.T) {
	t.Parallel()
	for _, shards := range []int{1, 2} {
		t.Run(fmt.Sprintf("shards=%d", shards), func(t *testing.T) {
			t.Parallel()
			out := pipelinetest.Check(t, func() *pipeline.Pipeline {
				p := pipeline.New("again")
				first := operators.Sum("first", operators.Window(bySensor(read(p, shards)), operators.Tumbling(10*time.Second)), valueIn)
				facts := operators.Finals(operators.Seal(first, operators.Watermark(2*time.Second)))
				pipeline.Write(p, "first", facts, nowhere("first"), encodeSum)
				byAll := operators.KeyBy(facts, "all", everything)
				same := operators.Sum("same", operators.Window(byAll, operators.Tumbling(10*time.Second)), valueOf)
				pipeline.Write(p, "same", operators.Finals(operators.Seal(same, operators.Watermark(0))), nowhere("same"), encodeSum)
				coarse := operators.Sum("coarse", operators.Window(byAll, operators.Tumbling(25*time.Second)), valueOf)
				pipeline.Write(p, "coarse", operators.Finals(operators.Seal(coarse, operators.Watermark(3*time.Second))), nowhere("coarse"), encodeSum)
				ever := operators.Sum("ever", byAll, valueOf)
				pipeline.Write(p, "ever", operators.Finals(operators.Seal(ever, operators.EndOfInput())), nowhere("ever"), encodeSum)
				return p
			}, logs(shards, 60), pipelinetest.Options{Rounds: 30})
			want := total(t, out, "first")
			for _, write := range []string{"same", "coarse", "ever"} {
				if got := total(t, out, write); got != want || want == 0 {
					t.Errorf("%s adds up to %d, want %d", write, got, want)
				}
			}
			for place, reason := range out.Rejected {
				if strings.Contains(reason, "late") && !strings.Contains(place, "first") {
					t.Errorf("%s: %s", place, reason)
				}
			}
		})
	}
}

// The facts of the global window have the last instant of all; a window can hold it.
func TestFactsOfAllTimeAreSealedAgain(t *testing.T) {
	t.Parallel()
	out := pipelinetest.Check(t, func() *pipeline.Pipeline {
		p := pipeline.New("ever")
		ever := operators.Sum("ever", bySensor(read(p, 2)), valueIn)
		facts := operators.Finals(operators.Seal(ever, operators.EndOfInput()))
		pipeline.Write(p, "ever", facts, nowhere("ever"), encodeSum)
		again := operators.Sum("again", operators.Window(operators.KeyBy(facts, "all", everything), operators.Tumbling(7*time.Second)), valueOf)
		pipeline.Write(p, "again", operators.Finals(operators.Seal(again, operators.Watermark(time.Second))), nowhere("again"), encodeSum)
		return p
	}, logs(2, 40), pipelinetest.Options{Rounds: 10})
	if got, want := total(t, out, "again"), total(t, out, "ever"); got != want || want == 0 {
		t.Errorf("got %d, want %d", got, want)
	}
}

var errBrittle = errors.New("brittle")

// brittle is a set that breaks, after it has changed, when it meets a 7.
type brittle struct{ set crdt.GSet[uint64] }

func (b *brittle) Merge(other *brittle) bool {
	grew := b.set.Merge(&other.set)
	if other.set.Contains(7) {
		panic(errBrittle)
	}
	return grew
}

func (b *brittle) AppendBinary(to []byte) ([]byte, error) { return b.set.AppendBinary(to) }
func (b *brittle) UnmarshalBinary(data []byte) error      { return b.set.UnmarshalBinary(data) }
func (b *brittle) String() string                         { return fmt.Sprint(b.set.Len()) }
func liftBrittle(r reading) (b brittle)                   { b.set.Add(r.Value); return b }
func encodeBrittle(f operators.Final[string, brittle]) ([]byte, error) {
	return []byte(f.Value.String()), nil
}

// A Merge that panics rejects its record, and what it has done to the state by then is the same after a restart.
func TestMergeThatPanics(t *testing.T) {
	t.Parallel()
	in := logs(1, 80)
	pipelinetest.Check(t, func() *pipeline.Pipeline {
		p := pipeline.New("brittle")
		// Windows so short that many keys see a 7 first.
		sets := operators.Aggregate("sets", operators.Window(bySensor(read(p, 1)), operators.Tumbling(4*time.Second)), liftBrittle)
		pipeline.Write(p, "sets", operators.Finals(operators.Seal(sets, operators.EndOfInput())), nowhere("sets"), encodeBrittle)
		return p
	}, in, pipelinetest.Options{Rounds: 100})
}

// A threshold sees what a broken Merge has left behind, at once: it would not be asked about it after a restart.
func TestThresholdOverAHalfMerge(t *testing.T) {
	t.Parallel()
	out := pipelinetest.Check(t, func() *pipeline.Pipeline {
		p := pipeline.New("half")
		sets := operators.Aggregate("sets", bySensor(read(p, 1)), liftBrittle)
		seven := crdt.AssertUpSet("has 7", func(b *brittle) bool { return b.set.Contains(7) })
		pipeline.Write(p, "seven", operators.Threshold(sets, seven), nowhere("seven"), pipeline.EncodeText)
		return p
	}, []pipelinetest.Log{{Read: "readings", Messages: [][]byte{
		[]byte(`{"sensor":"s","value":1}`), []byte(`{"sensor":"s","value":7}`), []byte(`{"sensor":"s","value":2}`),
	}}}, pipelinetest.Options{Rounds: 1000, Owners: 1})
	if len(out.Results) != 1 {
		t.Errorf("results %v", out.Results)
	}
}

// A key has no result if no record of it could be used.
func TestKeyWithoutARecord(t *testing.T) {
	t.Parallel()
	out := pipelinetest.Check(t, func() *pipeline.Pipeline {
		p := pipeline.New("brittle")
		sets := operators.Aggregate("sets", bySensor(read(p, 1)), liftBrittle)
		pipeline.Write(p, "sets", operators.Finals(operators.Seal(sets, operators.EndOfInput())), nowhere("sets"), encodeBrittle)
		return p
	}, []pipelinetest.Log{{Read: "readings", Messages: [][]byte{
		[]byte(`{"sensor":"broken","value":7}`), []byte(`{"sensor":"whole","value":1}`), []byte(`{"sensor":"broken","value":7}`),
	}}}, pipelinetest.Options{Rounds: 20})
	if len(out.Results) != 1 || !strings.Contains(out.Results[0].Identity, "whole") || len(out.Rejected) != 2 {
		t.Errorf("results %v, rejected %v", out.Results, out.Rejected)
	}
}

// A threshold that panics keeps no other threshold from its answer, neither at once nor after a restart.
func TestThresholdThatPanics(t *testing.T) {
	t.Parallel()
	out := pipelinetest.Check(t, func() *pipeline.Pipeline {
		p := pipeline.New("thresholds")
		counts := operators.Count("counts", bySensor(read(p, 1)))
		odd := crdt.AssertUpSet("breaks at 3", func(c *crdt.GCounter) bool {
			if c.Value() == 3 {
				panic(errBrittle)
			}
			return c.Value() > 3
		})
		pipeline.Write(p, "odd", operators.Threshold(counts, odd), nowhere("odd"), pipeline.EncodeText)
		pipeline.Write(p, "three", operators.Threshold(counts, crdt.AtLeast(3)), nowhere("three"), pipeline.EncodeText)
		pipeline.Write(p, "counts", operators.Finals(operators.Seal(counts, operators.EndOfInput())), nowhere("counts"), encodeSum)
		return p
	}, logs(1, 6), pipelinetest.Options{Rounds: 100}) // three records for each of two sensors
	three := make(map[string]bool)
	for _, r := range out.Results {
		if r.Write == "three" {
			three[r.Payload] = true
		}
	}
	if len(three) != 2 || total(t, out, "counts") != 6 {
		t.Errorf("results %v", out.Results)
	}
}

// Several results about one key fail each by itself.
func TestEachFailedResultIsADeadLetter(t *testing.T) {
	t.Parallel()
	out := pipelinetest.Check(t, func() *pipeline.Pipeline {
		p := pipeline.New("fan")
		sums := operators.Sum("sums", operators.Window(bySensor(read(p, 1)), operators.Tumbling(10*time.Second)), valueIn)
		parts := operators.FlatMap(operators.Finals(operators.Seal(sums, operators.Watermark(0))), func(sum) iter.Seq[int] {
			return func(yield func(int) bool) { _ = yield(1) && yield(2) && yield(3) }
		})
		pipeline.Write(p, "parts", operators.Map(parts, func(i int) int { return 6 / (i - 2) / (i - 3) }), nowhere("parts"), pipeline.EncodeJSON)
		return p
	}, logs(1, 40), pipelinetest.Options{Rounds: 30})
	dead := 0
	for _, reason := range out.Rejected {
		if strings.Contains(reason, "divide by zero") {
			dead++
		}
	}
	if dead != 2*len(out.Results) || dead == 0 {
		t.Errorf("%d dead letters for %d keys: %v", dead, len(out.Results), out.Rejected)
	}
}

// A record that no message of the exchange can carry is a dead letter, and the others pass.
func TestHugeContributionIsADeadLetter(t *testing.T) {
	t.Parallel()
	in := logs(2, 20)
	in[0].Messages[3] = fmt.Appendf(nil, `{"sensor":"huge","at":1704067203,"value":10}`)
	out := pipelinetest.Check(t, func() *pipeline.Pipeline {
		p := pipeline.New("huge")
		texts := operators.Aggregate("texts", bySensor(read(p, 2)), func(r reading) (s crdt.GSet[string]) {
			if r.Sensor == "huge" {
				s.Add(strings.Repeat("x", 800<<10))
			}
			s.Add(r.Sensor)
			return s
		})
		pipeline.Write(p, "texts", operators.Finals(operators.Seal(texts, operators.EndOfInput())), nowhere("texts"), func(f operators.Final[string, crdt.GSet[string]]) ([]byte, error) {
			return fmt.Append(nil, f.Value.Len()), nil
		})
		return p
	}, in, pipelinetest.Options{Rounds: 5})
	found := 0
	for _, reason := range out.Rejected {
		if strings.Contains(reason, "bytes") {
			found++
		}
	}
	if found != 1 || len(out.Results) < 2 {
		t.Errorf("%d too large, results %v, rejected %v", found, out.Results, out.Rejected)
	}
}

// The largest MaxAhead allows everything.
func TestNoLimitAhead(t *testing.T) {
	t.Parallel()
	out := pipelinetest.Check(t, func() *pipeline.Pipeline {
		p := pipeline.New("ahead")
		in := pipeline.Read(p, "readings", pipeline.Source[reading]{Stream: "S", Decode: pipeline.JSON[reading], Time: reading.time, MaxAhead: math.MaxInt64})
		pipeline.Write(p, "names", operators.Map(in, sensorIn), nowhere("names"), pipeline.EncodeText)
		return p
	}, []pipelinetest.Log{{Read: "readings", Messages: [][]byte{
		[]byte(`{"sensor":"now","at":1704067203}`), []byte(`{"sensor":"later","at":4000000000}`), []byte(`{"sensor":"before","at":-4000000000}`),
	}}}, pipelinetest.Options{Rounds: 3})
	if len(out.Results) != 3 {
		t.Errorf("results %v, rejected %v", out.Results, out.Rejected)
	}
}

// Event times before 1970 and at both ends of what can be represented have windows like any other.
func TestWindowsAtTheEndsOfTime(t *testing.T) {
	t.Parallel()
	size := 5000 * time.Hour
	var in [][]byte
	for _, at := range []int64{-9_214_000_000, -9_222_000_000, -9_223_372_036, 0, -1, 9_222_000_000, 9_214_000_000} {
		in = append(in, fmt.Appendf(nil, `{"sensor":"s","at":%d,"value":1}`, at))
	}
	out := pipelinetest.Check(t, func() *pipeline.Pipeline {
		p := pipeline.New("ends")
		all := pipeline.Read(p, "readings", pipeline.Source[reading]{Stream: "S", Decode: pipeline.JSON[reading], Time: reading.time, MaxAhead: math.MaxInt64})
		sums := operators.Sum("sums", operators.Window(bySensor(all), operators.Tumbling(size)), valueIn)
		pipeline.Write(p, "sums", operators.Finals(operators.Seal(sums, operators.EndOfInput())), nowhere("sums"), func(f sum) ([]byte, error) {
			if f.Window.End-f.Window.Start != int64(size) || f.Window.Start%int64(size) != 0 {
				return nil, fmt.Errorf("window %+v", f.Window)
			}
			return encodeSum(f)
		})
		return p
	}, []pipelinetest.Log{{Read: "readings", Messages: in}}, pipelinetest.Options{Rounds: 3})
	if got := total(t, out, "sums") + uint64(len(out.Rejected)); got != uint64(len(in)) {
		t.Errorf("%d of %d accounted for: %v, %v", got, len(in), out.Results, out.Rejected)
	}
	for _, reason := range out.Rejected {
		if !strings.Contains(reason, "outside the years") {
			t.Error(reason)
		}
	}
}

// Shards that share messages would count them twice.
func TestOverlappingSubjectsAreRefused(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		subjects []string
		ok       bool
	}{
		{[]string{"a.0", "a.1"}, true},
		{[]string{"a.*", "a.b.*"}, true},
		{[]string{"a.0", "a.0"}, false},
		{[]string{"b", "a.*", "*.1"}, false},
		{[]string{"a.>", "a.b.c"}, false},
		{[]string{"a", ""}, false},
	} {
		p := pipeline.New("overlap")
		in := pipeline.Read(p, "in", pipeline.Source[string]{Stream: "S", Subjects: c.subjects, Decode: pipeline.Text})
		pipeline.Write(p, "out", in, nowhere("out"), pipeline.EncodeText)
		if err := p.Err(); (err == nil) != c.ok {
			t.Errorf("%q: %v", c.subjects, err)
		}
	}
}

// How many entries a ranking keeps decides its state, and so belongs to the identity of the pipeline.
func TestRankingsOfOtherLengthsDiffer(t *testing.T) {
	t.Parallel()
	seen := make(map[string]bool)
	for k := range 3 {
		p := pipeline.New("top")
		sums := operators.Sum("sums", bySensor(read(p, 1)), valueIn)
		top := operators.TopK("top", operators.Seal(sums, operators.EndOfInput()), k+1, (*crdt.GCounter).Value)
		pipeline.Write(p, "top", top, nowhere("top"), pipeline.EncodeJSON)
		id, err := p.Fingerprint()
		if err != nil || seen[id] {
			t.Errorf("best %d: fingerprint %s, %v", k+1, id, err)
		}
		seen[id] = true
	}
}
