// Command illegal breaks one rule of the DSL, and must not compile: an attribute that a key determines is a function of the key, and not of
// records, of which two with one key may have two.
package main

import (
	"strings"

	"github.com/calmstream/calmstream/operators"
	"github.com/calmstream/calmstream/pipeline"
)

func main() {
	p := pipeline.New("illegal")
	clicks := pipeline.Read(p, "clicks", pipeline.Source[string]{Stream: "CLICKS", Decode: pipeline.Text, Producers: []string{"north"}})
	byAd := operators.KeyBy(clicks, "ad", func(line string) int { return len(line) })
	operators.Determines(byAd, "campaign", func(line string) string { return strings.ToLower(line) })
}
