// Package crdttest refutes wrong claims: that a type is a lattice, that an update keeps to its rules, that a function may
// be applied to deltas, that the yes of a question is final.
//
// Hold every lattice of your own to it before a pipeline does. One call makes all checks that apply to the type:
//
//	func TestVotes(t *testing.T) {
//		crdttest.Check(t, crdttest.Suite[Votes]{
//			Samples: []Votes{one, other, both, tie, full}, // picked by a person
//			Random:  randomVotes,                          // func(*rand.Rand) Votes
//			Updates: []func(*Votes) Votes{vote, revote},   // each returns its delta
//			UpSets:  []crdt.UpSet[Votes]{quorum},
//		})
//	}
//
//	func FuzzVotes(f *testing.F) { crdttest.Fuzz(f, both, one, full) }
//
// # The checks
//
// Each has two forms: Check… fails a test, and the plain name returns an error that holds a [Violation]: the [Law] that is broken, how, and
// the encodings of the values that break it.
//
//	of a type, all made by Check
//	    ZeroValue     the zero value does what a decoded bottom does, and nothing panics
//	    Laws          the laws that stand on crdt.Lattice, for samples
//	    RandomLaws    the same for random values
//	    Hostile       bytes that nobody encoded do no harm; Fuzz and HostileBytes for the fuzzer
//	    Confluence    any order, any batching and any duplication of values gives one state
//	    Deltas        parts and least differences, if the type is crdt.Decomposable
//	    Settled       a settled value stays, if the type is a crdt.Settler
//	    Mutator       updates grow the state by exactly their delta, at one replica and at several
//	    UpwardClosed  the yes of an UpSet is final
//	of a function
//	    Monotone      from one lattice into another: may be applied to the whole state while it grows
//	    Morphism      may be applied to the deltas
//	    KeepsBottom   may be given nothing but the deltas
//	    Bimorphism    of two arguments, such as a join: may be given the delta of one with the whole of the other
//	    LowerBound    from a lattice into an ordered value, such as a count: what is read early is a bound
//
// Functions must be pure too; the checks see to that.
//
// # Choosing samples
//
// That no counterexample was found is not a proof. Choose samples that are equal, comparable and incomparable, with
// ties in every field that a merge compares, and with every optional part absent and present. The bottom is always
// added. Values are compared by their encodings, so the encodings are checked first; while they are wrong nothing else
// is looked at.
//
// A check that could not have failed (no samples, none above the bottom, none in the set, the same answer for all) is reported as
// a failure: [ErrVacuous].
//
// # What is not checked
//
// What a value means. That Value of a counter is the count takes a test of your own, best against a naive model over random
// histories. Nor is memory that a decoded value keeps, or time.
//
// The package imports only the standard library and crdt.
package crdttest
