package pipeline_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/calmstream/calmstream/crdt"
	"github.com/calmstream/calmstream/operators"
	"github.com/calmstream/calmstream/pipeline"
	"github.com/calmstream/calmstream/sinks"
)

func TestDocument(t *testing.T) {
	t.Parallel()
	d, err := clicks("ads", 3).Document()
	if err != nil {
		t.Fatal(err)
	}
	data, err := json.MarshalIndent(d, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "clicks.json", string(data)+"\n")
	dot, err := clicks("ads", 3).DOT()
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "clicks.dot", dot)
}

// versioned is a pipeline of which another version may differ in what is named.
type versioned struct {
	count, key string
	window     time.Duration
	sum, step  bool
	codec      string
}

func (v versioned) build() *pipeline.Pipeline {
	p := pipeline.New("p")
	in := pipeline.Read(p, "in", pipeline.Source[string]{Stream: "IN", Decode: pipeline.Text})
	if v.step {
		in = operators.Map(in, strings.ToLower)
	}
	if v.codec != "" {
		usual := operators.Codec[string]{Name: v.codec, Append: func(b []byte, s string) ([]byte, error) { return append(b, s...), nil }, Decode: func(d []byte) (string, error) { return string(d), nil }}
		in = operators.WithCodec(in, usual)
	}
	keyed := operators.KeyBy(in, v.key, strings.ToLower)
	windows := operators.Window(keyed, operators.Tumbling(v.window))
	var counts operators.Growing[string, crdt.GCounter]
	if v.sum {
		counts = operators.Sum(v.count, windows, func(string) uint64 { return 2 })
	} else {
		counts = operators.Count(v.count, windows)
	}
	pipeline.Write(p, "often", operators.Threshold(counts, crdt.AtLeast(9)), sinks.Func{Name: "often"}, pipeline.EncodeText)
	pairs := operators.Join("pairs", keyed, keyed, operators.Interval{}, func(a, b string) string { return a + b })
	pipeline.Write(p, "pairs", pairs, sinks.Func{Name: "pairs"}, pipeline.EncodeText)
	return p
}

// What becomes of each state is said by name, with the reason of a refusal.
func TestCompareVersions(t *testing.T) {
	t.Parallel()
	first := versioned{count: "counts", key: "word", window: time.Second}
	for name, c := range map[string]struct {
		change func(v *versioned)
		want   []string
	}{
		"same":      {func(*versioned) {}, []string{"counts shared", "pairs shared"}},
		"step":      {func(v *versioned) { v.step = true }, []string{"counts kept", "pairs kept"}},
		"new name":  {func(v *versioned) { v.count = "totals" }, []string{"counts dropped: no operator", "pairs kept", "totals new"}},
		"windows":   {func(v *versioned) { v.window = time.Minute }, []string{`counts refused: its windows was "tumbling 1s" and is "tumbling 1m0s"`, "pairs kept"}},
		"key":       {func(v *versioned) { v.key = "term" }, []string{`counts refused: its key was "word" and is "term"`, `pairs refused: its key was`}},
		"operation": {func(v *versioned) { v.sum = true }, []string{`counts refused: its operator was "count" and is "sum"`, "pairs kept"}},
		"codec":     {func(v *versioned) { v.codec = "other" }, []string{"counts kept", `pairs refused: its codec was "text text" and is "other other"`}},
	} {
		next := first
		c.change(&next)
		before, err := first.build().Document()
		if err != nil {
			t.Fatal(err)
		}
		after, err := next.build().Document()
		if err != nil {
			t.Fatal(err)
		}
		// The old version is known from what it has stored: its document comes as JSON.
		data, _ := json.Marshal(before)
		var stored pipeline.Document
		if err := json.Unmarshal(data, &stored); err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, change := range stored.Compare(after) {
			text := change.State + " " + string(change.Fate)
			if change.Reason != "" {
				text += ": " + change.Reason
			}
			got = append(got, text)
		}
		if !slices.EqualFunc(got, c.want, strings.HasPrefix) {
			t.Errorf("%s: got %q, want %q", name, got, c.want)
		}
	}
}

// A program with more points of order than it may have is refused, with what would need none.
func TestCoordinationBudget(t *testing.T) {
	t.Parallel()
	p := clicks("ads", 2)
	for budget, refused := range map[int]bool{0: false, 1: false, 5: false, pipeline.NoPointsOfOrder: true} {
		p.MaxPointsOfOrder = budget
		err := p.Err()
		if (err != nil) != refused {
			t.Errorf("a budget of %d: %v", budget, err)
		}
		if refused && (!strings.Contains(err.Error(), "1 points of order") || !strings.Contains(err.Error(), "window_test.go:") || !strings.Contains(err.Error(), "operators.Threshold")) {
			t.Errorf("the refusal does not say where and what instead: %v", err)
		}
	}
	words := versioned{count: "counts", key: "word", window: time.Second}.build()
	if words.MaxPointsOfOrder = pipeline.NoPointsOfOrder; words.Err() != nil {
		t.Errorf("a pipeline that waits for nothing is refused: %v", words.Err())
	}
}
