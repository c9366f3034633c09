// Command illegal breaks one rule of the DSL, and must not compile: decimals of two scales do not meet.
package main

import (
	"strings"

	"github.com/calmstream/calmstream/crdt/exact"
	"github.com/calmstream/calmstream/operators"
	"github.com/calmstream/calmstream/pipeline"
)

type (
	cents struct{}
	mills struct{}
)

func (cents) Digits() int { return 2 }
func (mills) Digits() int { return 3 }

func main() {
	p := pipeline.New("illegal")
	events := pipeline.Read(p, "events", pipeline.Source[string]{Stream: "EVENTS", Decode: pipeline.Text})
	words := operators.KeyBy(events, "word", strings.ToLower)
	price := func(string) exact.Decimal[mills] { return exact.DecimalOf[mills](1) }
	revenue := operators.SumDecimal("revenue", words, price)
	operators.Threshold(revenue, exact.DecimalsAddedAtLeast(exact.DecimalOf[cents](100)))
}
