package operators

import "github.com/calmstream/calmstream/internal/plan"

// Stream is an unbounded sequence of records of type T. The zero Stream is of no use: a pipeline that writes it
// reports the mistake.
type Stream[T any] = plan.Stream[T]

// Keyed is a stream whose records have a key of type K, and a window of event time (the global one, unless Window says
// otherwise).
type Keyed[K Key, T any] = plan.Keyed[K, T]

// Growing is a state of the lattice type L for each key and window. It has no accessor: only Threshold, Bounds and Seal lead on.
type Growing[K Key, L any] = plan.Growing[K, L]

// Sealed is a state of type L for each key and window that has received all its input.
type Sealed[K Key, L any] = plan.Sealed[K, L]

// Stateful is what an operator with state yields: a [Growing], or the [Stream] of a join, a lookup, a difference or a Deduplicate. A
// Stream of any other operator is one too as far as the compiler can see; whoever needs a state reports it as a mistake.
type Stateful = plan.StateHandle

// Key is the constraint on key types: strings and integers, and types made of them. They are ordered and have one canonical
// encoding each.
type Key = plan.Key

// Span is a window of event time, [Start, End) in nanoseconds since 1970.
type Span = plan.Span

// Final is the state of a key in a window after its seal.
type Final[K Key, L any] = plan.Fact[K, L]

// Ranked is an entry of a ranking: a key and its score.
type Ranked[K, N Key] = plan.Ranked[K, N]
