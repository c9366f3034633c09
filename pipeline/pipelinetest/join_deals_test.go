package pipelinetest_test

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/calmstream/calmstream/operators"
	"github.com/calmstream/calmstream/pipeline"
	"github.com/calmstream/calmstream/pipeline/pipelinetest"
)

// However records and changes are dealt to shards, also those of one instant, joins and lookups find the same.
func TestDealsOfJoinsDoNotMatter(t *testing.T) {
	t.Parallel()
	in := logs(2, 40)
	for i := range in {
		in[i].Messages = in[i].Messages[:24]
	}
	pipelinetest.CheckShards(t, func(shards int) *pipeline.Pipeline {
		p := pipeline.New("deals")
		some, others := operators.Split(read(p, shards), func(r reading) bool { return r.Value == 0 })
		left, right := bySensor(some), bySensor(others)
		table, when := operators.TableOf(right, gone), operators.Watermark(time.Hour)
		within := operators.Interval{Before: 5 * time.Second, After: 5 * time.Second, Lateness: time.Hour}
		pipeline.Write(p, "then", operators.LeftLookup("then", left, table, when, func(a reading, b *reading) string { return pairText(&a, b) }), nowhere("then"), pipeline.EncodeText)
		pipeline.Write(p, "rows", operators.OuterJoinTables("rows", operators.TableOf(left, nil), table, when, pairText), nowhere("rows"), changeText)
		pipeline.Write(p, "alone", operators.AntiJoin("alone", left, right, within), nowhere("alone"), readingText)
		pipeline.Write(p, "pairs", operators.OuterJoin("pairs", left, right, within, pairText), nowhere("pairs"), pipeline.EncodeText)
		once := bySensor(operators.Map(some, func(r reading) reading { return reading{Sensor: r.Sensor} }))
		rich := operators.LeftEnrich("rich", right, once, when, func(a reading, b *reading) string { return pairText(&a, b) })
		pipeline.Write(p, "rich", rich, nowhere("rich"), pipeline.EncodeText)
		windows := operators.Tumbling(10 * time.Second)
		pipeline.Write(p, "minus", operators.MinusKeys("minus", operators.Window(left, windows), operators.Window(right, windows), when), nowhere("minus"), pipeline.EncodeText)
		return p
	}, in, pipelinetest.Options{Rounds: 10})
}

// A lookup waits for what the producers promise on both sides, and for nothing else: a record that is ahead of a promise closes
// nothing.
func TestLookupByPunctuation(t *testing.T) {
	t.Parallel()
	log := func(read string, readings ...reading) pipelinetest.Log {
		l := pipelinetest.Log{Read: read}
		for _, r := range readings {
			data, _ := json.Marshal(r)
			l.Messages, l.Producers = append(l.Messages, data), append(l.Producers, "gauge")
		}
		return l
	}
	at := func(second int64, value uint64) reading { return reading{"s", begin + second, value} }
	out := pipelinetest.Check(t, func() *pipeline.Pipeline {
		p := pipeline.New("promised")
		source := func(name string) operators.Keyed[string, reading] {
			return bySensor(pipeline.Read(p, name, pipeline.Source[reading]{Stream: name, Producers: []string{"gauge"}, Decode: pipeline.JSON[reading], Time: reading.time}))
		}
		all := operators.LeftLookup("all", source("left"), operators.TableOf(source("right"), gone), operators.Punctuation(),
			func(a reading, b *reading) string { return pairText(&a, b) })
		pipeline.Write(p, "all", all, nowhere("all"), func(s string) ([]byte, error) { return fmt.Append(nil, s), nil })
		return p
	}, []pipelinetest.Log{
		log("left", at(50, 1), at(2, 2)),
		log("right", at(40, 6), at(1, 9), at(3, 8)),
	}, pipelinetest.Options{})
	want(t, out, "all", "final s@2=2 with s@1=9", "final s@50=1 with s@40=6")
	if len(out.Rejected) != 0 {
		t.Errorf("rejected: %v", out.Rejected)
	}
}
