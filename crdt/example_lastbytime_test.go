package crdt_test

import (
	"fmt"

	"github.com/calmstream/calmstream/crdt"
)

// Readings arrive out of order and more than once. What was measured last wins, not what came last.
func ExampleLastByTime() {
	var temperature crdt.LastByTime[int]
	late := crdt.SeenAfter[int](25)
	for _, r := range []struct {
		time    int64
		id      string
		degrees int
	}{{10, "r1", 19}, {30, "r3", 22}, {20, "r2", 21}, {30, "r3", 22}} {
		temperature.Add(r.time, r.id, r.degrees)
		degrees, _ := temperature.Value()
		fmt.Println(degrees, crdt.Provisional, late.Holds(&temperature))
	}
	// Once the window is sealed, the value is final.
	time, id, _ := temperature.Seen()
	degrees, _ := temperature.Value()
	fmt.Println(degrees, "at", time, "by", id, crdt.Final)
	// Output:
	// 19 provisional false
	// 22 provisional true
	// 22 provisional true
	// 22 provisional true
	// 22 at 30 by r3 final
}
