package pipeline_test

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/calmstream/calmstream/crdt"
	"github.com/calmstream/calmstream/operators"
	"github.com/calmstream/calmstream/pipeline"
	"github.com/calmstream/calmstream/sinks"
)

var rewrite = flag.Bool("rewrite", false, "write the golden files anew")

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *rewrite {
		if err := os.WriteFile(path, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s differs (run the test with -rewrite if that is meant):\n%s", path, got)
	}
}

func TestExplain(t *testing.T) {
	t.Parallel()
	text, err := clicks("ads", 3).Explain()
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "clicks.txt", text)
	chart, err := wordcount("wc", 2, 5).Mermaid()
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "wordcount.mermaid", chart)
	p := pipeline.New("stateless")
	lines := pipeline.Read(p, "lines", pipeline.Source[string]{Stream: "LINES", Decode: pipeline.Text})
	pipeline.Write(p, "out", lines, sinks.Func{Name: "out"}, pipeline.EncodeText)
	if text, err = p.Explain(); err != nil || !strings.Contains(text, "none: every result leaves at once") {
		t.Errorf("%v\n%s", err, text)
	}
}

// The fingerprint changes with everything that determines state or results, and with nothing else.
func TestFingerprint(t *testing.T) {
	t.Parallel()
	build := func(change func(p *pipeline.Pipeline), window time.Duration, name, key, sink string) string {
		p := pipeline.New("p")
		lines := pipeline.Read(p, "lines", pipeline.Source[string]{Stream: "LINES", Decode: pipeline.Text})
		keyed := operators.Window(operators.KeyBy(lines, key, strings.ToLower), operators.Tumbling(window))
		counts := operators.Count(name, keyed)
		pipeline.Write(p, "out", operators.Threshold(counts, crdt.AtLeast(2)), sinks.Func{Name: sink}, pipeline.EncodeText)
		if change != nil {
			change(p)
		}
		f, err := p.Fingerprint()
		if err != nil {
			t.Fatal(err)
		}
		return f
	}
	base := build(nil, time.Minute, "counts", "word", "a")
	if again := build(nil, time.Minute, "counts", "word", "b"); again != base {
		t.Error("the destination changes the fingerprint")
	}
	for what, other := range map[string]string{
		"version": build(func(p *pipeline.Pipeline) { p.Version = "2" }, time.Minute, "counts", "word", "a"),
		"window":  build(nil, time.Second, "counts", "word", "a"),
		"name":    build(nil, time.Minute, "other", "word", "a"),
		"key":     build(nil, time.Minute, "counts", "term", "a"),
	} {
		if other == base {
			t.Errorf("the %s does not change the fingerprint", what)
		}
	}
}

