package operators

import (
	"github.com/calmstream/calmstream/internal/plan"
	"github.com/calmstream/calmstream/internal/plan/kernel"
)

// AntiJoin yields the records of the left stream that have no match in the right one: what was ordered and not paid within the hour.
// It is NOT EXISTS of SQL, and cannot be answered at once: any record that comes may be the match. A record leaves when the interval in
// which a match could lie is sealed, and is final then.
//
// Both streams must have the same key attribute and no windows. It waits for the shards that send to the shard of the key, and no other:
// where the keys of a partition of both inputs meet in one shard, its seal is enough. Of the right stream only keys and times are
// kept. The name is the identity of the state. Records are kept as their codec encodes them: see [WithCodec].
func AntiJoin[K Key, A, B any](name string, left Keyed[K, A], right Keyed[K, B], within Interval) Stream[A] {
	n := deriveAll([]*plan.Node{plan.OfKeyed(left), plan.OfKeyed(right)}, plan.KindJoin, "anti-join")
	if n == nil {
		return Stream[A]{}
	}
	n.Sealed, n.Awaits = true, "the last instant that can match"
	n.Reason = "that a record has no match can change until then"
	n.Repair = "operators.Join yields the records that have a match, and waits for nothing"
	nothing := func(B) struct{} { return struct{}{} }
	join(n, name, left, right, nothing, within, kernel.Joining[A, struct{}, A]{
		KeepLeft: true, Alone: true, B: kernel.NoCodec, Pair: func(a *A, _ *struct{}) A { return *a },
	})
	return plan.NewStream[A](n)
}
