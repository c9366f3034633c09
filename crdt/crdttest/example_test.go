package crdttest_test

import (
	"fmt"

	"github.com/calmstream/calmstream/crdt"
	"github.com/calmstream/calmstream/crdt/crdttest"
)

// Laws names the law that is broken and shows values that break it. In a test, CheckLaws does the same.
func ExampleLaws() {
	fmt.Println(crdttest.Laws([]crdt.Max[int]{crdt.MaxOf(1), crdt.MaxOf(2)}))
	fmt.Println(crdttest.Laws([]sum{{cell{1, 0}}}))
	// Output:
	// <nil>
	// crdttest: broken law "order agrees with merge": a merged with b gives c, which is not above both
	// 	a = 0x010000
	// 	b = 0x010100
	// 	c = 0x010100
	// crdttest: broken law "merge is idempotent": merging a copy of a into a gives b
	// 	a = 0x010100
	// 	b = 0x010200
}

func ExampleUpwardClosed() {
	exactlyOne := crdt.AssertUpSet("exactly one", func(s *crdt.GSet[int]) bool { return s.Len() == 1 })
	fmt.Println(crdttest.UpwardClosed(exactlyOne, []crdt.GSet[int]{crdt.GSetOf(1), crdt.GSetOf(2)}))
	// Output:
	// crdttest: broken law "set is upward closed": asserted "exactly one" holds for a, but not for a merged with b
	// 	a = 0x010102
	// 	b = 0x010104
}
