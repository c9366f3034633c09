// Package operators is the language in which pipelines are written: free functions over four handles.
//
//	Stream[T]  --KeyBy-->  Keyed[K,T]  --Count/Sum/Aggregate-->  Growing[K,L]  --Seal-->  Sealed[K,L]
//	   ^                      Window                                 |                        |
//	   +---------------- Threshold (upward-closed only) -------------+                        |
//	   +---------------- TopK, Finals and then any function ----------------------------------+
//
// A Stream is an unbounded sequence of records. KeyBy names an attribute of them, and makes it a Keyed stream; Window
// gives them windows of event time. Count, Sum and Aggregate fold the records of each key and window into a
// lattice, a state that only grows.
//
// The aggregates, each of which folds the records of a key and window into one state:
//
//	[Count], [Sum]                   how many, and what unsigned terms add up to: thresholds at once
//	[CountSigned], [SumSigned]       with retractions: exact behind a seal, thresholds on what was added and subtracted
//	[SumDecimal], [SumFloat]         of decimals and of floating-point numbers, exactly, in any order
//	[Average]                        of integers, from the exact sum and count
//	[Min], [Max], [ArgMin], [ArgMax] the smallest and the largest value, or what has it
//	[TopOf], [BottomOf]              the k best values of a key
//	[Distinct], [ApproxDistinct]     the set of different values, or about how many there are
//	[Quantiles]                      medians and percentiles
//	[First], [Last]                  by event time
//	[Collect]                        the records themselves, a bounded number of them
//	[Aggregate], [Cogroup]           any lattice
//	[Reduce]                         any function that is claimed to be associative and commutative
//
// None of them depends on the order of the records, nor on how they are spread over shards. [Deduplicate] passes each id once.
//
// What joins two inputs by a key, and what it waits for:
//
//	[Join], [LeftJoin], [OuterJoin]  streams, over an interval of event time: pairs leave at once, what has no match behind its seal
//	[Enrich], [LeftEnrich]           a stream and a table that is written once: at once; that there is no entry, behind a seal
//	[Lookup], [LeftLookup]           a stream and a [Table] that changes, as of the time of each record: behind a seal
//	[JoinTables] and its kin         two tables, at each instant at which one changes: behind a seal
//	[AntiJoin]                       what has no match in an interval: behind a seal
//	[Minus], [MinusKeys]             elements, or keys, that one stream has in a window and the other has not: behind a seal
//	[Cogroup]                        two streams in one lattice: lower bounds at once, exact behind a seal
//
// Nothing reads a Growing state but Threshold, which asks whether it has reached an upward-closed set and whose answer can
// never be taken back, and Seal, after which it does not change any more. Whatever else one would like to know of
// it depends on what has not arrived yet, and a program that asks does not compile. From a Sealed state every function is allowed.
//
// What seals a state: [Watermark], [Punctuation], [RecordedCut] and [EndOfInput] its windows; [Keys] its keys, by the values of an
// attribute that follows from the key ([Determines]); [SealWhen] the evidence in it.
//
// The functions build a plan; they start nothing, and they do not fail. Mistakes that the types cannot see are
// recorded with the caller's file and line and returned by pipeline.Pipeline's Err, Explain and Run. Functions that
// the user passes must be pure: the same record, the same answer, whoever asks and however often.
package operators
