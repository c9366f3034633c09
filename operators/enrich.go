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
	enrich(n, name, stream, table, kernel.Enriching[A, B, C]{Pair: func(a *A, b *B) C { return pair(*a, *b) }})
	n.Detail = "each key of the table is written once"
	return plan.NewStream[C](n)
}

// LeftEnrich is Enrich that yields each record: where its key has no entry, with nil. Pairs leave at once; that there is no entry is known
// only when none can come any more. when says how that is known.
//
// It goes by event time then: an entry counts for the records at its own time and later, and a record without one leaves when nothing can
// come any more, on either side, at its instant or before. So what is written before it is used is found, whatever came first, and an order for
// a product that is written later has none. With [EndOfInput] an entry counts for all records, as in Enrich, and what has
// none leaves at the end. Records and entries that come later go to the late stream. An entry that comes again counts from the earliest of its times.
//
// A record that waits is kept until its entry or its answer has come: O(log n) of those that wait. What entry points to is shared,
// and must not be changed.
func LeftEnrich[K Key, A, B, C any](name string, stream Keyed[K, A], table Keyed[K, B], when Sealing, pair func(record A, entry *B) C) Stream[C] {
	n := deriveAll([]*plan.Node{plan.OfKeyed(stream), plan.OfKeyed(table)}, plan.KindJoin, "left-enrich")
	if n == nil {
		return Stream[C]{}
	}
	requireFunc(n, pair == nil)
	requireSealing(n, when)
	enrich(n, name, stream, table, kernel.Enriching[A, B, C]{
		KeepMissing: true, AnyTime: when.rule.OnlyAtEnd, Pair: func(a *A, b *B) C { return pair(*a, b) },
	})
	n.Windowing, n.Rule, n.Outer = plan.Instants, when.rule, true
	n.Detail = "each key of the table is written once, " + when.rule.String()
	n.Awaits = "the instant of the record"
	n.Reason = "that its key has no entry can change until then; pairs leave at once"
	n.Repair = "operators.Enrich yields the pairs alone, and waits for nothing"
	return plan.NewStream[C](n)
}

// enrich fills in a node that enriches.
func enrich[K Key, A, B, C any](n *plan.Node, name string, stream Keyed[K, A], table Keyed[K, B], e kernel.Enriching[A, B, C]) {
	type sided = kernel.Sided[A, B]
	meet(n, name, stream, table, func(a A) sided { return sided{A: a} }, func(b B) sided { return sided{Right: true, B: b} })
	requireNoWindows(n)
	e.A, e.B = plan.CodecOf[A](plan.OfKeyed(stream)), plan.CodecOf[B](plan.OfKeyed(table))
	n.CodecName = e.A.Name + " " + e.B.Name
	n.Build = func(rt *plan.Runtime, down []plan.Operator) (plan.Operator, error) {
		return kernel.Enrich[K](n, rt, down, e)
	}
	exchanged[K](n, kernel.SidedCodec(e.A, e.B))
}
