package crdt

import (
	"fmt"
	"iter"
	"slices"
	"sort"
)

// DotStore is the contract of a dot store whose type is S: what stands behind the dots of a context that are still in force
// (Almeida, Shoker, Baquero, JPDC 2018, §7.3). The stores of this package are
//
//	[DotSet]   dots and nothing else
//	[DotFun]   a value of a lattice for each dot
//	[DotMap]   a store for each key, to any depth
//
// and those of the causal types, which give them their verbs: [AWSetStore], [RWSetStore], [MVRegisterStore], [EWFlagStore],
// [DWFlagStore], [ORCounterStore]. A store alone is no lattice: merging two needs to know what each side has
// heard of. [Causal] pairs a store with its context, and is one.
//
// The rules of a merge are those of the paper, dot by dot: a dot in both stores stays, and what it stands for is merged; a dot in one
// store stays if the other side has not heard of it, and goes if it has, for then the other side has removed it.
// A dot stands at one place. If two stores have it at different places, its origin has had two histories: the dot goes, everywhere
// alike.
//
// Stores change in two ways only: by their methods that take a [Clock], in a call of Update, and by merging. The zero value
// of a store is empty. The interface is closed: the methods behind it must agree with each other to the last
// dot. A struct that embeds one of the stores is a store as well, with more methods.
type DotStore[S any] interface {
	*S

	// core returns the store itself, for a struct that embeds one.
	core() store
}

// store is what a dot store does, dot by dot. Arguments of type store are of the receiver's own type.
type store interface {
	// base is the table behind a store that adds an index to one, else the store itself.
	base() store
	empty() bool
	// least returns the first dot. The store is not empty.
	least() Dot
	has(d Dot) bool
	// dots yields the dots in any order. It returns false if yield did.
	dots(yield func(Dot) bool) bool
	// between appends the first dots of d's origin that are numbered from d's to hi, at most limit of them, ascending.
	between(d Dot, hi uint64, limit int, to []Dot) []Dot

	// put copies what from has at d, which the receiver lacks.
	put(d Dot, from store)
	// merge merges what from has at d, which the receiver has too. It reports false for same, and does nothing, if from has it at
	// another place.
	merge(d Dot, from store) (grew, same bool)
	// below reports whether merge would change nothing.
	below(d Dot, other store) bool
	// remove takes out d and reports whether it was there.
	remove(d Dot) bool
	// fill makes the receiver, which is empty, a copy of from.
	fill(from store)

	append(b []byte, w *dotWriter) ([]byte, error)
	// read fills the receiver, which is empty. Errors are the reader's.
	read(r *dotReader)
}

// sortedDots yields the dots of a store, by origin and number.
func sortedDots(s store) iter.Seq[Dot] {
	return func(yield func(Dot) bool) {
		var all []Dot
		s.dots(func(d Dot) bool {
			all = append(all, d)
			return true
		})
		slices.SortFunc(all, Dot.compare)
		for _, d := range all {
			if !yield(d) {
				return
			}
		}
	}
}

// Clock gives dots to the updates of one origin, and notes what they did. It is handed to the function of an
// Update and must not be kept.
type Clock struct {
	context *DotContext
	origin  origin
	// The fresh dots and those that were in a store and went. Most updates touch no more than two: the first are here and
	// not in a slice, so that a Clock can live on the stack.
	first   [2]Dot
	further []Dot
	n       int
}

// fresh returns a dot that no update has had. ok is false if the origin has used them all, after 2^64-1 updates, or if
// the clock is for removals only: then there is no update.
func (c *Clock) fresh() (d Dot, ok bool) {
	if c.origin == (origin{}) {
		return d, false
	}
	if d = c.context.next(c.origin); d.n == 0 {
		return d, false
	}
	c.context.add(d, d.n)
	c.note(d)
	return d, true
}

// updates returns the context of what was done.
func (c *Clock) updates() (context DotContext) {
	for d := range c.touched(0) {
		context.add(d, d.n)
	}
	return context
}

// gone notes that a dot was taken out of the store.
func (c *Clock) gone(d Dot) { c.note(d) }

func (c *Clock) note(d Dot) {
	if c.n < len(c.first) {
		c.first[c.n] = d
	} else {
		c.further = append(c.further, d)
	}
	c.n++
}

// touched yields what was noted, without the first skip.
func (c *Clock) touched(skip int) iter.Seq[Dot] {
	return func(yield func(Dot) bool) {
		for i := skip; i < c.n; i++ {
			d := c.first[min(i, len(c.first)-1)]
			if i >= len(c.first) {
				d = c.further[i-len(c.first)]
			}
			if !yield(d) {
				return
			}
		}
	}
}

// dotPlace is where a dot stands in an encoding: the place of its origin among those of the context, and its number. It
// is written as a step from the one before:
//
//	dot   origin step | number     both uvarint; the number is less that of the dot before if the origin step is 0
//
// Before the first dot of a state stands number 0 of the first origin.
type dotPlace struct {
	origin int
	n      uint64
}

// placeOf returns the place of d, which is not before p.
func (p dotPlace) placeOf(d Dot, origins []origin) dotPlace {
	i := p.origin
	if origins[i] != d.origin {
		name := d.origin.Value()
		i += 1 + sort.Search(len(origins)-i-1, func(j int) bool { return origins[i+1+j].Value() >= name })
	}
	return dotPlace{i, d.n}
}

type dotWriter struct {
	typ     string   // for errors
	origins []origin // of the context
	at      dotPlace // of the dot before
}

// dot appends d, which comes after the dot before.
func (w *dotWriter) dot(b []byte, d Dot) []byte {
	next := w.at.placeOf(d, w.origins)
	n := next.n
	if next.origin == w.at.origin {
		n -= w.at.n
	}
	b = appendUvarint(appendUvarint(b, uint64(next.origin-w.at.origin)), n)
	w.at = next
	return b
}

// fail says where an encoding failed.
func (w *dotWriter) fail(err error, where string) error {
	return fmt.Errorf("crdt: encode %s: %s: %w", w.typ, where, err)
}

// dotReader reads what a dotWriter wrote, and refuses dots that are not in the context.
type dotReader struct {
	*reader
	context *DotContext
	origins []origin
	at      dotPlace
}

func (r *dotReader) dot() (d Dot) {
	step, n := r.uvarint(), r.uvarint()
	switch {
	case r.err != nil:
		return d
	case step >= uint64(len(r.origins)-r.at.origin):
		r.corrupt("a dot has an origin that is not in the context")
		return d
	case n == 0 || step == 0 && r.at.n+n < n:
		r.corrupt("dots are not ascending")
		return d
	case step == 0:
		n += r.at.n
	}
	r.at = dotPlace{r.at.origin + int(step), n}
	if d = (Dot{origin: r.origins[r.at.origin], n: n}); !r.context.Contains(d) {
		r.corrupt("a dot is not in the context")
	}
	return d
}

// fail makes the error of a value that of the reader.
func (r *dotReader) fail(err error, where string) {
	if r.err == nil {
		r.err = fmt.Errorf("crdt: decode %s: %s, ending at byte %d: %w", r.typ, where, r.reader.at, err)
	}
}
