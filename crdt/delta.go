package crdt

import "iter"

// Decomposable is implemented by a pointer to a lattice L whose values come apart into parts that cannot come apart further (join-irreducible
// values: Enes et al., "Efficient Synchronization of State-based CRDTs", ICDE 2019, §III).
//
// The laws, which crdttest checks: the parts of a value merge back to it, and no part is below the merge of the
// others; the bottom has none.
type Decomposable[L any] interface {
	// Decompose yields the parts of the receiver, in an order that only depends on its value. The receiver must not
	// change meanwhile.
	Decompose() iter.Seq[L]
	// Delta returns the least value that, merged into since, brings it above the receiver: the merge of those parts
	// that are not below since. It shares no memory with either.
	Delta(since *L) L
}

// Settler is implemented by a pointer to a lattice that can tell when a value is as large as it will become.
type Settler interface {
	// Settled reports that no further merge changes the value, other than to report a broken rule of its use, such as a
	// single assignment that was made twice. Once true it stays true. Every query over a settled value is final:
	// no future can change its answer (free termination).
	Settled() bool
}

// Below reports whether a is below or equal to b, that is, whether merging a into b would change nothing. It copies b: O(size of b).
func Below[L any, P Lattice[L]](a, b *L) bool {
	c := Clone[L, P](b)
	return !P(&c).Merge(a)
}
