package pipelinetest_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/calmstream/calmstream/operators"
	"github.com/calmstream/calmstream/pipeline"
	"github.com/calmstream/calmstream/pipeline/internal/seal"
	"github.com/calmstream/calmstream/pipeline/pipelinetest"
)

const begin = 1704067200

// promised reads readings whose producers say what is complete, and counts them in windows of ten seconds.
func promised(shards int, producers ...string) func() *pipeline.Pipeline {
	return func() *pipeline.Pipeline {
		p := pipeline.New("promised")
		var subjects []string
		for i := range shards {
			subjects = append(subjects, fmt.Sprintf("sensors.%d", i))
		}
		in := pipeline.Read(p, "readings", pipeline.Source[reading]{Stream: "SENSORS", Subjects: subjects, Producers: producers, Decode: pipeline.JSON[reading], Time: reading.time})
		sums := operators.Sum("sums", operators.Window(bySensor(in), operators.Tumbling(10*time.Second)), valueIn)
		pipeline.Write(p, "sums", operators.Finals(operators.Seal(sums, operators.Punctuation())), nowhere("sums"), encodeSum)
		return p
	}
}

// published is a log that producers write to.
type published struct {
	pipelinetest.Log
	tally map[string]*seal.Tally
}

func publishing(shard int, producers ...string) *published {
	l := &published{Log: pipelinetest.Log{Read: "readings", Shard: shard}, tally: map[string]*seal.Tally{}}
	for _, name := range producers {
		l.tally[name] = new(seal.Tally)
	}
	return l
}

func (l *published) add(data []byte, headers map[string][]string) {
	l.Messages, l.Headers = append(l.Messages, data), append(l.Headers, headers)
}

func (l *published) record(producer string, r reading) {
	data, _ := json.Marshal(r)
	l.tally[producer].Add(data)
	l.add(data, seal.RecordHeaders(producer, l.tally[producer].Count))
}

func (l *published) promise(producer string, at int64) {
	l.add(nil, seal.Promise{Tally: *l.tally[producer], Before: (begin + at) * int64(time.Second)}.Headers(producer))
}

// shuffle swaps neighbours and repeats messages, as a network with retries does.
func (l *published) shuffle(rng *rand.Rand) {
	for range len(l.Messages) / 2 {
		i := rng.IntN(len(l.Messages) - 1)
		if rng.IntN(3) == 0 {
			l.add(l.Messages[i], l.Headers[i])
			continue
		}
		l.Messages[i], l.Messages[i+1] = l.Messages[i+1], l.Messages[i]
		l.Headers[i], l.Headers[i+1] = l.Headers[i+1], l.Headers[i]
	}
}

// Guarantee 5: whatever order records and promises arrive in, and however often, each record is in exactly one final result or
// in the late stream, and all of those that were promised are in the results.
func TestPunctuationMayOvertakeItsRecords(t *testing.T) {
	t.Parallel()
	for seed := range uint64(8) {
		t.Run(fmt.Sprint("seed=", seed), func(t *testing.T) {
			t.Parallel()
			rng := rand.New(rand.NewPCG(seed, 1))
			names := []string{"a", "b", "c"}[:1+seed%3]
			var in []pipelinetest.Log
			want := map[string]uint64{}
			for shard := range 1 + int(seed)/4 {
				l := publishing(shard, names...)
				for second := range int64(50) {
					name := names[rng.IntN(len(names))]
					r := reading{Sensor: fmt.Sprint("s", rng.IntN(3)), At: begin + second, Value: 1 << rng.IntN(10)}
					l.record(name, r)
					want[fmt.Sprintf("%d %s", second/10*10, r.Sensor)] += r.Value
					if second%10 == 9 {
						for _, name := range names {
							l.promise(name, second+1)
						}
					}
				}
				l.shuffle(rng)
				in = append(in, l.Log)
			}
			out := pipelinetest.Check(t, promised(len(in), names...), in, pipelinetest.Options{Rounds: 20, Seed: seed + 1})
			got := map[string]uint64{}
			for _, r := range out.Results {
				var v uint64
				window, sensor, _ := strings.Cut(r.Identity, " ")
				at, err := time.Parse(time.RFC3339, strings.Split(window, "/")[0])
				_, err2 := fmt.Sscan(r.Payload, &v)
				if err != nil || err2 != nil {
					t.Fatalf("%+v: %v, %v", r, err, err2)
				}
				got[fmt.Sprintf("%d %s", at.Unix()-begin, strings.Trim(strings.Fields(sensor)[0], `"`))] += v
			}
			if !maps.Equal(got, want) {
				t.Errorf("got  %v\nwant %v\nrejected %v", got, want, out.Rejected)
			}
			for place, why := range out.Rejected { // a promise that came behind records that it does not count
				if !strings.Contains(why, "held against no digest") {
					t.Errorf("%s: %s", place, why)
				}
			}
		})
	}
}

