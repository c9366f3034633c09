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
)

// What is sealed key by key has certificates too, and they are the same in every schedule: where one ends does not depend on batches, and what
// was counted is in the checkpoints. So it is for sessions, and for what is complete by what it holds, also behind another seal.
func TestCertificatesOfKeys(t *testing.T) {
	t.Parallel()
	for _, shards := range []int{1, 2} {
		var in []pipelinetest.Log
		for shard := range shards {
			l := pipelinetest.Log{Read: "left", Shard: shard}
			for i := range 60 {
				data, _ := json.Marshal(reading{Sensor: fmt.Sprint("s", i%7), At: begin + int64(i)*500 - int64(i%3)*900, Value: uint64(i)})
				l.Messages = append(l.Messages, data)
			}
			in = append(in, l)
		}
		out := pipelinetest.Check(t, func() *pipeline.Pipeline {
			p := pipeline.New("certificates")
			var subjects []string
			for i := range shards {
				subjects = append(subjects, fmt.Sprintf("left.%d", i))
			}
			left := bySensor(pipeline.Read(p, "left", pipeline.Source[reading]{Stream: "left", Subjects: subjects, Decode: pipeline.JSON[reading], Time: reading.time, MaxAhead: 1000 * time.Hour}))
			visits := operators.Count("visits", operators.Window(left, operators.Sessions(20*time.Minute)))
			pipeline.Write(p, "visits", operators.Finals(operators.Seal(visits, operators.Watermark(20*time.Minute))), nowhere("visits"), encodeSum)
			windowed := operators.Count("windowed", operators.Window(left, operators.Tumbling(10*time.Minute)))
			three := operators.Finals(operators.SealWhen(windowed, crdt.AtLeast(1)))
			pipeline.Write(p, "one", three, nowhere("one"), encodeSum)
			finals := operators.Finals(operators.Seal(visits, operators.Watermark(20*time.Minute)))
			again := operators.Count("again", operators.KeyBy(finals, "key", func(f sum) string { return f.Key }))
			pipeline.Write(p, "again", operators.Finals(operators.SealWhen(again, crdt.AtLeast(3))), nowhere("again"), encodeSum)
			return p
		}, in, pipelinetest.Options{Rounds: 20, Owners: 3})
		count := map[string][2]int{}
		for at, content := range out.Certificates() {
			state := strings.Fields(at)[1]
			var n int
			if _, err := fmt.Sscan(content, &n); err != nil {
				t.Fatal(err)
			}
			count[state] = [2]int{count[state][0] + 1, count[state][1] + n}
		}
		for state, write := range map[string]string{"visits": "visits", "windowed": "one", "again": "again"} {
			if shards > 1 && state != "visits" {
				continue // their positions are those of an exchange
			}
			results := len(contents(out, write))
			if count[state][1] != results || results == 0 || state != "again" && count[state][0] < 3 {
				t.Errorf("%d shards, %s: %d certificates of %d keys, want %d", shards, state, count[state][0], count[state][1], results)
			}
		}
	}
}
