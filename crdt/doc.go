// Package crdt holds values that only grow, and the questions about them that are safe to ask early.
//
// There are three nouns. A lattice ([Lattice]) is a value with a Merge that may be called in any order, in
// any grouping and any number of times, so that copies which have seen the same updates are equal. A query is a function
// of such a value; its class says when it may be read. A [Verdict] says what an answer is worth.
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
//	[Max], [Min]      the largest and the smallest value seen
//	[Bool]            a fact that becomes known
//	[Map]             a lattice for each key
//	[Pair]            two lattices side by side
//	[Lex]             a lattice under a key, of which the higher key wins
//	[Point]           a value assigned once; a second one is a conflict
//	[Versioned]       the newest state of a deterministic fold; two states of one version are a conflict
//
// Some keep the time of the caller:
//
//	[LWWRegister], [LWWMap]      the last write
//	[LastByTime], [FirstByTime]  the value of the last and of the first event
//
// Causal types, whose updates have a [Dot] each, so that removing leaves no tombstone:
//
//	[AWSet], [RWSet]    a set in which adding wins, or removing, over what was made at the same time
//	[MVRegister]        the last writes, all of them if they were made at the same time
//	[EWFlag], [DWFlag]  a switch in which on wins, or off
//	[ORMap]             a map of such, from which keys can be removed
//	[ORCounter]         a count from which what was counted can be removed
//	[DotContext]        which updates are known: a version vector with exceptions
//	[OpLog]             the operations themselves in causal order, to be played
//
// and [Causal] makes further ones out of [DotSet], [DotFun], [DotMap] and the stores of the types above.
//
// For streams:
//
//	[Frontier]          how far each shard is complete: the lattice of watermarks, read against a [Registry]
//	[SealedSet]         a set that says how many elements it will have
//	[Intervals]         instants that are covered: sessions
//	[MaxK], [MinK]      the k best values
//	[ArgMax], [ArgMin]  the best score and its key
//	[TopK], [BottomK]   the k keys with the best scores
//	[Ledger], [Tally]   signed sums that are exact under redelivery, by id and by origin
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
// branches on them (==, <, an else) may contradict itself later. Ask a query instead, after "Keep CALM and CRDT On" §3:
// the classes of queries are distinct types, and what a copy must not answer yet does not compile.
//
//	class          law                         read on            its answers are
//	[UpSet]        s ≤ t and u(s) give u(t)    any state          true (stable), or unknown
//	[Choice]       one UpSet at most holds     any state          one of several (stable), or unknown
//	[Morphism]     f(s⊔t) = f(s)⊔f(t)          any state, delta   lower bounds ([Floor])
//	[Monotone]     s ≤ t gives f(s) ≤ f(t)     any state          lower bounds ([Floor])
//	[Relation]     rows stay                   thresholds only    true (stable), or unknown
//	[NonMonotone]  none                        [Sealed] states    final
//
// A threshold never answers no; there is no Not. A state is sealed with evidence ([SealWhen], [SealSettled]). What has no
// evidence is loud: [Stale] reads, and each claim that begins with Assert.
//
// # Caveats
//
// A value belongs to one goroutine at a time; methods that only read (all but the updates, Merge and
// UnmarshalBinary) may run at the same time as each other.
//
// Types that hold elements, origins or dots share memory with a plain copy of the struct. Hand a value over by assignment, but use
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
