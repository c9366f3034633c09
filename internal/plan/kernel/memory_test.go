package kernel_test

import (
	"fmt"
	"strings"
	"testing"
	"unsafe"

	"github.com/calmstream/calmstream/crdt"
	"github.com/calmstream/calmstream/internal/plan"
	"github.com/calmstream/calmstream/internal/plan/kernel"
)

// collector is the end of a chain of kernels. It notes the longest batch.
type collector[T any] struct {
	longest int
	meta    []plan.Meta
	val     []T
}

func (c *collector[T]) Consume(b *plan.Batch[T]) {
	c.longest = max(c.longest, b.Len())
	c.meta, c.val = append(c.meta, b.Meta...), append(c.val, b.Val...)
}

func (c *collector[T]) Advance(int64) {}

// runtime is what kernels need of a shard here.
func runtime(rejected *int) *plan.Runtime {
	return &plan.Runtime{
		Origin:   "stage/0",
		Reject:   func(plan.Rejected) { *rejected++ },
		Waited:   func(int) {},
		Register: func(*plan.Node, plan.Stateful) {},
	}
}

// A reader hands on megabytes of text at once. What becomes of them must not be held all at the same time.
func TestFlatMapHandsOnWhatIsEnough(t *testing.T) {
	t.Parallel()
	const records, words = 500, 100
	rejected := 0
	down := new(collector[string])
	split := func(text string, yield func(string)) {
		for i, word := range strings.Fields(text) {
			if text[0] == '!' && i == 50 {
				panic("half of a record")
			}
			yield(word)
		}
	}
	op, err := kernel.FlatMap(new(plan.Node), runtime(&rejected), []plan.Operator{down}, split)
	if err != nil {
		t.Fatal(err)
	}
	var in plan.Batch[string]
	for i := range records {
		text := strings.Repeat(fmt.Sprintf("%d ", i), words)
		if i%100 == 99 {
			text = "!" + text
		}
		in.Add(plan.Meta{Seq: uint64(i + 1)}, text)
	}
	consumer, ok := op.(plan.Consumer[string])
	if !ok {
		t.Fatalf("%T takes no text", op)
	}
	consumer.Consume(&in)

	if down.longest > 2000 {
		t.Errorf("a batch had %d records", down.longest)
	}
	if want := (records - rejected) * words; rejected != 5 || len(down.val) != want {
		t.Fatalf("%d records came of %d, not %d; %d were rejected, not 5", len(down.val), records, want, rejected)
	}
	for i, m := range down.meta { // each record whole, in order, and numbered
		record := i / words * 100 / 99 // every hundredth is missing
		if m.Index != uint32(i%words) || m.Seq != uint64(record+1) || down.val[i] != fmt.Sprint(record) {
			t.Fatalf("record %d is %q at %d.%d", i, down.val[i], m.Seq, m.Index)
		}
	}
}

// A key that is a part of a long message must not keep the message.
func TestStateKeepsKeysAndNotTheMessagesTheyComeFrom(t *testing.T) {
	t.Parallel()
	node := &plan.Node{Rule: plan.SealRule{Set: true, OnlyAtEnd: true}}
	rejected := 0
	facts := new(collector[plan.Fact[string, crdt.Max[int]]])
	seal, err := kernel.Seal[string, crdt.Max[int]](new(plan.Node), []plan.Operator{facts})
	if err != nil {
		t.Fatal(err)
	}
	set := func(dst *crdt.Max[int], v *int) bool { dst.Add(*v); return true }
	fold, err := kernel.Fold[string, int, crdt.Max[int], *crdt.Max[int]](node, runtime(&rejected), []plan.Operator{seal}, kernel.Folding[crdt.Max[int], int]{Apply: set})
	if err != nil {
		t.Fatal(err)
	}
	message := strings.Repeat("key ", 1000)
	var in plan.Batch[plan.Contribution[string, int]]
	in.Add(plan.Meta{Seq: 1}, plan.Contribution[string, int]{Key: message[:3], Value: 7})
	consumer, ok := fold.(plan.Consumer[plan.Contribution[string, int]])
	if !ok {
		t.Fatalf("%T takes no contributions", fold)
	}
	consumer.Consume(&in)
	fold.Advance(plan.End)
	if len(facts.val) != 1 || facts.val[0].Key != "key" {
		t.Fatalf("got %+v", facts.val)
	}
	if unsafe.StringData(facts.val[0].Key) == unsafe.StringData(message) {
		t.Errorf("the key of the state is still a part of the message")
	}
}
