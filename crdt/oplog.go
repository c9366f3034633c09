package crdt

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"iter"
	"slices"
)

// OpLog is a log of operations that only grows, in their causal order: the lattice that op-based types (CmRDTs) hide ("Keep CALM
// and CRDT On", §2.2, "CmRDTs"). Each operation has a [Dot] and knows which ones its origin had heard of before it. Logs
// merge by union; the zero OpLog is empty. Use [Clone] to copy one.
//
// What the operations amount to is a query over the log: [Play] runs them in an order that agrees with causality and is
// the same for all copies. It is not monotone, since an operation may come in between; read it after a seal. That an operation is
// known, and how many are, is monotone: [Logged], [OpsAtLeast].
//
// A log would grow for ever. Where the members that write are fixed, an operation that all of them have heard of (causal
// stability: Baquero, Almeida, Shoker, "Pure Operation-Based Replicated Data Types", 2017) can be played for good: see
// [CompactLog]. An archive is a beginning of the one order, so that the longer of two holds the shorter one.
//
// Memory: about 100 bytes for each operation and 24 for each origin that it has heard of, besides the operation itself.
type OpLog[T Ordered] struct {
	archive archive
	ops     dotTable[logged[T]]
	// heard has every dot that is archived, logged, or known to an operation that is. It follows from the others.
	heard DotContext
}

// logged is an operation and what its origin had heard of before it.
type logged[T Ordered] struct {
	op  T
	saw DotContext
}

// archive is what has been played for good: the operations, and what they amount to, as the user encodes it.
type archive struct {
	dots     DotContext
	state    string
	diverged bool
}

// size is the number of operations in the archive. Archives of one size are of the same operations.
func (a *archive) size() uint64 { return a.dots.Count() }

// Append logs an operation of an origin and returns the delta: the log of that operation alone. Only the origin itself may use
// its name, on a copy that has all its operations. O(log n) and a copy of what has been heard of.
func (l *OpLog[T]) Append(origin string, op T) (delta OpLog[T]) {
	d := l.heard.Next(origin)
	if d == (Dot{}) {
		return delta
	}
	e := logged[T]{op: op, saw: Clone(&l.heard)}
	l.log(d, e)
	delta.log(d, logged[T]{op: op, saw: Clone(&e.saw)})
	return delta
}

// log adds an operation that is neither logged nor archived.
func (l *OpLog[T]) log(d Dot, e logged[T]) {
	l.ops.insert(d, e)
	l.heard.Merge(&e.saw)
	l.heard.Add(d)
}

// Heard returns what this copy has heard of: a member reports it for [CompactLog].
func (l *OpLog[T]) Heard() DotContext { return Clone(&l.heard) }

// Has reports whether an operation is known: logged or archived.
func (l *OpLog[T]) Has(d Dot) bool { return l.archive.dots.Contains(d) || l.ops.find(d) != nil }

// Count returns how many operations are known, a lower bound. O(number of origins).
func (l *OpLog[T]) Count() uint64 { return saturatingAdd(l.archive.size(), uint64(l.ops.len())) }

// Len returns how many operations are kept one by one, because they are not archived.
func (l *OpLog[T]) Len() int { return l.ops.len() }

// Diverged reports that two copies have archived the same operations with different outcomes: the function they were played
// with is not deterministic, or an origin that is no member has written. A longer archive hides it.
func (l *OpLog[T]) Diverged() bool { return l.archive.diverged }

// All yields the operations that are not archived in the one order: first those that have heard of fewer, then by dot. An
// operation has heard of more than each that it has heard of, so that causes come before effects. O(n log n).
func (l *OpLog[T]) All() iter.Seq2[Dot, T] {
	return func(yield func(Dot, T) bool) {
		for _, e := range l.inOrder() {
			if !yield(e.d, e.v.op) {
				return
			}
		}
	}
}

func (l *OpLog[T]) inOrder() []*dotted[logged[T]] {
	type ranked struct {
		heard uint64
		e     *dotted[logged[T]]
	}
	all := make([]ranked, 0, l.ops.len())
	for e := range l.ops.all {
		all = append(all, ranked{e.v.saw.Count(), e})
	}
	slices.SortFunc(all, func(a, b ranked) int { return cmp.Or(cmp.Compare(a.heard, b.heard), a.e.d.compare(b.e.d)) })
	out := make([]*dotted[logged[T]], len(all))
	for i := range all {
		out[i] = all[i].e
	}
	return out
}

