package crdt_test

import (
	"fmt"

	"github.com/calmstream/calmstream/crdt"
)

// A shopping cart: item and quantity. The phone takes the milk out, while the laptop puts one more in, and nothing that was
// there before comes back. What is in the cart is provisional until the order is sealed.
func ExampleORMap() {
	type cart = crdt.ORMap[string, crdt.ORCounterStore, *crdt.ORCounterStore]
	put := func(c *cart, origin, item string, n int64) cart {
		return c.Update(origin, item, func(q *crdt.ORCounterStore, clock *crdt.Clock) { q.Add(clock, n) })
	}
	show := func(c *cart, verdict crdt.Verdict) {
		for item := range c.Keys() {
			c.View(item, func(q *crdt.ORCounterStore) { fmt.Println(q.Value(), item, verdict) })
		}
	}
	var phone, laptop cart
	put(&phone, "phone", "milk", 6)
	put(&phone, "phone", "eggs", 10)
	laptop.Merge(&phone)

	removed := phone.Remove("milk")
	show(&phone, crdt.Provisional)

	more := put(&laptop, "laptop", "milk", 1) // at the same time
	phone.Merge(&more)
	laptop.Merge(&removed)
	fmt.Println("after both have heard of all, and the seal:")
	show(&laptop, crdt.Final)
	// Output:
	// 10 eggs provisional
	// after both have heard of all, and the seal:
	// 10 eggs final
	// 1 milk final
}

// The values may be maps themselves: users by room, and what each said last.
func ExampleORMap_nested() {
	type said = crdt.MVRegisterStore[string]
	type users = crdt.DotMap[string, said, *said]
	type rooms = crdt.ORMap[string, users, *users]

	var r rooms
	say := func(origin, room, user, what string) rooms {
		return r.Update(origin, room, func(u *users, c *crdt.Clock) {
			u.Update(c, user, func(s *said, c *crdt.Clock) { s.Write(c, what) })
		})
	}
	say("server-1", "go", "ada", "hello")
	say("server-1", "go", "bob", "hi")
	say("server-1", "nats", "ada", "ping")
	say("server-1", "go", "ada", "bye")
	r.Remove("nats")

	shown, err := r.MarshalJSON()
	fmt.Println(string(shown), err)
	// Output:
	// {"go":{"ada":["bye"],"bob":["hi"]}} <nil>
}
