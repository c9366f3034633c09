package operators_test

import (
	"fmt"

	"github.com/calmstream/calmstream/crdt"
	"github.com/calmstream/calmstream/operators"
	"github.com/calmstream/calmstream/pipeline"
	"github.com/calmstream/calmstream/pipeline/pipelinetest"
)

// visitsByCut counts visits in windows of recorded cuts, and prints the results.
func visitsByCut(windows operators.Windows) {
	cut := func(n string) map[string][]string { return map[string][]string{"Calm-Seal": {"cut"}, "Calm-Cut": {n}} }
	in := pipelinetest.Log{
		Read:     "visits",
		Messages: [][]byte{[]byte("ann"), []byte("bob"), nil, []byte("ann"), nil},
		Headers:  []map[string][]string{2: cut("1"), 4: cut("2")},
	}
	got, err := pipelinetest.Run(func() *pipeline.Pipeline {
		p := pipeline.New("visits")
		visits := pipeline.Read(p, "visits", pipeline.Source[string]{Stream: "VISITS", Decode: pipeline.Text, Cuts: true})
		byUser := operators.KeyBy(visits, "user", func(s string) string { return s })
		counts := operators.Count("counts", operators.Window(byUser, windows))
		pipeline.Write(p, "out", operators.Finals(operators.Seal(counts, operators.RecordedCut())), out, func(f operators.Final[string, crdt.GCounter]) ([]byte, error) {
			return fmt.Appendf(nil, "%s: %s %d", f.Window, f.Key, f.Value.Value()), nil
		})
		return p
	}, []pipelinetest.Log{in}, pipelinetest.Options{Rounds: 5})
	if err != nil {
		fmt.Println(err)
	}
	for _, r := range got.Results {
		fmt.Println(r.Verdict, r.Payload)
	}
}

// The visits from one recorded cut to the next.
func ExampleCuts() {
	visitsByCut(operators.Cuts())
	// Output:
	// final cut 1: ann 1
	// final cut 1: bob 1
	// final cut 2: ann 1
}

// All visits up to each recorded cut, of those who came since the cut before.
func ExampleUpToCut() {
	visitsByCut(operators.UpToCut())
	// Output:
	// final cut 1: ann 1
	// final cut 1: bob 1
	// final cut 2: ann 2
}

// A recorded cut seals what each shard had before it. In a running system producer.Cut puts its markers into all shards at once.
func ExampleRecordedCut() {
	visitsByCut(operators.UpToCut())
	// Output:
	// final cut 1: ann 1
	// final cut 1: bob 1
	// final cut 2: ann 2
}
