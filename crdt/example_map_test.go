package crdt_test

import (
	"fmt"

	"github.com/calmstream/calmstream/crdt"
)

func ExampleMap() {
	var clicks crdt.Map[string, crdt.GCounter, *crdt.GCounter]
	click := func(ad, shard string) {
		count, _ := clicks.Get(ad) // a copy: the map changes only through Update and Merge
		clicks.Update(ad, count.Add(shard, 1))
	}
	click("shoes", "shard-0")
	click("hats", "shard-0")
	click("shoes", "shard-1")
	for ad, count := range clicks.All() {
		fmt.Println(ad, count.Value())
	}
	// Output:
	// hats 1
	// shoes 2
}
