package crdt_test

import (
	"fmt"

	"github.com/calmstream/calmstream/crdt"
)

// The two pages with the most views, of counters that are reported again and again as they grow.
func ExampleTopK() {
	here, there := crdt.NewTopK[string, int](2), crdt.NewTopK[string, int](2)
	here.Add("/home", 900)
	here.Add("/help", 40)
	here.Add("/home", 850) // an old report comes late
	there.Add("/docs", 300)
	there.Add("/help", 60)

	popular := crdt.KthScoreAtLeast[string](100)
	fmt.Println(popular, popular.Holds(&here))
	here.Merge(&there)
	fmt.Println(popular, popular.Holds(&here), crdt.Stable)
	for page, views := range here.All() {
		fmt.Println(page, views, crdt.Provisional, "before the seal")
	}
	// Output:
	// k-th score >= 100 false
	// k-th score >= 100 true stable
	// /home 900 provisional before the seal
	// /docs 300 provisional before the seal
}

func ExampleBottomK() {
	nearest := crdt.NewBottomK[string, int](2)
	nearest.Add("bern", 95)
	nearest.Add("basel", 75)
	nearest.Add("geneva", 225)
	nearest.Add("bern", 88) // a shorter way was found
	for city, km := range nearest.All() {
		fmt.Println(city, km)
	}
	// Output:
	// basel 75
	// bern 88
}
