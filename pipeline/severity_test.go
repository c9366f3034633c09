package pipeline_test

import (
	"strings"
	"testing"
	"time"

	"github.com/calmstream/calmstream/crdt"
	"github.com/calmstream/calmstream/operators"
	"github.com/calmstream/calmstream/pipeline"
	"github.com/calmstream/calmstream/sinks"
)

func writeBounds(p *pipeline.Pipeline, in operators.Keyed[string, string]) {
	bounds := operators.Bounds(operators.Count("counts", in), crdt.CountOf(), crdt.CountOf(), 10)
	pipeline.Write(p, "out", bounds, sinks.Func{Name: "out"}, pipeline.EncodeJSON)
}

// The plan says of each result whether another run over the same inputs would give it, and if not, where that comes from and
// what would help: and what is computed from it inherits that, sealed or not.
func TestLabelsOfResults(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		shards int
		want   string
		build  func(p *pipeline.Pipeline, in operators.Keyed[string, string])
	}{
		{"sessions asked in one log", 1, "out: stable, label Async", func(p *pipeline.Pipeline, in operators.Keyed[string, string]) {
			counts := operators.Count("counts", operators.Window(in, operators.Sessions(time.Second)))
			pipeline.Write(p, "out", operators.Threshold(counts, crdt.AtLeast(2)), sinks.Func{Name: "out"}, pipeline.EncodeText)
		}},
		{"sessions asked behind an exchange", 2, "out: stable, label Run", func(p *pipeline.Pipeline, in operators.Keyed[string, string]) {
			counts := operators.Count("counts", operators.Window(in, operators.Sessions(time.Second)))
			pipeline.Write(p, "out", operators.Threshold(counts, crdt.AtLeast(2)), sinks.Func{Name: "out"}, pipeline.EncodeText)
		}},
		{"a state made of that", 2, "out: final, label Run", func(p *pipeline.Pipeline, in operators.Keyed[string, string]) {
			counts := operators.Count("counts", operators.Window(in, operators.Sessions(time.Second)))
			alarms := operators.KeyBy(operators.Threshold(counts, crdt.AtLeast(2)), "word", func(s string) string { return s })
			again := operators.Finals(operators.Seal(operators.Count("again", alarms), operators.EndOfInput()))
			pipeline.Write(p, "out", again, sinks.Func{Name: "out"}, func(f operators.Final[string, crdt.GCounter]) ([]byte, error) { return nil, nil })
		}},
		{"sealed sessions", 2, "out: final, label Async", func(p *pipeline.Pipeline, in operators.Keyed[string, string]) {
			counts := operators.Count("counts", operators.Window(in, operators.Sessions(time.Second)))
			finals := operators.Finals(operators.Seal(counts, operators.Watermark(0)))
			pipeline.Write(p, "out", finals, sinks.Func{Name: "out"}, func(f operators.Final[string, crdt.GCounter]) ([]byte, error) { return nil, nil })
		}},
		{"tumbling windows asked", 2, "out: stable, label Async", func(p *pipeline.Pipeline, in operators.Keyed[string, string]) {
			counts := operators.Count("counts", operators.Window(in, operators.Tumbling(time.Second)))
			pipeline.Write(p, "out", operators.Threshold(counts, crdt.AtLeast(2)), sinks.Func{Name: "out"}, pipeline.EncodeText)
		}},
		{"lower bounds in one log", 1, "out: lower-bound, label Async", writeBounds},
		{"lower bounds behind an exchange", 2, "out: lower-bound, label Run", writeBounds},
		{"the first of each id, behind an exchange", 2, "out: stable, label Run", func(p *pipeline.Pipeline, in operators.Keyed[string, string]) {
			once := operators.Deduplicate("once", operators.Window(in, operators.Tumbling(time.Second)), 0)
			pipeline.Write(p, "out", once, sinks.Func{Name: "out"}, pipeline.EncodeText)
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			p := pipeline.New("labels")
			in := pipeline.Read(p, "in", pipeline.Source[string]{Stream: "IN", Subjects: []string{"in.0", "in.1"}[:c.shards], Decode: pipeline.Text})
			c.build(p, operators.KeyBy(in, "word", func(s string) string { return s }))
			text, err := p.Explain()
			if err != nil || !strings.Contains(text, c.want) {
				t.Errorf("%v\n%s", err, text)
			}
			if causes := strings.Contains(text, "because at ") && strings.Contains(text, "instead: "); strings.Contains(c.want, "Run") != strings.Contains(text, "several shards interleave") || strings.Contains(c.want, "Run") && !causes {
				t.Errorf("the cause is not what it should be:\n%s", text)
			}
		})
	}
}
