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
// Nothing reads a Growing state but Threshold, which asks whether it has reached an upward-closed set and whose answer can
// never be taken back, and Seal, after which it does not change any more. Whatever else one would like to know of
// it depends on what has not arrived yet, and a program that asks does not compile. From a Sealed state every function is allowed.
//
// The functions build a plan; they start nothing, and they do not fail. Mistakes that the types cannot see are
// recorded with the caller's file and line and returned by pipeline.Pipeline's Err, Explain and Run. Functions that
// the user passes must be pure: the same record, the same answer, whoever asks and however often.
package operators
