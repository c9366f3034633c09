package crdt_test

import (
	"fmt"

	"github.com/calmstream/calmstream/crdt"
)

// A type of one's own, out of the stores: for each seat the names of those who booked it without knowing of each other.
func ExampleCausal() {
	type names = crdt.DotFun[crdt.Max[string], *crdt.Max[string]]
	type seats = crdt.DotMap[int, names, *names]
	type bookings = crdt.Causal[seats, *seats]

	book := func(b *bookings, origin string, seat int, name string) bookings {
		return b.Update(origin, func(s *seats, c *crdt.Clock) {
			s.Update(c, seat, func(n *names, c *crdt.Clock) { n.Put(c, crdt.MaxOf(name)) })
		})
	}
	var here, there bookings
	book(&here, "here", 12, "Ada")
	delta := book(&there, "there", 12, "Bob")
	here.Merge(&delta)

	here.View(func(s *seats) {
		booked, _ := s.Get(12)
		for dot, name := range booked.All() {
			who, _ := name.Value()
			fmt.Println(dot, who)
		}
	})
	// Output:
	// here:1 Ada
	// there:1 Bob
}
