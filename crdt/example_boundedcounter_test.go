package crdt_test

import (
	"errors"
	"fmt"

	"github.com/calmstream/calmstream/crdt"
)

// An advertiser has paid for 5 impressions. Two servers show the ad, without asking each other, and never more often.
func ExampleBoundedCounter() {
	var paid, left, right crdt.BoundedCounter
	_, err := paid.Add("budget", 5)
	_, err3 := paid.Transfer("budget", "left", 3)
	_, err2 := paid.Transfer("budget", "right", 2)
	fmt.Println("paid:", errors.Join(err, err3, err2))
	left.Merge(&paid)
	right.Merge(&paid)

	_, errLeft := left.Subtract("left", 2)
	_, errRight := right.Subtract("right", 2)
	fmt.Println("shown 4 times:", errors.Join(errLeft, errRight))
	_, err = right.Subtract("right", 1)
	fmt.Println(err, errors.Is(err, crdt.ErrRights))

	help, _ := left.Transfer("left", "right", 1)
	right.Merge(&help)
	_, err = right.Subtract("right", 1)
	fmt.Println("with what left gave:", err)

	// That the budget is used up is a threshold: it stays so.
	right.Merge(&left)
	usedUp := crdt.UsedAtLeast(5)
	fmt.Println(usedUp, usedUp.Holds(&right), crdt.Stable)
	// Output:
	// paid: <nil>
	// shown 4 times: <nil>
	// crdt: not enough rights: "right" has rights for 0 and needs 1 true
	// with what left gave: <nil>
	// used >= 5 true stable
}