// A record that its producer publishes after the promise is late, and so is judged by the log of its own shard alone.
func TestRecordAfterThePromiseIsLate(t *testing.T) {
	t.Parallel()
	l := publishing(0, "a", "b")
	l.record("a", reading{Sensor: "s", At: begin + 1, Value: 1})
	l.promise("a", 10)
	l.record("a", reading{Sensor: "s", At: begin + 2, Value: 10}) // b has not promised: it counts
	l.promise("b", 10)
	l.record("b", reading{Sensor: "s", At: begin + 3, Value: 100}) // late
	l.record("a", reading{Sensor: "s", At: begin + 14, Value: 1000})
	out := pipelinetest.Check(t, promised(1, "a", "b"), []pipelinetest.Log{l.Log}, pipelinetest.Options{})
	want(t, out, "sums", "final 11", "final 1000")
	reasons := slices.Collect(maps.Values(out.Rejected))
	if len(reasons) != 1 || !strings.Contains(reasons[0], "late: window") {
		t.Errorf("rejected: %v", out.Rejected)
	}
}

// Who is not registered, and what a digest refutes, seals nothing and is in no result.
func TestOnlyTheRegisteredCount(t *testing.T) {
	t.Parallel()
	l := publishing(0, "a", "stranger")
	l.record("stranger", reading{Sensor: "s", At: begin + 1, Value: 1})
	l.record("a", reading{Sensor: "s", At: begin + 2, Value: 10})
	l.promise("stranger", 40)
	l.add([]byte(`{}`), nil)
	l.add(nil, map[string][]string{seal.Header: {seal.End}})
	wrong := seal.Promise{Tally: seal.Tally{Count: 2, Digest: 7}, Before: (begin + 30) * int64(time.Second)}
	l.add(nil, wrong.Headers("a"))
	l.record("a", reading{Sensor: "s", At: begin + 3, Value: 100}) // refutes the promise, and counts
	l.record("a", reading{Sensor: "s", At: begin + 4, Value: 1000})
	out := pipelinetest.Check(t, promised(1, "a"), []pipelinetest.Log{l.Log}, pipelinetest.Options{})
	want(t, out, "sums", "final 1110")
	var got []string
	for _, why := range out.Rejected {
		got = append(got, why)
	}
	slices.Sort(got)
	for i, part := range []string{"it names no producer", "it names no producer", `"stranger" is not registered`, `"stranger" is not registered`, "promises the digest 0000000000000007"} {
		if i >= len(got) || !strings.Contains(got[i], part) {
			t.Fatalf("rejected: %q", got)
		}
	}
}

// Nobody can promise anything for an input without a registry, and the plan says so.
func TestPunctuationNeedsARegistry(t *testing.T) {
	t.Parallel()
	if _, err := promised(1)().Explain(); err == nil || !strings.Contains(err.Error(), "has no registered producers; name them in its Source.Producers") {
		t.Errorf("got %v", err)
	}
	if _, err := promised(1, "a", "a")().Explain(); err == nil || !strings.Contains(err.Error(), `"a" is there twice`) {
		t.Errorf("got %v", err)
	}
	if _, err := promised(1, "a b")().Explain(); err == nil || !strings.Contains(err.Error(), `the name "a b" must be`) {
		t.Errorf("got %v", err)
	}
	text, err := promised(2, "b", "a")().Explain()
	if err != nil || !strings.Contains(text, "all 2 shards of readings to hold the promises of all producers (a, b) for the end of the window") {
		t.Errorf("%v\n%s", err, text)
	}
	one, _ := promised(1, "a", "b")().Fingerprint()
	two, _ := promised(1, "b", "a")().Fingerprint()
	three, _ := promised(1, "a", "c")().Fingerprint()
	if one != two || one == three {
		t.Errorf("fingerprints %s %s %s: the registry is part of them, its order is not", one, two, three)
	}
}