// Mistakes that the types cannot see are reported with the place of the call and what to do.
func TestMistakesAreReported(t *testing.T) {
	t.Parallel()
	lines := func(p *pipeline.Pipeline) operators.Stream[string] {
		return pipeline.Read(p, "lines", pipeline.Source[string]{Stream: "LINES", Decode: pipeline.Text})
	}
	write := func(p *pipeline.Pipeline, s operators.Stream[string]) {
		pipeline.Write(p, "out", s, sinks.Func{Name: "out"}, pipeline.EncodeText)
	}
	counts := func(s operators.Stream[string]) operators.Growing[string, crdt.GCounter] {
		return operators.Count("counts", operators.KeyBy(s, "word", strings.ToLower))
	}
	keys := func(f operators.Final[string, crdt.GCounter]) string { return f.Key }
	for want, build := range map[string]func(p *pipeline.Pipeline){
		"nothing is written":         func(p *pipeline.Pipeline) { lines(p) },
		"the stream is a zero value": func(p *pipeline.Pipeline) { write(p, operators.Map(operators.Stream[string]{}, strings.ToUpper)) },
		"Source.Stream is empty": func(p *pipeline.Pipeline) {
			write(p, pipeline.Read(p, "in", pipeline.Source[string]{Decode: pipeline.Text}))
		},
		"Source.Decode is nil":                  func(p *pipeline.Pipeline) { write(p, pipeline.Read(p, "in", pipeline.Source[string]{Stream: "IN"})) },
		"map: the function is nil":              func(p *pipeline.Pipeline) { write(p, operators.Map[string, string](lines(p), nil)) },
		"its input belongs to another pipeline": func(p *pipeline.Pipeline) { write(p, lines(p)); write(p, lines(pipeline.New("other"))) },
		"a watermark never closes the global window": func(p *pipeline.Pipeline) {
			write(p, operators.Map(operators.Finals(operators.Seal(counts(lines(p)), operators.Watermark(0))), keys))
		},
		"no sealing is given": func(p *pipeline.Pipeline) {
			write(p, operators.Map(operators.Finals(operators.Seal(counts(lines(p)), operators.Sealing{})), keys))
		},
		"a state has one rule": func(p *pipeline.Pipeline) {
			in := operators.Window(operators.KeyBy(lines(p), "word", strings.ToLower), operators.Tumbling(time.Second))
			c := operators.Count("counts", in)
			operators.Seal(c, operators.Watermark(time.Second))
			write(p, operators.Map(operators.Finals(operators.Seal(c, operators.EndOfInput())), keys))
		},
		"the size of a window must be positive": func(p *pipeline.Pipeline) {
			in := operators.Window(operators.KeyBy(lines(p), "word", strings.ToLower), operators.Tumbling(0))
			write(p, operators.Threshold(operators.Count("counts", in), crdt.AtLeast(1)))
		},
		"keyed by different attributes": func(p *pipeline.Pipeline) {
			s := lines(p)
			one := func(string) (m crdt.Max[int]) { return crdt.MaxOf(1) }
			both := operators.Cogroup("both", operators.KeyBy(s, "word", strings.ToLower), one, operators.KeyBy(s, "Word", strings.ToUpper), one)
			write(p, operators.Threshold(both, crdt.MaxAtLeast(1)))
		},
		"its inputs have different windows": func(p *pipeline.Pipeline) {
			keyed := operators.KeyBy(lines(p), "word", strings.ToLower)
			one := func(string) (m crdt.Max[int]) { return crdt.MaxOf(1) }
			both := operators.Cogroup("both", keyed, one, operators.Window(keyed, operators.Tumbling(time.Second)), one)
			write(p, operators.Threshold(both, crdt.MaxAtLeast(1)))
		},
		"sessions are windows of one key each": func(p *pipeline.Pipeline) {
			in := operators.Window(operators.KeyBy(lines(p), "word", strings.ToLower), operators.Sessions(time.Second))
			sealed := operators.Seal(operators.Count("counts", in), operators.Watermark(0))
			pipeline.Write(p, "out", operators.TopK("top", sealed, 3, (*crdt.GCounter).Value), sinks.Func{Name: "out"}, pipeline.EncodeJSON)
		},
		"states that are sealed one by one": func(p *pipeline.Pipeline) {
			sealed := operators.SealWhen(counts(lines(p)), crdt.AtLeast(3))
			pipeline.Write(p, "out", operators.TopK("top", sealed, 3, (*crdt.GCounter).Value), sinks.Func{Name: "out"}, pipeline.EncodeJSON)
		},
		"sessions grow and merge": func(p *pipeline.Pipeline) {
			in := operators.Window(operators.KeyBy(lines(p), "word", strings.ToLower), operators.Sessions(time.Second))
			write(p, operators.Map(operators.Finals(operators.SealWhen(operators.Count("counts", in), crdt.AtLeast(3))), keys))
		},
		"it is sealed by another rule (evidence in the state)": func(p *pipeline.Pipeline) {
			c := counts(lines(p))
			operators.SealWhen(c, crdt.AtLeast(3))
			write(p, operators.Map(operators.Finals(operators.Seal(c, operators.EndOfInput())), keys))
		},
		"join streams without windows": func(p *pipeline.Pipeline) {
			keyed := operators.Window(operators.KeyBy(lines(p), "word", strings.ToLower), operators.Tumbling(time.Second))
			write(p, operators.Join("pairs", keyed, keyed, operators.Interval{}, func(a, b string) string { return a + b }))
		},
		"the interval must lie between": func(p *pipeline.Pipeline) {
			keyed := operators.KeyBy(lines(p), "word", strings.ToLower)
			write(p, operators.Join("pairs", keyed, keyed, operators.Interval{Before: -1}, func(a, b string) string { return a + b }))
		},
		"the slide of hopping windows": func(p *pipeline.Pipeline) {
			in := operators.Window(operators.KeyBy(lines(p), "word", strings.ToLower), operators.Hopping(time.Second, 2*time.Second))
			write(p, operators.Threshold(operators.Count("counts", in), crdt.AtLeast(1)))
		},
		"union: one of its inputs is a zero value": func(p *pipeline.Pipeline) {
			write(p, lines(p))
			operators.Union(lines(p), operators.Stream[string]{})
		},
		"a codec needs Name, Append and Decode": func(p *pipeline.Pipeline) {
			write(p, operators.WithCodec(lines(p), operators.Codec[string]{Name: "none"}))
		},
		"the name is taken by": func(p *pipeline.Pipeline) {
			s := lines(p)
			counts(s)
			write(p, operators.Threshold(counts(s), crdt.AtLeast(1)))
		},
		"two outputs in one place": func(p *pipeline.Pipeline) {
			s := lines(p)
			write(p, s)
			pipeline.Write(p, "again", s, sinks.Func{Name: "out"}, pipeline.EncodeText)
		},
		`the name "a b" must be`: func(p *pipeline.Pipeline) {
			write(p, operators.Threshold(operators.Count("a b", operators.KeyBy(lines(p), "word", strings.ToLower)), crdt.AtLeast(1)))
		},
		"k must be positive": func(p *pipeline.Pipeline) {
			top := operators.TopK("top", operators.Seal(counts(lines(p)), operators.EndOfInput()), 0, (*crdt.GCounter).Value)
			pipeline.Write(p, "out", top, sinks.Func{Name: "out"}, pipeline.EncodeJSON)
		},
		"the sink is nil":    func(p *pipeline.Pipeline) { pipeline.Write(p, "out", lines(p), nil, pipeline.EncodeText) },
		"the encoder is nil": func(p *pipeline.Pipeline) { pipeline.Write(p, "out", lines(p), sinks.Func{Name: "out"}, nil) },
	} {
		p := pipeline.New("p")
		build(p)
		err := p.Err()
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want an error with %q, got %v", want, err)
			continue
		}
		if want != "nothing is written" && !strings.Contains(err.Error(), "explain_test.go:") {
			t.Errorf("the error does not say where: %v", err)
		}
		if strings.Contains(err.Error(), "nothing is written") != (want == "nothing is written") {
			t.Errorf("whether something is written is not what is wrong: %v", err)
		}
	}
	if err := pipeline.New("not a name").Err(); err == nil || !strings.Contains(err.Error(), `the name "not a name"`) {
		t.Errorf("got %v", err)
	}
	var zero *pipeline.Pipeline
	if err := zero.Err(); err == nil {
		t.Error("a nil Pipeline has no error")
	}
	if err := new(pipeline.Pipeline).Run(t.Context(), pipeline.Config{}); err == nil {
		t.Error("a zero Pipeline runs")
	}
	p := pipeline.New("p")
	write(p, lines(p))
	if err := p.Run(t.Context(), pipeline.Config{}); err == nil || !strings.Contains(err.Error(), "Config.Conn is nil") {
		t.Errorf("got %v", err)
	}
}
