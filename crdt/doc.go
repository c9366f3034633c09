// Package crdt holds values that only grow, and the questions about them that are safe to ask early.
//
// There are three nouns. A lattice ([Lattice]) is a value with a Merge that may be called in any order, in
// any grouping and any number of times, so that copies which have seen the same updates are equal. An
// [UpSet] is a yes-or-unknown question whose yes is final. A [Verdict] says what an answer is worth.
//
// # Basics
//
// The zero value of every type is its bottom ("nothing known yet") and is ready for use. Every update
// returns its delta, the small value that brings any other copy to the same state when merged:
//
//	var here, there crdt.GCounter
//	delta := here.Add("shard-0", 3)
//	there.Merge(&delta)
//	there.Merge(&delta)                       // twice does no harm
//	crdt.AtLeast(3).Holds(&there)             // true, for ever
//
// The types:
//
//	[GCounter]        a count that only grows, per origin
//	[PNCounter]       a count that goes up and down
//	[BoundedCounter]  one that does not go below 0, without coordination
//	[GSet]            a set that only grows
//	[TwoPhaseSet]     a set from which elements can be removed for ever
//	[Max]             the largest value seen
//	[Min]             the smallest value seen
//	[Bool]            a fact that becomes known
//	[Map]             a lattice for each key
//
// # Laws
//
// The laws stand on [Lattice]. Package crdttest checks them for these types and for yours.
//
// Updates are inflationary: a value after an update is never below the value before it. There is no setter
// and no reset, since with them the outcome would depend on the order of merges; a removal is a fact more, not one less.
//
// # Reading
//
// Methods such as Value, Len and Get return what this copy knows: a lower bound of the truth. Code that
// branches on them (==, <, an else) may contradict itself later. Ask an UpSet instead, or read after
// the input is sealed. An UpSet never answers no; there is no Not.
//
// # Caveats
//
// A value belongs to one goroutine at a time; methods that only read (all but the updates, Merge and
// UnmarshalBinary) may run at the same time as each other.
//
// Types that hold elements or origins share memory with a plain copy of the struct. Hand a value over by assignment, but use
// [Clone] when both copies live on.
//
// An origin of a GCounter must have one history: a worker that restarts, or a second worker, may count
// under the same origin only if it repeats the same counts in the same order. Use names of shards, never
// of workers or of requests.
//
// # Compatibility
//
// Encodings begin with a version byte and are drawn in encoding.go or beside the type. Encodings written by a released version
// will be read by every later one.
package crdt
