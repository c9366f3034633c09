package operators

import (
	"github.com/calmstream/calmstream/internal/plan"
	"github.com/calmstream/calmstream/internal/plan/kernel"
)

// Change is what became of a row of a table at an instant, which is the event time of the record.
type Change[K Key, T any] = plan.RowChange[K, T]

// JoinTables yields the changes of the table that joins two by their keys: a key has a row while both tables have it. For each instant
// at which one of them changed it says what the row is from then on, or that it is deleted. What it yields can be read as a [Table]
// again, with Change.Deleted as what deletes.
//
// It goes by event time. What the tables have at an instant can change until nothing can come before it any more: so each change waits
// for that, and is final; when says how it is known. Changes that come later go to the late stream. Where the last rows are
// enough, and lower bounds before, [Cogroup] two [crdt.LastByTime] into a [crdt.Pair].
//
// Both tables must have the same key attribute and no windows. To join by a foreign key, look the referring changes up with
// [Lookup], keyed by it: that follows changes of the referring side; a change of what is referred to shows with the next of them. Of each
// table the newest entry of a key is kept, those that are still to be told, and a deletion no longer than that. A change costs
// O(log n) of those that have been made ahead of the frontier. The name is the identity of the state. Entries are kept as their codec
// encodes them: see [WithCodec].
func JoinTables[K Key, A, B, C any](name string, left Table[K, A], right Table[K, B], when Sealing, row func(A, B) C) Stream[Change[K, C]] {
	n := deriveAll([]*plan.Node{plan.OfKeyed(left.changes), plan.OfKeyed(right.changes)}, plan.KindJoin, "join-tables")
	if n == nil {
		return Stream[Change[K, C]]{}
	}
	requireFunc(n, row == nil)
	joinTables(n, name, left, right, when, kernel.Tabling[A, B, C]{Row: func(a *A, b *B) C { return row(*a, *b) }})
	return plan.NewStream[Change[K, C]](n)
}

// LeftJoinTables is JoinTables with a row for each key of the left table: while the right one has nothing, with nil. What an entry points
// to is shared, and must not be changed.
func LeftJoinTables[K Key, A, B, C any](name string, left Table[K, A], right Table[K, B], when Sealing, row func(left A, right *B) C) Stream[Change[K, C]] {
	n := deriveAll([]*plan.Node{plan.OfKeyed(left.changes), plan.OfKeyed(right.changes)}, plan.KindJoin, "left-join-tables")
	if n == nil {
		return Stream[Change[K, C]]{}
	}
	requireFunc(n, row == nil)
	joinTables(n, name, left, right, when, kernel.Tabling[A, B, C]{KeepLeft: true, Row: func(a *A, b *B) C { return row(*a, b) }})
	return plan.NewStream[Change[K, C]](n)
}

// OuterJoinTables is JoinTables with a row for each key of either table, with nil for the other. What an entry points to is
// shared, and must not be changed.
func OuterJoinTables[K Key, A, B, C any](name string, left Table[K, A], right Table[K, B], when Sealing, row func(left *A, right *B) C) Stream[Change[K, C]] {
	n := deriveAll([]*plan.Node{plan.OfKeyed(left.changes), plan.OfKeyed(right.changes)}, plan.KindJoin, "outer-join-tables")
	if n == nil {
		return Stream[Change[K, C]]{}
	}
	requireFunc(n, row == nil)
	joinTables(n, name, left, right, when, kernel.Tabling[A, B, C]{KeepLeft: true, KeepRight: true, Row: row})
	return plan.NewStream[Change[K, C]](n)
}

// joinTables fills in a join of two tables.
func joinTables[K Key, A, B, C any](n *plan.Node, name string, left Table[K, A], right Table[K, B], when Sealing, t kernel.Tabling[A, B, C]) {
	type sided = kernel.Sided[*A, *B]
	meet(n, name, left.changes, right.changes,
		func(a A) sided { return sided{A: left.entry(a)} },
		func(b B) sided { return sided{Right: true, B: right.entry(b)} })
	requireNoWindows(n)
	requireSealing(n, when)
	t.A, t.B = left.nullable(), right.nullable()
	n.CodecName = t.A.Name + " " + t.B.Name
	n.Windowing, n.Rule, n.Detail = plan.Instants, when.rule, "by event time, "+when.rule.String()
	n.Sealed, n.Awaits = true, "the instant of the change"
	n.Reason = "what the tables have at an instant can change until nothing can come before it any more"
	n.Repair = "operators.Cogroup of the last entries by time grows at once, as a lower bound"
	n.Build = func(rt *plan.Runtime, down []plan.Operator) (plan.Operator, error) {
		return kernel.Tables[K](n, rt, down, t)
	}
	exchanged[K](n, kernel.SidedCodec(t.A, t.B))
}
