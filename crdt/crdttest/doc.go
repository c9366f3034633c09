// Package crdttest refutes wrong claims: that a type is a lattice ([CheckLaws], [CheckRandom]), and that a set of
// states is upward closed ([CheckUpSet]).
//
// Hold every lattice of your own to it before a pipeline does, with a handful of samples that a person picked
// and with random ones:
//
//	func TestVotes(t *testing.T) {
//		crdttest.CheckLaws(t, []Votes{none, one, other, both, full})
//		crdttest.CheckRandom(t, 1, 200, randomVotes)
//	}
//
// # What is checked
//
// The laws that stand on [crdt.Lattice], each under its own name ([Law]). Values are compared by their encodings,
// so the encodings are checked first; while they are wrong nothing else is looked at.
//
// # What is not
//
// That no counterexample was found is not a proof. Choose samples that are equal, comparable and incomparable, with
// ties in every field that a merge compares, and with every optional part absent and present. The bottom is always
// added.
//
// A check that could not have failed (no samples, none above the bottom, none in the set) is reported as a failure.
//
// The package imports only the standard library and crdt.
package crdttest
