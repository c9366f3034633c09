package operators

import (
	"github.com/calmstream/calmstream/internal/plan"
	"github.com/calmstream/calmstream/internal/plan/kernel"
)

// Enrich yields pair of each record and of the entry that its key has in a table that is written once: products, accounts, the devices
// of a fleet. It is monotone, whatever the times are: a record and the entry of its key belong together for good, so a pair leaves as soon
// as both are there, and is stable. No seal is needed; a table that changes needs one: see [Lookup].
//
// That each key of the table has one entry is what its user promises. An entry that comes again is no harm; another one for the same key is
// a dead letter, and which of the two was there first is then a matter of arrival.
//
// A record whose key has no entry waits for it, if need be until the input has ended, and is then in no result. Meanwhile windows below
// do not close: they would be sealed without it. Entries are kept for good; records only while they wait. A record costs O(1) if its
// entry is there. Both sides must have the same key attribute and no windows; to enrich by a foreign key, key the stream by it. The name is
// the identity of the state. What is kept is kept as its codec encodes it: see [WithCodec].
func Enrich[K Key, A, B, C any](name string, stream Keyed[K, A], table Keyed[K, B], pair func(A, B) C) Stream[C] {
	n := deriveAll([]*plan.Node{plan.OfKeyed(stream), plan.OfKeyed(table)}, plan.KindJoin, "enrich")
	if n == nil {
		return Stream[C]{}
	}
	requireFunc(n, pair == nil)
	type sided = kernel.Sided[A, B]
	meet(n, name, stream, table, func(a A) sided { return sided{A: a} }, func(b B) sided { return sided{Right: true, B: b} })
	requireNoWindows(n)
	e := kernel.Enriching[A, B, C]{
		Pair: func(a *A, b *B) C { return pair(*a, *b) },
		A:    plan.CodecOf[A](plan.OfKeyed(stream)), B: plan.CodecOf[B](plan.OfKeyed(table)),
	}
	n.CodecName, n.Detail = e.A.Name+" "+e.B.Name, "each key of the table is written once"
	n.Build = func(rt *plan.Runtime, down []plan.Operator) (plan.Operator, error) {
		return kernel.Enrich[K](n, rt, down, e)
	}
	exchanged[K](n, kernel.SidedCodec(e.A, e.B))
	return plan.NewStream[C](n)
}
