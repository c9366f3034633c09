package kernel_test

import (
	"fmt"
	"testing"

	"github.com/calmstream/calmstream/internal/plan"
	"github.com/calmstream/calmstream/internal/plan/kernel"
)

// counter counts the entries of a snapshot.
type counter int

func (c *counter) Add([]byte) error { *c++; return nil }

// The ids of a window are forgotten when it closes, and with nothing to tell: that it was full is no result.
func TestIDsAreForgotten(t *testing.T) {
	t.Parallel()
	rejected, waited, sealed := 0, 0, 0
	var state plan.Stateful
	rt := runtime(&rejected)
	rt.Waited = func(n int) { waited += n }
	rt.Certify = func(plan.Certificate) { sealed++ }
	rt.Register = func(_ *plan.Node, s plan.Stateful) { state = s }
	node := &plan.Node{Windowing: plan.Windowing{Size: 10}, Rule: plan.SealRule{Set: true, Lateness: 5}}
	down := new(collector[string])
	op, err := kernel.Deduplicate[string, string](node, rt, []plan.Operator{down})
	if err != nil {
		t.Fatal(err)
	}
	consumer, ok := op.(plan.Consumer[plan.Contribution[string, string]])
	if !ok {
		t.Fatalf("%T takes no records", op)
	}
	put := func(window int64, ids ...int) {
		var in plan.Batch[plan.Contribution[string, string]]
		for i, id := range ids {
			in.Add(plan.Meta{Seq: uint64(i + 1)}, plan.Contribution[string, string]{Key: fmt.Sprint(id), Start: window, Value: fmt.Sprint("record ", id)})
		}
		consumer.Consume(&in)
	}
	entries := func() (n counter) {
		if err := state.Snapshot(&n, true); err != nil {
			t.Fatal(err)
		}
		state.Settle(false)
		return n
	}
	put(0, 1, 2, 1, 3)
	put(10, 1, 2)
	op.Advance(14)
	if got := entries(); got != 5 {
		t.Errorf("%d ids are known before the lateness is over, want 5", got)
	}
	op.Advance(15)
	if got := entries(); got != 2 {
		t.Errorf("%d ids are known behind the first window, want 2", got)
	}
	put(10, 2, 4)
	op.Advance(plan.End)
	if got := entries(); got != 0 {
		t.Errorf("%d ids are known at the end", got)
	}
	if got := fmt.Sprint(down.val); got != "[record 1 record 2 record 3 record 1 record 2 record 4]" || waited+sealed+rejected != 0 {
		t.Errorf("passed %s; %d waited, %d were sealed, %d rejected", got, waited, sealed, rejected)
	}
}
