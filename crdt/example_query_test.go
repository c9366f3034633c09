package crdt_test

import (
	"fmt"

	"github.com/calmstream/calmstream/crdt"
)

// A choice has several answers of which at most one can be right: here, what became of an order. The states of one order,
// by the clerk who decides it, contradict each other.
func ExampleNewChoice() {
	type orders = crdt.Map[string, once, *once]
	shipped := crdt.MapOf[string, once]("order 7", onceOf(1))
	refunded := crdt.MapOf[string, once]("order 7", onceOf(2))
	fate, err := crdt.NewChoice(crdt.When("shipped", shipped), crdt.When("refunded", refunded))
	fmt.Println(fate, err)

	var replica orders
	a, _ := fate.Ask(&replica)
	fmt.Println(a)
	replica.Update("order 7", onceOf(2))
	a, _ = fate.Ask(&replica)
	fmt.Println(a)

	// Another order contradicts nothing, so that both answers could be right, and it would depend on the replica which one is given.
	_, err = crdt.NewChoice(crdt.When("shipped", shipped), crdt.When("other refunded", crdt.MapOf[string, once]("order 8", onceOf(2))))
	fmt.Println(err)
	// Output:
	// one of (shipped, refunded) <nil>
	// unknown
	// refunded (stable)
	// crdt: two alternatives of a choice can hold together: 1 (shipped) and 2 (other refunded): threshold 1 of the one and threshold 1 of the other merge without a conflict
}

// A lower bound can be compared upward, and in no other way.
func ExampleFloorOf() {
	var views crdt.GCounter
	views.Add("shard-0", 120)
	floor := crdt.FloorOf(crdt.CountOf(), &views)
	fmt.Println(floor)
	fmt.Println(floor.AtLeast(100))
	fmt.Println(floor.AtLeast(200)) // there may be more than this copy knows
	// Output:
	// at least 120
	// true (stable)
	// unknown
}

// A morphism may be applied to the changes of a state instead of the state.
func ExampleMorphism() {
	large := crdt.Compose(
		crdt.Where("large", func(n int) bool { return n >= 100 }),
		crdt.Largest[int]())
	fmt.Println(large)

	var state crdt.GSet[int]
	var result crdt.Max[int]
	for _, n := range []int{7, 250, 130} {
		delta := state.Add(n)
		change := large.Apply(&delta)
		fmt.Println(n, result.Merge(&change))
	}
	fmt.Println(crdt.FloorOf(large, &state))
	// Output:
	// largest element of ((elements) where large)
	// 7 false
	// 250 true
	// 130 false
	// at least 250
}

// Relations compose, and stay monotone: a join of two sets, and a threshold on what comes of it.
func ExampleJoinOn() {
	type visits = crdt.Map[string, crdt.GSet[string], *crdt.GSet[string]] // names, for each page
	byPage := crdt.Unnest[string](crdt.Elements[string]())
	onPage := func(page string) crdt.Relation[visits, crdt.Row[string, string]] {
		return byPage.Select("page is "+page, func(r crdt.Row[string, string]) bool { return r.First == page })
	}
	name := func(r crdt.Row[string, string]) string { return r.Second }
	bought := crdt.JoinOn(onPage("offer"), onPage("order"), "name", name, name)

	var seen visits
	seen.Update("offer", crdt.GSetOf("ann", "ben", "cleo"))
	seen.Update("order", crdt.GSetOf("ben"))
	fmt.Println(bought.CountAtLeast(2).Ask(&seen))
	seen.Update("order", crdt.GSetOf("cleo", "dan"))
	fmt.Println(bought.CountAtLeast(2).Ask(&seen))

	// Who did not buy, and how many did exactly, can only be said in the end.
	end := crdt.AssertSealed("the offer is over", &seen)
	names := crdt.Project(onPage("offer"), "name", name).Minus(crdt.Project(onPage("order"), "name", name))
	fmt.Println(names.Ask(end))
	fmt.Println(bought.Count().Ask(end))
	// Output:
	// unknown
	// true (stable)
	// [ann] (final: asserted sealed "the offer is over")
	// 2 (final: asserted sealed "the offer is over")
}

// Groups with an exact aggregate wait for a seal. Those that have at least so many rows do not.
func ExampleGroupBy() {
	words := crdt.Elements[string]()
	initial := func(w string) string { return w[:1] }
	often := crdt.GroupsAtLeast(words, "initial", initial, 2)

	seen := crdt.GSetOf("ant", "ape", "bee")
	fmt.Println(often.Contains("a").Ask(&seen), often.Contains("b").Ask(&seen))

	all, _ := crdt.SealWhen(&seen, crdt.SizeAtLeast[string](3))
	counts := crdt.GroupBy(words, "initial", initial, func(rows []string) int { return len(rows) })
	fmt.Println(counts.Ask(all))
	// Output:
	// true (stable) unknown
	// [{a 2} {b 1}] (final: sealed when size >= 3)
}

// Input that arrives after the seal does not change what was said, and does not go unnoticed.
func ExampleSealed_Check() {
	batch := crdt.GSetOf(3, 1, 2)
	sealed, _ := crdt.SealWhen(&batch, crdt.SizeAtLeast[int](3))
	batch.Add(4)
	fmt.Println(crdt.Elements[int]().Sum("number", func(n int) int64 { return int64(n) }).Ask(sealed))
	fmt.Println(sealed.Check(&batch))
	// Output:
	// 6 (final: sealed when size >= 3)
	// crdt: input arrived after the seal (sealed when size >= 3)
}
