package crdt_test

import (
	"fmt"

	"github.com/calmstream/calmstream/crdt"
)

func ExamplePair() {
	type (
		visitors = crdt.GSet[string]
		visits   = crdt.Pair[crdt.GCounter, *crdt.GCounter, visitors, *visitors]
	)
	var here, there visits
	visit := func(v *visits, shard, who string) visits {
		delta := v.UpdateFirst(func(c *crdt.GCounter) crdt.GCounter { return c.Add(shard, 1) })
		second := v.UpdateSecond(func(s *visitors) visitors { return s.Add(who) })
		delta.Merge(&second) // one delta: both sides are seen together
		return delta
	}
	for _, who := range []string{"ann", "ben", "ann"} {
		delta := visit(&here, "shard-0", who)
		there.Merge(&delta)
	}
	visit(&there, "shard-1", "ben")
	fmt.Println(there.First().Value(), "visits by", there.Second().Len(), crdt.LowerBound)

	popular := crdt.All(
		crdt.First[crdt.GCounter, visitors](crdt.AtLeast(4)),
		crdt.Second[crdt.GCounter](crdt.SizeAtLeast[string](2)),
	)
	if popular.Holds(&there) {
		fmt.Println(popular, crdt.Stable)
	}
	// Output:
	// 4 visits by 2 lower-bound
	// (first (count >= 4)) and (second (size >= 2)) stable
}
