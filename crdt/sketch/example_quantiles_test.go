package sketch_test

import (
	"fmt"
	"time"

	"github.com/calmstream/calmstream/crdt"
	"github.com/calmstream/calmstream/crdt/sketch"
)

// A hundred requests take 10 ms to 1 s. That ten are slow is certain as soon as it shows; the median, only when no more come.
func ExampleQuantiles() {
	slow := sketch.ValuesAtLeast(int64(900*time.Millisecond), 10)
	var latency sketch.Quantiles
	for i := range 100 {
		took := time.Duration(i+1) * 10 * time.Millisecond
		latency.Add("shard-0", int64(took), 1)
		if slow.Holds(&latency) {
			fmt.Println("ten requests of 900 ms or more:", crdt.Stable, "after", i+1)
			break
		}
	}
	median, _ := latency.Quantile(0.5)
	fmt.Println("median:", time.Duration(median).Round(time.Millisecond), crdt.Final, "after a seal, else", crdt.Provisional)
	// Output:
	// ten requests of 900 ms or more: stable after 100
	// median: 501ms final after a seal, else provisional
}
