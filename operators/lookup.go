package operators

import (
	"github.com/calmstream/calmstream/internal/plan"
	"github.com/calmstream/calmstream/internal/plan/kernel"
)

// Lookup yields pair of each record and of what the table has for its key at the event time of the record: the price when the order was
// made, and not the price now. A record for whose key the table has nothing at that time yields nothing; see [LeftLookup].
//
// The answer is final, and so it waits: for nothing that can still come, on either side, at the instant of the record or before. when says
// how that is known. Records and changes that come later go to the late stream. The order of the results is that of
// event time. It is a temporal join, as SQL:2011 has them (FOR SYSTEM_TIME AS OF).
//
// Where both inputs have recorded cuts, [RecordedCut] answers at them: a record with what the table has at the cut that follows it. All
// changes of a key between two cuts are of one instant, so that which is in force is as [Table] says.
//
// Both sides must have the same key attribute and no windows; to look up by a foreign key, key the stream by it. A record is kept until it
// is answered, and of the table the newest entry of each key, those that records may yet ask for, and a deletion no longer than that. A
// record costs O(log n) of those that wait, a change O(log n) of those that have been made ahead of the frontier. The name is the
// identity of the state. Records and entries are kept as their codec encodes them: see [WithCodec].
func Lookup[K Key, A, B, C any](name string, stream Keyed[K, A], table Table[K, B], when Sealing, pair func(A, B) C) Stream[C] {
	n := deriveAll([]*plan.Node{plan.OfKeyed(stream), plan.OfKeyed(table.changes)}, plan.KindJoin, "lookup")
	if n == nil {
		return Stream[C]{}
	}
	requireFunc(n, pair == nil)
	lookup(n, name, stream, table, when, kernel.Looking[A, B, C]{Pair: func(a *A, b *B) C { return pair(*a, *b) }})
	return plan.NewStream[C](n)
}

// LeftLookup is Lookup that yields each record: where the table has nothing for it, with nil. What entry points to is shared, and
// must not be changed.
func LeftLookup[K Key, A, B, C any](name string, stream Keyed[K, A], table Table[K, B], when Sealing, pair func(record A, entry *B) C) Stream[C] {
	n := deriveAll([]*plan.Node{plan.OfKeyed(stream), plan.OfKeyed(table.changes)}, plan.KindJoin, "left-lookup")
	if n == nil {
		return Stream[C]{}
	}
	requireFunc(n, pair == nil)
	lookup(n, name, stream, table, when, kernel.Looking[A, B, C]{KeepMissing: true, Pair: func(a *A, b *B) C { return pair(*a, b) }})
	return plan.NewStream[C](n)
}

// lookup fills in a lookup node.
func lookup[K Key, A, B, C any](n *plan.Node, name string, stream Keyed[K, A], table Table[K, B], when Sealing, l kernel.Looking[A, B, C]) {
	type sided = kernel.Sided[A, *B]
	meet(n, name, stream, table.changes, func(a A) sided { return sided{A: a} }, func(b B) sided { return sided{Right: true, B: table.entry(b)} })
	requireNoWindows(n)
	requireSealing(n, when)
	l.A, l.B = plan.CodecOf[A](plan.OfKeyed(stream)), table.nullable()
	n.CodecName = l.A.Name + " " + l.B.Name
	n.Windowing, n.Rule, n.Detail = plan.Instants, when.rule, "as of event time, "+when.rule.String()
	n.Sealed, n.Awaits = true, "the instant of the record"
	n.Reason = "what the table has at an instant can change until nothing can come before it any more"
	n.Repair = "operators.Enrich needs no wait, if each key of the table is written once"
	n.Build = func(rt *plan.Runtime, down []plan.Operator) (plan.Operator, error) {
		return kernel.Lookup[K](n, rt, down, l)
	}
	exchanged[K](n, kernel.SidedCodec(l.A, l.B))
}

// exchanged fills in the two ends of an exchange above a node.
func exchanged[K Key, C any](n *plan.Node, codec kernel.ValueCodec[C]) {
	n.Send = func(rt *plan.Runtime) (plan.Operator, error) { return kernel.Send[K](n, rt, codec), nil }
	n.Receive = func(_ *plan.Runtime, next plan.Operator) (plan.Operator, error) {
		return kernel.Receive[K](n, next, codec)
	}
}

// requireNoWindows records a mistake if the inputs of a node have windows.
func requireNoWindows(n *plan.Node) {
	if n.In[0].Windowing != (plan.Windowing{}) {
		n.Graph().Fail(n.Site, "%s: its inputs have windows; join streams without windows, since their event times say what matches", n.Op)
	}
}