// Merge adds the operations of other and reports whether any was new, or other's archive longer.
func (l *OpLog[T]) Merge(other *OpLog[T]) (grew bool) {
	if l == other {
		return false
	}
	grew = l.adopt(&other.archive)
	for e := range other.ops.all {
		if !l.Has(e.d) {
			l.log(e.d, logged[T]{op: e.v.op, saw: Clone(&e.v.saw)})
			grew = true
		}
	}
	return grew
}

// adopt takes the longer archive. Of two of one size that differ, which should not be, it takes the same for all copies.
func (l *OpLog[T]) adopt(a *archive) (grew bool) {
	mine, theirs := l.archive.size(), a.size()
	switch {
	case theirs < mine || theirs == 0:
		return false
	case theirs > mine:
		l.archive = archive{dots: Clone(&a.dots), state: a.state, diverged: a.diverged}
		l.heard.Merge(&a.dots)
		l.dropArchived()
		return true
	}
	order := a.compare(&l.archive)
	diverged := l.archive.diverged || a.diverged || order != 0
	if grew = diverged != l.archive.diverged || order > 0; order > 0 {
		l.archive.dots, l.archive.state = Clone(&a.dots), a.state
		l.heard.Merge(&a.dots)
		l.dropArchived()
	}
	l.archive.diverged = diverged
	return grew
}

// compare orders archives of one size. They are equal, unless a rule was broken.
func (a *archive) compare(b *archive) int {
	mine, _ := a.dots.AppendBinary(nil) // never fails
	theirs, _ := b.dots.AppendBinary(nil)
	return cmp.Or(cmp.Compare(a.state, b.state), bytes.Compare(mine, theirs))
}

func (l *OpLog[T]) dropArchived() {
	var gone []Dot
	for e := range l.ops.all {
		if l.archive.dots.Contains(e.d) {
			gone = append(gone, e.d)
		}
	}
	for _, d := range gone {
		l.ops.remove(d)
	}
}

// Decompose yields the archive, if there is one, and the log of each operation alone, by dot.
func (l *OpLog[T]) Decompose() iter.Seq[OpLog[T]] {
	return func(yield func(OpLog[T]) bool) {
		if l.archive.size() > 0 {
			var part OpLog[T]
			if part.adopt(&l.archive); !yield(part) {
				return
			}
		}
		for e := range l.ops.all {
			var part OpLog[T]
			if part.log(e.d, logged[T]{op: e.v.op, saw: Clone(&e.v.saw)}); !yield(part) {
				return
			}
		}
	}
}

// Delta returns the operations that since lacks, and the archive if it is longer. O(n log m).
func (l *OpLog[T]) Delta(since *OpLog[T]) (delta OpLog[T]) {
	probe := OpLog[T]{archive: archive{Clone(&since.archive.dots), since.archive.state, since.archive.diverged}}
	if probe.adopt(&l.archive) {
		delta.adopt(&l.archive)
	}
	for e := range l.ops.all {
		if !since.Has(e.d) {
			delta.log(e.d, logged[T]{op: e.v.op, saw: Clone(&e.v.saw)})
		}
	}
	return delta
}

// Logged holds once the operation d is known.
func Logged[T Ordered](d Dot) UpSet[OpLog[T]] {
	return UpSet[OpLog[T]]{
		name:  "logged " + d.String(),
		holds: func(l *OpLog[T]) bool { return l.Has(d) },
	}
}

// OpsAtLeast holds once n operations are known.
func OpsAtLeast[T Ordered](n uint64) UpSet[OpLog[T]] {
	return UpSet[OpLog[T]]{
		name:  fmt.Sprintf("operations >= %d", n),
		holds: func(l *OpLog[T]) bool { return l.Count() >= n },
	}
}

// MarshalJSON shows how many operations are archived, and the others in the one order.
func (l OpLog[T]) MarshalJSON() ([]byte, error) {
	type operation struct {
		Dot string `json:"dot"`
		Op  T      `json:"op"`
	}
	ops := []operation{}
	for d, op := range l.All() {
		ops = append(ops, operation{d.String(), op})
	}
	return json.Marshal(struct {
		Archived   uint64      `json:"archived,omitempty"`
		Diverged   bool        `json:"diverged,omitempty"`
		Operations []operation `json:"operations"`
	}{l.archive.size(), l.archive.diverged, ops})
}
