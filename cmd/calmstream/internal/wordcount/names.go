package wordcount

import (
	"fmt"
	"strings"
)

// DefaultRun is the name of the run if none is given.
const DefaultRun = "wordcount"

// longestRun leaves room, in the 64 characters of a pipeline's name, for "wordcount-".
const longestRun = 54

// Names are the names of what belongs to a run on a server.
type Names struct {
	// Run is the name of the run itself.
	Run string
	// Pipeline is the name of the pipeline.
	Pipeline string
	// Source is the stream of the input, and SourceSubject begins its subjects: "<SourceSubject>.<partition>".
	Source, SourceSubject string
	// Results is the stream of the results, and ResultsSubject begins its subjects.
	Results, ResultsSubject string
	// DeadLetters is the stream of the records that could not be used, and Checkpoints that of the bucket with the state. The
	// pipeline makes both.
	DeadLetters, Checkpoints string
}

// NamesOf returns the names of a run: different runs share none. The name of a run is 1 to 54 letters, digits, '-' or '_'.
func NamesOf(run string) (Names, error) {
	bad := func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '-' && r != '_'
	}
	if run == "" || len(run) > longestRun || strings.ContainsFunc(run, bad) {
		return Names{}, fmt.Errorf("wordcount: %q cannot be the name of a run: it takes 1 to %d letters, digits, '-' or '_'", run, longestRun)
	}
	pipeline := "wordcount"
	if run != DefaultRun {
		pipeline += "-" + run
	}
	return Names{
		Run:            run,
		Pipeline:       pipeline,
		Source:         "WC_IN_" + run,
		SourceSubject:  "wc." + run + ".in",
		Results:        "WC_OUT_" + run,
		ResultsSubject: "wc." + run + ".out",
		DeadLetters:    "CALM_DLQ_" + pipeline,
		Checkpoints:    "KV_calm_" + pipeline,
	}, nil
}
