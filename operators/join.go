package operators

import (
	"fmt"
	"time"

	"github.com/calmstream/calmstream/internal/plan"
	"github.com/calmstream/calmstream/internal/plan/kernel"
)

// Interval says which records of two streams match, by event time: the right one may lie up to Before before the left one
// and up to After after it, both inclusive. The zero Interval matches equal times.
type Interval struct {
	Before, After time.Duration
	// Lateness is how far, in event time, records may trail the latest record of their shard. A record that trails further goes to
	// the late stream. A record is kept until nothing in time can match it any more, so that the state is bounded.
	Lateness time.Duration
}

// Join yields pair of each two records of the left and the right stream that have the same key and match by time. It is
// monotone: a pair leaves as soon as its second record is there, and nothing takes it back. The name is the identity of
// the state.
//
// Both streams must have the same key attribute and no windows. Records are kept as their codec encodes them: see
// [WithCodec].
func Join[K Key, A, B, C any](name string, left Keyed[K, A], right Keyed[K, B], within Interval, pair func(A, B) C) Stream[C] {
	n := deriveAll([]*plan.Node{plan.OfKeyed(left), plan.OfKeyed(right)}, plan.KindJoin, "join")
	if n == nil {
		return Stream[C]{}
	}
	requireFunc(n, pair == nil)
	join(n, name, left, right, itself[B], within, kernel.Joining[A, B, C]{Pair: func(a *A, b *B) C { return pair(*a, *b) }})
	return plan.NewStream[C](n)
}

// LeftJoin is Join that also yields each record of the left stream without a match, with nil for the right. That there is no
// match is known only once the interval is sealed: pairs leave at once, the others wait.
func LeftJoin[K Key, A, B, C any](name string, left Keyed[K, A], right Keyed[K, B], within Interval, pair func(left *A, right *B) C) Stream[C] {
	n := deriveAll([]*plan.Node{plan.OfKeyed(left), plan.OfKeyed(right)}, plan.KindJoin, "left-join")
	if n == nil {
		return Stream[C]{}
	}
	requireFunc(n, pair == nil)
	n.Outer = true
	join(n, name, left, right, itself[B], within, kernel.Joining[A, B, C]{KeepLeft: true, Pair: pair})
	return plan.NewStream[C](n)
}

// OuterJoin is LeftJoin that yields what has no match of the right stream too.
func OuterJoin[K Key, A, B, C any](name string, left Keyed[K, A], right Keyed[K, B], within Interval, pair func(left *A, right *B) C) Stream[C] {
	n := deriveAll([]*plan.Node{plan.OfKeyed(left), plan.OfKeyed(right)}, plan.KindJoin, "outer-join")
	if n == nil {
		return Stream[C]{}
	}
	requireFunc(n, pair == nil)
	n.Outer = true
	join(n, name, left, right, itself[B], within, kernel.Joining[A, B, C]{KeepLeft: true, KeepRight: true, Pair: pair})
	return plan.NewStream[C](n)
}

// join fills in a join node. Of a record of the right side it keeps what kept makes of it.
func join[K Key, A, B, R, C any](n *plan.Node, name string, left Keyed[K, A], right Keyed[K, B], kept func(B) R, within Interval, j kernel.Joining[A, R, C]) {
	l, r := plan.OfKeyed(left), plan.OfKeyed(right)
	type sided = kernel.Sided[A, R]
	meet(n, name, left, right, func(a A) sided { return sided{A: a} }, func(b B) sided { return sided{Right: true, B: kept(b)} })
	requireNoWindows(n)
	if within.Before < 0 || within.After < 0 || within.Lateness < 0 || within.Before > plan.MaxWindow || within.After > plan.MaxWindow {
		n.Graph().Fail(n.Site, "%s: the interval must lie between 0 and %s on each side, and the lateness must not be negative", n.Op, plan.MaxWindow)
	}
	j.Before, j.After = int64(within.Before), int64(within.After)
	j.A = plan.CodecOf[A](l)
	if !j.B.Valid() {
		j.B = plan.CodecOf[R](r)
	}
	n.CodecName, n.Windowing = j.A.Name+" "+j.B.Name, plan.Instants
	n.Rule = plan.SealRule{Set: true, Lateness: within.Lateness}
	n.Detail = fmt.Sprintf("right from %s before to %s after left, lateness %s", within.Before, within.After, within.Lateness)
	n.Build = func(rt *plan.Runtime, down []plan.Operator) (plan.Operator, error) {
		return kernel.Join[K](n, rt, down, j)
	}
	exchanged[K](n, j.Contribution())
}

func itself[T any](v T) T { return v }
