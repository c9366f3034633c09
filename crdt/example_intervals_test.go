package crdt_test

import (
	"fmt"

	"github.com/calmstream/calmstream/crdt"
)

// Sessions that end after 30 without an event. The event at 45 comes late and makes one session of two: so the number of sessions
// cannot be asked early, but what they cover can.
func ExampleIntervals() {
	const gap = 30
	var sessions crdt.Intervals
	for _, t := range []int64{0, 20, 70, 90, 20, 45} {
		sessions.Session(t, gap)
		fmt.Print(t, ":")
		for start, end := range sessions.All() {
			fmt.Printf(" [%d, %d)", start, end)
		}
		fmt.Println()
	}
	long := crdt.LengthAtLeast(100)
	fmt.Println(long, long.Holds(&sessions), crdt.Stable)
	one := crdt.CoversInterval(20, 90)
	fmt.Println(one, one.Holds(&sessions), crdt.Stable)
	// Output:
	// 0: [0, 30)
	// 20: [0, 50)
	// 70: [0, 50) [70, 100)
	// 90: [0, 50) [70, 120)
	// 20: [0, 50) [70, 120)
	// 45: [0, 120)
	// length >= 100 true stable
	// covers [20, 90) true stable
}
