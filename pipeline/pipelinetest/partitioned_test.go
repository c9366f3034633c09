package pipelinetest_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/calmstream/calmstream/crdt"
	"github.com/calmstream/calmstream/operators"
	"github.com/calmstream/calmstream/pipeline"
	"github.com/calmstream/calmstream/pipeline/partition"
	"github.com/calmstream/calmstream/pipeline/pipelinetest"
	"github.com/calmstream/calmstream/sinks"
)

// divided counts words by minute where three shards divide them among themselves, and ranks them.
func divided() *pipeline.Pipeline {
	p := pipeline.New("divided")
	words := pipeline.Read(p, "words", pipeline.Source[string]{Stream: "IN", Subjects: []string{"in.0", "in.1", "in.2"}, PartitionedBy: "word", Decode: pipeline.Text})
	keyed := operators.Window(operators.KeyBy(words, "word", strings.ToLower), operators.Tumbling(time.Minute))
	counts := operators.Count("counts", keyed)
	pipeline.Write(p, "twice", operators.Threshold(counts, crdt.AtLeast(2)), sinks.Func{Name: "twice"}, pipeline.EncodeText)
	sealed := operators.Seal(counts, operators.Watermark(0))
	pipeline.Write(p, "counts", operators.Finals(sealed), sinks.Func{Name: "counts"}, func(f operators.Final[string, crdt.GCounter]) ([]byte, error) {
		return strconv.AppendUint(nil, f.Value.Value(), 10), nil
	})
	pipeline.Write(p, "top", operators.TopK("top", sealed, 2, (*crdt.GCounter).Value), sinks.Func{Name: "top"}, pipeline.EncodeJSON)
	return p
}

// A state whose keys the shards of its input divide is folded where it is read, whatever the schedule, and what comes to a wrong
// shard is counted nowhere.
func TestPartitionedStates(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(1, 2))
	logs := []pipelinetest.Log{{Read: "words", Shard: 0}, {Read: "words", Shard: 1}, {Read: "words", Shard: 2}}
	want, strays := make(map[string]int), 0
	for range 300 {
		word := fmt.Sprintf("w%d", rng.IntN(12))
		shard := partition.Of(3, word)
		stray := rng.IntN(20) == 0
		if stray {
			shard = (shard + 1) % 3
			strays++
		}
		l := &logs[shard]
		at := pipelinetest.Start.Add(time.Duration(len(l.Messages)) * 2 * time.Second)
		l.Messages, l.Times = append(l.Messages, []byte(word)), append(l.Times, at)
		if !stray {
			want[at.Truncate(time.Minute).Format("04")+" "+word]++
		}
	}
	out := pipelinetest.Check(t, divided, logs, pipelinetest.Options{})
	got := make(map[string]int)
	for _, r := range out.Results {
		if r.Write != "counts" {
			continue
		}
		n, err := strconv.Atoi(r.Payload)
		if err != nil {
			t.Fatal(err)
		}
		got[time.Unix(0, r.Window.Start).UTC().Format("04")+" "+r.Key] += n
	}
	if !maps.Equal(got, want) {
		t.Errorf("got %v\nwant %v", got, want)
	}
	if len(out.Rejected) != strays || strays == 0 || out.Late != 0 {
		t.Errorf("%d records are rejected, %d were in a wrong shard: %v", len(out.Rejected), strays, out.Rejected)
	}
}
