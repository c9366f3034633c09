package pipelinetest_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/calmstream/calmstream/crdt"
	"github.com/calmstream/calmstream/operators"
	"github.com/calmstream/calmstream/pipeline"
	"github.com/calmstream/calmstream/pipeline/internal/seal"
	"github.com/calmstream/calmstream/pipeline/pipelinetest"
)

// cutReadings reads readings whose time is that of recorded cuts.
func cutReadings(p *pipeline.Pipeline, shards int) operators.Keyed[string, reading] {
	var subjects []string
	for i := range shards {
		subjects = append(subjects, fmt.Sprintf("sensors.%d", i))
	}
	return bySensor(pipeline.Read(p, "readings", pipeline.Source[reading]{Stream: "SENSORS", Subjects: subjects, Decode: pipeline.JSON[reading], Cuts: true}))
}

func encodeCut(f sum) ([]byte, error) {
	return fmt.Appendf(nil, "%s %s=%d", f.Window, f.Key, f.Value.Value()), nil
}

// What a cut seals is what each shard had before its marker, wherever that stands, however often it comes, and however batches,
// owners and crashes fall: with what came before it, or without.
func TestRecordedCuts(t *testing.T) {
	t.Parallel()
	for seed := range uint64(6) {
		t.Run(fmt.Sprint("seed=", seed), func(t *testing.T) {
			t.Parallel()
			const cuts = 4
			rng := rand.New(rand.NewPCG(seed, 7))
			shards := 1 + int(seed%3)
			between, upTo := map[string]uint64{}, map[string]uint64{}
			var in []pipelinetest.Log
			for shard := range shards {
				l := pipelinetest.Log{Read: "readings", Shard: shard}
				add := func(data []byte, headers map[string][]string) {
					l.Messages, l.Headers = append(l.Messages, data), append(l.Headers, headers)
				}
				for cut := 1; cut <= cuts+1; cut++ {
					for range rng.IntN(6) {
						r := reading{Sensor: fmt.Sprint("s", rng.IntN(4)), Value: 1 << rng.IntN(8)}
						data, _ := json.Marshal(r)
						add(data, nil)
						between[fmt.Sprintf("cut %d %s", cut, r.Sensor)] += r.Value
					}
					if cut <= cuts {
						for range 1 + rng.IntN(2) {
							add(nil, seal.CutHeaders(uint64(cut)))
						}
					}
				}
				add(nil, seal.CutHeaders(uint64(rng.IntN(cuts)+1)))
				in = append(in, l)
			}
			for sensor := range 4 {
				total := uint64(0)
				for cut := 1; cut <= cuts+1; cut++ {
					at := fmt.Sprintf("cut %d s%d", cut, sensor)
					if n, changed := between[at]; changed {
						total += n
						upTo[at] = total
					}
				}
			}
			out := pipelinetest.Check(t, func() *pipeline.Pipeline {
				p := pipeline.New("cuts")
				read := cutReadings(p, shards)
				for i, windows := range []operators.Windows{operators.Cuts(), operators.UpToCut()} {
					name := []string{"between", "up-to"}[i]
					sums := operators.Sum(name, operators.Window(read, windows), valueIn)
					pipeline.Write(p, name, operators.Finals(operators.Seal(sums, operators.RecordedCut())), nowhere(name), encodeCut)
				}
				return p
			}, in, pipelinetest.Options{Rounds: 20, Seed: seed + 1})
			for write, want := range map[string]map[string]uint64{"between": between, "up-to": upTo} {
				got := map[string]uint64{}
				for _, r := range contents(out, write) {
					at, value, _ := strings.Cut(strings.TrimPrefix(r, "final "), "=")
					var n uint64
					_, _ = fmt.Sscan(value, &n)
					got[at] = n
				}
				if !maps.Equal(got, want) {
					t.Errorf("%s:\ngot  %v\nwant %v", write, got, want)
				}
			}
			if len(out.Rejected) > 0 {
				t.Errorf("rejected: %v", out.Rejected)
			}
		})
	}
}

