package plan

import "slices"

// Meta is what the engine knows about a record. It travels beside the value.
type Meta struct {
	// Seq and Index are the record's place in its shard's log: the stream sequence of the message and the
	// ordinal of the record within what the message became.
	Seq   uint64
	Index uint32
	// Branch tells apart the ways by which a record can come through a union; 0 is the only way, or the first.
	Branch uint32
	// Time is the event time in nanoseconds since 1970.
	Time int64
	// Frontier is the largest event time that the record's source shard had seen before it. With Time it decides, once
	// and for all owners alike, whether the record is late.
	Frontier int64
	// Group says what the record is about, once it is a fact about a key and window; nil before.
	Group *Group
}

// Group is what a fact is about.
type Group struct {
	// Key is the text of the key.
	Key string
	// Whole says that the fact is about a whole window and has no key. An empty key is a key like any other.
	Whole bool
	// Window is the window.
	Window Span
	// Version is how far the state had come that a lower bound was read of; 0 for a fact of which there is only one.
	Version uint64
}

// Batch is a run of records, in order. Batch boundaries carry no meaning: no result may depend on them.
type Batch[T any] struct {
	Meta []Meta
	Val  []T
}

// Len returns the number of records.
func (b *Batch[T]) Len() int { return len(b.Val) }

// Add appends a record.
func (b *Batch[T]) Add(m Meta, v T) {
	b.Meta = append(b.Meta, m)
	b.Val = append(b.Val, v)
}

// Room returns space for n records behind the last one, to be filled from the front; Fill then takes those that were. Writing
// there costs less than Add, which looks after two slices for each record.
func (b *Batch[T]) Room(n int) ([]Meta, []T) {
	b.Meta, b.Val = slices.Grow(b.Meta, n), slices.Grow(b.Val, n)
	at := len(b.Val)
	return b.Meta[at : at+n], b.Val[at : at+n]
}

// Fill appends the first n records that were written to the space Room gave.
func (b *Batch[T]) Fill(n int) {
	at := len(b.Val)
	b.Meta, b.Val = b.Meta[:at+n], b.Val[:at+n]
}

// Truncate keeps the first n records. The room behind them is kept for reuse, and cleared so that it holds on to nothing.
func (b *Batch[T]) Truncate(n int) {
	clear(b.Val[n:])
	clear(b.Meta[n:])
	b.Val, b.Meta = b.Val[:n], b.Meta[:n]
}

// Fact is the state of a key in a window after its seal.
type Fact[K Key, L any] struct {
	Key    K
	Window Span
	Value  L
}

// Bound is what is known of a key in a window before its seal.
type Bound[K Key, V any] struct {
	Key    K
	Window Span
	// Value is a lower bound of what the value will be: merge it with what was known before, and no order or repetition matters.
	Value V
	// Progress is how far the state had come. Of two bounds of a key the one that has come further is the better one.
	Progress uint64
}

// Contribution is what one record adds to the state of a key in a window.
type Contribution[K Key, C any] struct {
	Key K
	// Start is the start of the window.
	Start int64
	Value C
}

// RowChange is what became of a row of a table at an instant.
type RowChange[K Key, T any] struct {
	Key K `json:"key"`
	// Value is what the row is from then on, unless it is deleted.
	Value   T    `json:"value"`
	Deleted bool `json:"deleted,omitempty"`
}

// Ranked is an entry of a ranking.
type Ranked[K, N Key] struct {
	Key   K `json:"key"`
	Score N `json:"score"`
}
