package pipelinetest_test

import (
	"errors"
	"fmt"

	"github.com/calmstream/calmstream/crdt"
	"github.com/calmstream/calmstream/operators"
	"github.com/calmstream/calmstream/pipeline"
	"github.com/calmstream/calmstream/pipeline/pipelinetest"
	"github.com/calmstream/calmstream/sinks"
)

// In a test this is pipelinetest.Check(t, words, logs, pipelinetest.Options{}).
func ExampleRun() {
	logs := []pipelinetest.Log{{Read: "lines", Messages: [][]byte{[]byte("keep calm"), []byte("calm down")}}}
	out, err := pipelinetest.Run(words, logs, pipelinetest.Options{})
	for _, r := range out.Results {
		fmt.Println(r)
	}
	fmt.Println("in all schedules:", err == nil)
	// Output:
	// write counts: final 2 about 2024-01-01T00:00:00Z/2024-01-01T00:01:00Z "calm" 0
	// write counts: final 1 about 2024-01-01T00:00:00Z/2024-01-01T00:01:00Z "down" 0
	// write counts: final 1 about 2024-01-01T00:00:00Z/2024-01-01T00:01:00Z "keep" 0
	// write twice: stable calm about 2024-01-01T00:00:00Z/2024-01-01T00:01:00Z "calm" 0
	// in all schedules: true
}

// firstWord keeps the word that came first, as nobody can who reads several shards.
type firstWord struct{ crdt.Max[string] }

func (f *firstWord) Merge(other *firstWord) bool {
	if _, ok := f.Value(); ok {
		return false
	}
	return f.Max.Merge(&other.Max)
}

// What is found is a history, as short as possible.
func ExampleHistory() {
	build := func() *pipeline.Pipeline {
		p := pipeline.New("first")
		lines := pipeline.Read(p, "lines", pipeline.Source[string]{Stream: "LINES", Subjects: []string{"lines.a", "lines.b"}, Decode: pipeline.Text})
		byLength := operators.KeyBy(lines, "length", func(line string) int { return len(line) })
		first := operators.Aggregate("first", byLength, func(line string) firstWord { return firstWord{crdt.MaxOf(line)} })
		finals := operators.Finals(operators.Seal(first, operators.EndOfInput()))
		pipeline.Write(p, "first", finals, sinks.Func{Name: "first"}, func(f operators.Final[int, firstWord]) ([]byte, error) {
			word, _ := f.Value.Value()
			return []byte(word), nil
		})
		return p
	}
	logs := []pipelinetest.Log{
		{Read: "lines", Shard: 0, Messages: [][]byte{[]byte("zero"), []byte("one"), []byte("three")}},
		{Read: "lines", Shard: 1, Messages: [][]byte{[]byte("two"), []byte("twelve")}},
	}
	_, err := pipelinetest.Run(build, logs, pipelinetest.Options{Seed: 1})
	if f := (*pipelinetest.Failure)(nil); errors.As(err, &f) {
		f.History.Seed, f.History.Round = 0, 0 // where it was drawn
		fmt.Print(f.History)
	}
	// Output:
	// calmstream history 1
	// pipeline "first"
	// seed 0 round 0
	// owners 1
	// message lines/0 "one"
	// message lines/1 "two"
	// apply lines/1#0 1
	// publish lines/1#0
}
