package pipelinetest_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/calmstream/calmstream/crdt"
	"github.com/calmstream/calmstream/operators"
	"github.com/calmstream/calmstream/pipeline"
	"github.com/calmstream/calmstream/pipeline/pipelinetest"
	"github.com/calmstream/calmstream/sinks"
)

type reading struct {
	Sensor string `json:"sensor"`
	At     int64  `json:"at"`
	Value  uint64 `json:"value"`
}

func (r reading) time() time.Time { return time.Unix(r.At, 0) }

// nowhere is the target of results that only the test sees.
func nowhere(name string) sinks.Sink { return sinks.Func{Name: name} }

// sensors uses every operator: sums in windows with an alert and a ranking, and an exact set for all of time.
func sensors(shards int, tweak func(reading) reading) func() *pipeline.Pipeline {
	return func() *pipeline.Pipeline {
		p := pipeline.New("sensors")
		var subjects []string
		for i := range shards {
			subjects = append(subjects, fmt.Sprintf("sensors.%d", i))
		}
		all := pipeline.Read(p, "readings", pipeline.Source[reading]{Stream: "SENSORS", Subjects: subjects, Decode: pipeline.JSON[reading], Time: reading.time})
		all = operators.Map(all, tweak)
		bySensor := operators.KeyBy(all, "sensor", func(r reading) string { return r.Sensor })
		sums := operators.Sum("sums", operators.Window(bySensor, operators.Tumbling(10*time.Second)), func(r reading) uint64 { return r.Value })
		pipeline.Write(p, "high", operators.Threshold(sums, crdt.AtLeast(15)), nowhere("high"), pipeline.EncodeText)
		sealed := operators.Seal(sums, operators.Watermark(5*time.Second))
		pipeline.Write(p, "top", operators.TopK("top", sealed, 2, (*crdt.GCounter).Value), nowhere("top"), pipeline.EncodeJSON)
		pipeline.Write(p, "sums", operators.Finals(sealed), nowhere("sums"), func(f operators.Final[string, crdt.GCounter]) ([]byte, error) {
			return fmt.Append(nil, f.Value.Value()), nil
		})
		values := operators.Aggregate("values", bySensor, func(r reading) (s crdt.GSet[uint64]) {
			s.Add(r.Value)
			return s
		})
		pipeline.Write(p, "seven", operators.Threshold(values, crdt.Contains[uint64](7)), nowhere("seven"), pipeline.EncodeText)
		pipeline.Write(p, "values", operators.Finals(operators.Seal(values, operators.EndOfInput())), nowhere("values"), func(f operators.Final[string, crdt.GSet[uint64]]) ([]byte, error) {
			return fmt.Append(nil, f.Value.Len()), nil
		})
		pipeline.Write(p, "big", operators.Filter(all, func(r reading) bool { return r.Value > 8 }), nowhere("big"), pipeline.EncodeJSON)
		return p
	}
}

func same(r reading) reading {
	if r.Value == 5 {
		panic("five")
	}
	return r
}

// logs makes readings that are a little out of order, with some late and some broken ones.
func logs(shards, n int) []pipelinetest.Log {
	out := make([]pipelinetest.Log, shards)
	for s := range out {
		out[s] = pipelinetest.Log{Read: "readings", Shard: s}
		for i := range n {
			at := int64(1704067200 + i*3 - (i*7)%5)
			if i%13 == 12 {
				at -= 40
			}
			value := uint64((i*31 + s) % 11)
			if i%2 == 0 {
				value = 0 // a key whose records add nothing has a result too
			}
			data, _ := json.Marshal(reading{Sensor: fmt.Sprintf("s%d", (i*i+s)%4), At: at, Value: value})
			if i%17 == 16 {
				data = []byte("{")
			}
			out[s].Messages = append(out[s].Messages, data)
		}
	}
	return out
}

func TestSchedulesDoNotMatter(t *testing.T) {
	t.Parallel()
	for _, shards := range []int{1, 3} {
		for _, owners := range []int{1, 2, 3} {
			t.Run(fmt.Sprintf("shards=%d,owners=%d", shards, owners), func(t *testing.T) {
				t.Parallel()
				in := logs(shards, 60)
				out := pipelinetest.Check(t, sensors(shards, same), in, pipelinetest.Options{Rounds: 40, Owners: owners})
				model(t, in, out)
			})
		}
	}
}

// model holds an outcome against a naive computation that knows nothing of streams.
func model(t *testing.T, in []pipelinetest.Log, out pipelinetest.Outcome) {
	t.Helper()
	type group struct {
		start  int64
		sensor string
	}
	sums, late, dead := make(map[group]uint64), 0, 0
	for _, l := range in {
		seen := int64(-1 << 40)
		for _, data := range l.Messages {
			var r reading
			if json.Unmarshal(data, &r) != nil {
				dead++
				continue
			}
			before := seen
			seen = max(seen, r.At)
			if r.Value == 5 {
				dead++
				continue
			}
			g := group{r.At - r.At%10, r.Sensor}
			if before-5 >= g.start+10 {
				late++
				continue
			}
			sums[g] += r.Value
		}
	}
	want := make(map[string]string)
	for g, sum := range sums {
		span := operators.Span{Start: g.start * 1e9, End: (g.start + 10) * 1e9}
		want[fmt.Sprintf("sums %s %q 0", span, g.sensor)] = fmt.Sprint(sum)
		if sum >= 15 {
			want[fmt.Sprintf("high %s %q 0", span, g.sensor)] = g.sensor
		}
	}
	got := make(map[string]string)
	for _, r := range out.Results {
		if r.Write == "sums" || r.Write == "high" {
			got[r.Write+" "+r.Identity] = r.Payload
		}
	}
	for id, payload := range want {
		if got[id] != payload {
			t.Errorf("%s: got %q, want %q", id, got[id], payload)
		}
	}
	if len(got) != len(want) {
		t.Errorf("%d results, want %d", len(got), len(want))
	}
	lateGot := 0
	for _, reason := range out.Rejected {
		if strings.HasPrefix(reason, "late") {
			lateGot++
		}
	}
	if lateGot != late || len(out.Rejected)-lateGot != dead {
		t.Errorf("%d late and %d dead, want %d and %d", lateGot, len(out.Rejected)-lateGot, late, dead)
	}
}

// A function that is not pure is found.
func TestImpureFunctionsAreFound(t *testing.T) {
	t.Parallel()
	calls := 0
	counting := func(r reading) reading {
		calls++
		r.Value = uint64(calls)
		return r
	}
	_, err := pipelinetest.Run(sensors(1, counting), logs(1, 40), pipelinetest.Options{Seed: 1, Rounds: 20})
	if err == nil {
		t.Fatal("a function that counts its calls was not found")
	}
	t.Log(err)
}