// A marker whose predecessor is missing seals nothing.
func TestCutThatIsAhead(t *testing.T) {
	t.Parallel()
	in := pipelinetest.Log{Read: "readings"}
	for _, m := range []struct {
		data    string
		headers map[string][]string
	}{
		{`{"sensor":"s","value":1}`, nil},
		{"", seal.CutHeaders(2)},
		{`{"sensor":"s","value":2}`, nil},
		{"", seal.CutHeaders(1)},
		{"", map[string][]string{seal.Header: {seal.Cut}, seal.CutHeader: {"-1"}}},
		{`{"sensor":"s","value":4}`, nil},
	} {
		in.Messages, in.Headers = append(in.Messages, []byte(m.data)), append(in.Headers, m.headers)
	}
	out := pipelinetest.Check(t, func() *pipeline.Pipeline {
		p := pipeline.New("ahead")
		sums := operators.Sum("sums", operators.Window(cutReadings(p, 1), operators.Cuts()), valueIn)
		pipeline.Write(p, "sums", operators.Finals(operators.Seal(sums, operators.RecordedCut())), nowhere("sums"), encodeCut)
		return p
	}, []pipelinetest.Log{in}, pipelinetest.Options{})
	want(t, out, "sums", "final cut 1 s=3", "final cut 2 s=4")
	if len(out.Rejected) != 2 {
		t.Errorf("rejected: %v", out.Rejected)
	}
}

// Cuts and event time are not mixed, and what cannot be answered at a cut is refused.
func TestCutsInThePlan(t *testing.T) {
	t.Parallel()
	seals := func(p *pipeline.Pipeline, in operators.Keyed[string, reading], w operators.Windows, by operators.Sealing) {
		pipeline.Write(p, "out", operators.Finals(operators.Seal(operators.Sum("sums", operators.Window(in, w), valueIn), by)), nowhere("out"), encodeSum)
	}
	for want, build := range map[string]func(p *pipeline.Pipeline){
		"set Cuts in its Source": func(p *pipeline.Pipeline) { seals(p, bySensor(read(p, 1)), operators.Cuts(), operators.RecordedCut()) },
		"is the number of a recorded cut": func(p *pipeline.Pipeline) {
			seals(p, cutReadings(p, 1), operators.Tumbling(time.Second), operators.Watermark(0))
		},
		"by event-time watermark, lateness 1s: its windows lie between recorded cuts": func(p *pipeline.Pipeline) {
			seals(p, cutReadings(p, 1), operators.Cuts(), operators.Watermark(time.Second))
		},
		"use operators.RecordedCut or operators.EndOfInput": func(p *pipeline.Pipeline) {
			seals(p, cutReadings(p, 1), operators.UpToCut(), operators.Watermark(0))
		},
		"it has other windows": func(p *pipeline.Pipeline) {
			seals(p, bySensor(read(p, 1)), operators.Tumbling(time.Second), operators.RecordedCut())
		},
		"knows only what came since": func(p *pipeline.Pipeline) {
			sums := operators.Sum("sums", operators.Window(cutReadings(p, 1), operators.UpToCut()), valueIn)
			pipeline.Write(p, "out", operators.Threshold(sums, crdt.AtLeast(3)), nowhere("out"), pipeline.EncodeText)
		},
		"excludes Time": func(p *pipeline.Pipeline) {
			pipeline.Read(p, "both", pipeline.Source[reading]{Stream: "S", Decode: pipeline.JSON[reading], Time: reading.time, Cuts: true})
		},
	} {
		p := pipeline.New("cuts")
		build(p)
		if err := p.Err(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
	}
	p := pipeline.New("cuts")
	seals(p, cutReadings(p, 2), operators.UpToCut(), operators.RecordedCut())
	if text, err := p.Explain(); err != nil || !strings.Contains(text, "all 2 shards of readings to come to the recorded cut") {
		t.Errorf("%v\n%s", err, text)
	}
}
