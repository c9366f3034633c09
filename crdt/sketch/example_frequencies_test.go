package sketch_test

import (
	"fmt"
	"strings"

	"github.com/calmstream/calmstream/crdt"
	"github.com/calmstream/calmstream/crdt/sketch"
)

// Words is the size of a sketch that is off by 0.13 % of all words at most, for all but 0.7 % of the words.
type Words struct{}

func (Words) Grid() sketch.Grid { return sketch.Grid{Rows: 5, Columns: 2048} }

// Two shards count words. Each counts under its own name, so that their counts add up, however often they are merged.
func ExampleFrequencies() {
	var all sketch.Frequencies[Words]
	for shard, text := range map[string]string{"shard-0": "to be or not", "shard-1": "to be that is"} {
		var counts sketch.Frequencies[Words]
		for _, word := range strings.Fields(text) {
			counts.Add(shard, word, 1)
		}
		all.Merge(&counts)
		all.Merge(&counts)
	}
	if sketch.FrequencyAtLeast[Words]("be", 2).Holds(&all) {
		fmt.Println("be, twice or more:", crdt.Stable)
	}
	fmt.Println("be:", all.Estimate("be"), "of", all.Total())
	// Output:
	// be, twice or more: stable
	// be: 2 of 8
}
