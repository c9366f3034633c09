package plan

import "github.com/calmstream/calmstream/crdt"

// The four handles have distinct field names and a leading phantom field, so that neither a
// conversion between two handles nor one between two instances of the same handle compiles. The fields are unexported
// and this package is internal, so that only the DSL can make or open a handle.

// Stream is an unbounded sequence of records of type T.
type Stream[T any] struct {
	_      [0]func(T)
	stream *Node
}

// Keyed is a stream whose records have been given a key of type K, and perhaps windows.
type Keyed[K Key, T any] struct {
	_     [0]func(K, T)
	keyed *Node
}

// Growing is a state of type L for each key (and window) that only grows. Nothing reads it but a
// threshold, a seal or Bounds.
type Growing[K Key, L any] struct {
	_       [0]func(K, L)
	growing *Node
}

// Sealed is a state of type L for each key (and window) that will not change any more.
type Sealed[K Key, L any] struct {
	_      [0]func(K, L)
	sealed *Node
}

// SharedState is a growing state that may be asked from outside of its pipeline.
type SharedState[K Key, L any] struct {
	_      [0]func(K, L)
	shared *Node
	values StateCodec[L]
}

// StateCodec is what those who ask a state from outside need of its lattice.
type StateCodec[L any] struct {
	Append func(b []byte, v *L) ([]byte, error)
	Decode func(data []byte) (L, error)
	// Seal asserts, for a reason, that a state will not change any more; Settled says so of one that shows it.
	Seal    func(reason string, state *L) crdt.Sealed[L]
	Settled func(state *L) (crdt.Sealed[L], bool)
}

// NewStream wraps a node.
func NewStream[T any](n *Node) Stream[T] { return Stream[T]{stream: n} }

// NewKeyed wraps a node.
func NewKeyed[K Key, T any](n *Node) Keyed[K, T] { return Keyed[K, T]{keyed: n} }

// NewGrowing wraps a node.
func NewGrowing[K Key, L any](n *Node) Growing[K, L] { return Growing[K, L]{growing: n} }

// NewSealed wraps a node.
func NewSealed[K Key, L any](n *Node) Sealed[K, L] { return Sealed[K, L]{sealed: n} }

// NewShared wraps a node.
func NewShared[K Key, L any](n *Node, values StateCodec[L]) SharedState[K, L] {
	return SharedState[K, L]{shared: n, values: values}
}

// OfShared opens a handle. The node of a zero handle is nil.
func OfShared[K Key, L any](h SharedState[K, L]) (*Node, StateCodec[L]) { return h.shared, h.values }

// OfStream opens a handle. The node of a zero handle is nil.
func OfStream[T any](h Stream[T]) *Node { return h.stream }

// OfKeyed opens a handle. The node of a zero handle is nil.
func OfKeyed[K Key, T any](h Keyed[K, T]) *Node { return h.keyed }

// OfGrowing opens a handle. The node of a zero handle is nil.
func OfGrowing[K Key, L any](h Growing[K, L]) *Node { return h.growing }

// OfSealed opens a handle. The node of a zero handle is nil.
func OfSealed[K Key, L any](h Sealed[K, L]) *Node { return h.sealed }

// StateHandle is the handle of an operator that keeps state: a Growing, or the Stream that it yields.
type StateHandle interface{ keeper() *Node }

func (h Stream[T]) keeper() *Node     { return h.stream }
func (h Growing[K, L]) keeper() *Node { return h.growing }

// OfState returns the node that keeps the state behind a handle, or else the node of the handle; nil for a zero handle.
func OfState(h StateHandle) *Node {
	if h == nil {
		return nil
	}
	n := h.keeper()
	if n != nil && n.Keeper != nil {
		return n.Keeper
	}
	return n
}
