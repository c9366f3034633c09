package crdt_test

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/calmstream/calmstream/crdt"
)

// Transaction is a row made of an entry such as "GIFTCARD 150 till-3/17".
type Transaction struct {
	Kind   string
	Amount int
	ID     string
}

func parseTransaction(entry string) (t Transaction) {
	kind, rest, _ := strings.Cut(entry, " ")
	amount, id, _ := strings.Cut(rest, " ")
	t.Kind, t.ID = kind, id
	t.Amount, _ = strconv.Atoi(amount)
	return t
}

// The suspicious activity of "Keep CALM and CRDT On", example 2: more than 50 gift cards of more than 100. The answer is true
// or unknown, and true needs no coordination: what this replica has not heard of can only add to the count.
func ExampleRelation_CountAtLeast() {
	transactions := crdt.Project(crdt.Elements[string](), "parse", parseTransaction)
	suspicious := transactions.
		Select("gift card over 100", func(t Transaction) bool { return t.Kind == "GIFTCARD" && t.Amount > 100 }).
		CountAtLeast(51)
	fmt.Println(suspicious)

	var replica, other crdt.GSet[string]
	for i := range 30 {
		replica.Add(fmt.Sprintf("GIFTCARD 150 till-1/%d", i))
		replica.Add(fmt.Sprintf("GIFTCARD 20 till-1/%d", i))
		other.Add(fmt.Sprintf("GIFTCARD 200 till-2/%d", i))
	}
	fmt.Println(suspicious.Ask(&replica))
	fmt.Println(suspicious.Ask(&other))
	replica.Merge(&other)
	replica.Merge(&other)
	fmt.Println(suspicious.Ask(&replica))
	// Output:
	// count of ((parse of (elements)) where gift card over 100) >= 51
	// unknown
	// unknown
	// true (stable)
}

// The rate limit of "Keep CALM and CRDT On" §3.1: |A| + |R| > 100 on a set with additions A and removals R is monotone, while
// A - R is not. Both sizes only grow, and so does their sum.
func ExamplePlus() {
	operations := crdt.Plus(crdt.AddedElements[string]().Size(), crdt.RemovedElements[string]().Size())
	limit := crdt.ComposeUpSet(operations, crdt.MaxAtLeast[uint64](101))
	fmt.Println(limit)

	var replica crdt.TwoPhaseSet[string]
	for i := range 60 {
		replica.Add(strconv.Itoa(i))
	}
	fmt.Println(limit.Ask(&replica), crdt.FloorOf(operations, &replica))
	for i := range 60 {
		replica.Remove(strconv.Itoa(i))
	}
	fmt.Println(limit.Ask(&replica), crdt.FloorOf(operations, &replica))
	fmt.Println("in the set:", replica.Len(), crdt.Provisional)

	// The set keeps both sizes, so that the same question costs no walk.
	fmt.Println(crdt.ChangesAtLeast[string](101), crdt.ChangesAtLeast[string](101).Ask(&replica))
	// Output:
	// max >= 101 of ((count of (ever added)) + (count of (ever removed)))
	// unknown at least 60
	// true (stable) at least 120
	// in the set: 0 provisional
	// added + removed >= 101 true (stable)
}

// A quorum vote. Votes may arrive at any replica, in any order and twice.
func ExampleUpSet_quorum() {
	quorum := crdt.SizeAtLeast[string](3)
	var here, there crdt.GSet[string]
	here.Add("ann")
	here.Add("ben")
	there.Add("ben")
	there.Add("cleo")
	fmt.Println("here:", quorum.Ask(&here), "there:", quorum.Ask(&there))
	here.Merge(&there)
	fmt.Println("here:", quorum.Ask(&here), "there:", quorum.Ask(&there))

	// How many votes there were is another question: it waits until all voters are known to have voted.
	registry := crdt.All(crdt.Contains("ann"), crdt.Contains("ben"), crdt.Contains("cleo"))
	if poll, ok := crdt.SealWhen(&here, registry); ok {
		votes, _ := crdt.Elements[string]().Count().Ask(poll).Value()
		fmt.Println("votes:", votes, crdt.Elements[string]().Count().Ask(poll).Verdict())
	}
	// Output:
	// here: unknown there: unknown
	// here: true (stable) there: unknown
	// votes: 3 final
}
