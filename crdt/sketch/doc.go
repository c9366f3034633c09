// Package sketch holds lattices that answer approximately in little memory: how many different elements, how
// often each, which ones, and how values are distributed.
//
//	[Distinct]     how many different elements (HyperLogLog)
//	[Membership]   which elements (Bloom filter)
//	[Frequencies]  how often each element (Count-Min sketch)
//	[Quantiles]    how values are distributed (DDSketch)
//
// # Basics
//
// They are lattices as those of package crdt: the zero value is the bottom and ready for use, every update returns its
// delta, and merges may come in any order and any number of times.
//
//	var here, there sketch.Distinct
//	delta := here.Add("ada")
//	there.Merge(&delta)
//	there.Merge(&delta)                            // twice does no harm
//	sketch.DistinctAtLeast(1).Holds(&there)        // true, for ever
//
// Distinct and Membership keep something of each element, so that to see it twice is to see it once. Frequencies and
// Quantiles add counts up, which is not idempotent: they keep one set of counts per origin, each of which only grows, and
// add up when they are read. The origin has the law of a [crdt.GCounter]: it names one history, such as the shard of a
// log, and all who count under it count the same things in the same order.
//
// # Reading
//
// Each type states how far its answers are from the truth about what this copy has seen, and which of them only
// grow. Those have an [crdt.UpSet]. That its yes is final means that no later state takes it back; it does not make
// an estimate exact.
//
// # Determinism
//
// A state is a function of the updates that it holds, and so are its bytes and its answers, on every architecture: states are
// integers, and the little floating point in the answers uses only operations that IEEE 754 rounds exactly.
//
// # Caveats
//
// Elements are hashed by xxhash64 with seed 0, always. Whoever chooses elements on purpose can choose ones that
// collide: do not take decisions about an adversary from a sketch.
//
// As in package crdt a value belongs to one goroutine at a time, methods that only read may run at the same
// time as each other, and a plain copy shares memory with the original: use [crdt.Clone] when both live on.
//
// # Compatibility
//
// As that of package crdt: encodings begin with a version byte, are drawn beside their types, and those written by a
// released version will be read by every later one. Hashes and where they lead are part of them.
package sketch
