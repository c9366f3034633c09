// Package exact holds signed sums that are exact, whatever the order of their terms.
//
//	[Sum]         of integers: 128 bits, with the number of terms, so that it is an average too
//	[DecimalSum]  of decimals with a fixed number of digits behind the point, such as money: see [Decimal]
//	[FloatSum]    of floating-point numbers, rounded once, when it is read
//
// # Basics
//
// They are lattices as those of package crdt: the zero value is the bottom and ready for use, every update returns its
// delta, and merges may come in any order and any number of times.
//
//	var here, there exact.Sum
//	delta := here.Add("shard-0", -3)
//	there.Merge(&delta)
//	there.Merge(&delta)                         // twice does no harm
//	exact.SubtractedAtLeast(3).Holds(&there)    // true, for ever
//
// Addition is not idempotent, so that they keep for each origin how many terms there were, what the positive ones and what the
// negative ones add up to. Each of the three only grows and merges by maximum. The origin has the law of a
// [crdt.GCounter]: it names one history, such as the shard of a log, and all who add under it add the same terms in the same
// order.
//
// # Reading
//
// How many terms there were, and each of the two halves, are lower bounds, and have an [crdt.UpSet]. The sum itself
// goes up and down, so that there is no threshold on it: what it has reached it can leave again. It converges; read it after a
// seal.
//
// # Determinism
//
// A sum is a function of the terms that it holds, whatever their order and grouping, and so are its bytes, on every architecture.
// Floating-point addition is not associative; a FloatSum adds in fixed point, with as many bits as there must be, and only its reading
// rounds.
//
// # Caveats
//
// As in package crdt a value belongs to one goroutine at a time, methods that only read may run at the same
// time as each other, and a plain copy may share memory with the original: use [crdt.Clone] when both live on.
//
// # Compatibility
//
// As that of package crdt: encodings begin with a version byte, are drawn beside their types, and those written by a
// released version will be read by every later one.
package exact
