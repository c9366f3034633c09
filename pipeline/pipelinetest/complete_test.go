package pipelinetest_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/calmstream/calmstream/operators"
	"github.com/calmstream/calmstream/pipeline"
	"github.com/calmstream/calmstream/pipeline/pipelinetest"
)

// marked reads readings of a system that marks what is complete in its own way: "complete <second>".
func marked(shards int, complete func(*pipeline.Message) time.Time) func() *pipeline.Pipeline {
	return func() *pipeline.Pipeline {
		p := pipeline.New("marked")
		var subjects []string
		for i := range shards {
			subjects = append(subjects, fmt.Sprintf("sensors.%d", i))
		}
		in := pipeline.Read(p, "readings", pipeline.Source[reading]{
			Stream: "SENSORS", Subjects: subjects, Time: reading.time, Complete: complete,
			Decode: func(m *pipeline.Message) (reading, error) {
				if bytes.HasPrefix(m.Data, []byte("complete")) {
					return reading{}, pipeline.ErrNoRecord
				}
				return pipeline.JSON[reading](m)
			},
		})
		keyed := operators.Window(bySensor(in), operators.Tumbling(10*time.Second))
		sums := operators.Sum("sums", keyed, valueIn)
		pipeline.Write(p, "late", operators.Late(keyed, sums), nowhere("late"), readingText)
		pipeline.Write(p, "sums", operators.Finals(operators.Seal(sums, operators.Watermark(0))), nowhere("sums"), encodeSum)
		return p
	}
}

func marks(m *pipeline.Message) (t time.Time) {
	var second int64
	if _, err := fmt.Sscanf(string(m.Data), "complete %d", &second); err == nil {
		t = time.Unix(begin+second, 0)
	}
	return t
}

// A seal of the user's own: windows are sealed by its marks and by nothing else, and what comes behind them is late. A mark
// is no record, and no dead letter.
func TestCompleteIsASealOfTheUsers(t *testing.T) {
	t.Parallel()
	record := func(at int64, value uint64) []byte {
		return fmt.Appendf(nil, `{"sensor":"s","at":%d,"value":%d}`, begin+at, value)
	}
	in := []pipelinetest.Log{
		{Read: "readings", Messages: [][]byte{
			record(5, 1), record(35, 2), record(7, 4), []byte("complete 10"), record(8, 8), []byte("complete 3"), record(12, 16), []byte("complete 1000000000000"),
		}},
		{Read: "readings", Shard: 1, Messages: [][]byte{record(3, 32), []byte("complete 20"), record(15, 64), record(31, 128)}},
	}
	out := pipelinetest.Check(t, marked(2, marks), in, pipelinetest.Options{})
	want(t, out, "sums", "final 37", "final 16", "final 130")
	want(t, out, "late", "stable s@8=8", "stable s@15=64")
	dead := 0
	for _, why := range out.Rejected {
		switch {
		case strings.Contains(why, "outside the years"):
			dead++
		case !strings.Contains(why, "late"):
			t.Error(why)
		}
	}
	if dead != 1 || len(out.Rejected) != 3 {
		t.Errorf("rejected: %v", out.Rejected)
	}
}

// A mark that panics is a dead letter, and takes nothing with it.
func TestCompleteThatPanics(t *testing.T) {
	t.Parallel()
	in := []pipelinetest.Log{{Read: "readings", Messages: [][]byte{
		[]byte(`{"sensor":"s","at":1,"value":1}`), []byte("complete"), []byte(`{"sensor":"s","at":2,"value":2}`), []byte(`{"sensor":"boom","at":2,"value":4}`),
	}}}
	out := pipelinetest.Check(t, marked(1, func(m *pipeline.Message) (t time.Time) {
		if len(m.Data) < 10 || bytes.Contains(m.Data, []byte("boom")) {
			panic(errBrittle)
		}
		return t
	}), in, pipelinetest.Options{})
	want(t, out, "sums", "final 3")
	if len(out.Rejected) != 2 {
		t.Errorf("rejected: %v", out.Rejected)
	}
}
