package wordcount

import (
	"strconv"

	"github.com/calmstream/calmstream/cmd/calmstream/internal/words"
	"github.com/calmstream/calmstream/crdt"
	"github.com/calmstream/calmstream/operators"
	"github.com/calmstream/calmstream/pipeline"
	"github.com/calmstream/calmstream/sinks"
)

// meaning is the version of what a word is (package words). Another one counts anew.
const meaning = "1"

// counted is the payload of a result.
type counted struct {
	Key   string `json:"key"`
	Value uint64 `json:"value"`
}

// Pipeline returns the pipeline of a run over the given number of partitions of its input.
func Pipeline(names Names, shards int) *pipeline.Pipeline {
	p := pipeline.New(names.Pipeline)
	p.Version = meaning
	subjects := make([]string, shards)
	for i := range subjects {
		subjects[i] = names.SourceSubject + "." + strconv.Itoa(i)
	}
	chunks := pipeline.Read(p, "chunks", pipeline.Source[string]{Stream: names.Source, Subjects: subjects, Decode: pipeline.Text})
	byWord := operators.KeyBy(operators.FlatMap(chunks, words.All), "word", func(word string) string { return word })
	counts := operators.Count("counts", byWord)
	final := operators.Finals(operators.Seal(counts, operators.EndOfInput()))
	results := operators.Map(final, func(f operators.Final[string, crdt.GCounter]) counted {
		return counted{Key: f.Key, Value: f.Value.Value()}
	})
	pipeline.Write(p, "results", results, sinks.Subject{Name: names.ResultsSubject, Stream: names.Results}, pipeline.EncodeJSON)
	return p
}
