package crdt

import (
	"encoding/json"
	"fmt"
	"iter"
)

// Pair is two lattices side by side: their product. It merges each with its like, and neither knows of the other. The zero
// Pair is two bottoms. Pairs of pairs make wider products.
//
// A and B are the lattices and PA and PB their pointers, for example Pair[GCounter, *GCounter, GSet[string], *GSet[string]].
//
// It asks nothing of its users but what A and B ask. A delta of a Pair may hold a change of one side or of both: what is to be seen
// together must travel in one delta.
//
// Class of reads: that of the component. A question that is monotone of one side is so of the pair: see First and Second. What
// compares the two sides (first = second, first - second) is not monotone: read it after a seal.
//
// Its size is that of both. Use [Clone] to copy one.
type Pair[A any, PA Lattice[A], B any, PB Lattice[B]] struct {
	first  A
	second B
}

// PairOf returns the pair of a and b, which is the delta of an update of both. It keeps no reference to memory of either.
func PairOf[A, B any, PA Lattice[A], PB Lattice[B]](a A, b B) Pair[A, PA, B, PB] {
	return Pair[A, PA, B, PB]{first: Clone[A, PA](&a), second: Clone[B, PB](&b)}
}

// First returns the first component itself, to read it. Update it through UpdateFirst, which gives the delta of the pair.
func (p *Pair[A, PA, B, PB]) First() *A { return &p.first }

// Second returns the second component itself, to read it. Update it through UpdateSecond, which gives the delta of the pair.
func (p *Pair[A, PA, B, PB]) Second() *B { return &p.second }

// UpdateFirst calls update with the first component, to be updated by its own methods, and returns the delta of the pair for
// the delta that update returns:
//
//	delta := p.UpdateFirst(func(c *crdt.GCounter) crdt.GCounter { return c.Add("shard-0", 1) })
//
// The delta is merged in any case, so that update may also just make one. It is handed over and must share no memory with the
// component; what the updates of this package return does not.
func (p *Pair[A, PA, B, PB]) UpdateFirst(update func(first *A) (delta A)) (delta Pair[A, PA, B, PB]) {
	delta.first = update(&p.first)
	PA(&p.first).Merge(&delta.first)
	return delta
}

// UpdateSecond is UpdateFirst for the second component.
func (p *Pair[A, PA, B, PB]) UpdateSecond(update func(second *B) (delta B)) (delta Pair[A, PA, B, PB]) {
	delta.second = update(&p.second)
	PB(&p.second).Merge(&delta.second)
	return delta
}

// Merge merges both components and reports whether either grew.
func (p *Pair[A, PA, B, PB]) Merge(other *Pair[A, PA, B, PB]) (grew bool) {
	grew = PA(&p.first).Merge(&other.first)
	return PB(&p.second).Merge(&other.second) || grew
}

// Settled reports that both components are settled. A component that is no [Settler] never is.
func (p *Pair[A, PA, B, PB]) Settled() bool {
	a, ok := any(PA(&p.first)).(Settler)
	if !ok || !a.Settled() {
		return false
	}
	b, ok := any(PB(&p.second)).(Settler)
	return ok && b.Settled()
}

// Conflict reports that a component is a conflict, such as that of a [Point].
func (p *Pair[A, PA, B, PB]) Conflict() bool {
	type conflicter interface{ Conflict() bool }
	if a, ok := any(PA(&p.first)).(conflicter); ok && a.Conflict() {
		return true
	}
	b, ok := any(PB(&p.second)).(conflicter)
	return ok && b.Conflict()
}

// Decompose yields the parts of the first component, each with a bottom beside it, and then those of the second. A component whose type
// is not [Decomposable] is one part.
func (p *Pair[A, PA, B, PB]) Decompose() iter.Seq[Pair[A, PA, B, PB]] {
	return func(yield func(Pair[A, PA, B, PB]) bool) {
		for part := range partsOf[A, PA](&p.first) {
			if !yield(Pair[A, PA, B, PB]{first: part}) {
				return
			}
		}
		for part := range partsOf[B, PB](&p.second) {
			if !yield(Pair[A, PA, B, PB]{second: part}) {
				return
			}
		}
	}
}

// Delta returns the deltas of both components. It is the least delta if both are [Decomposable].
func (p *Pair[A, PA, B, PB]) Delta(since *Pair[A, PA, B, PB]) Pair[A, PA, B, PB] {
	return Pair[A, PA, B, PB]{
		first:  deltaOf[A, PA](&p.first, &since.first),
		second: deltaOf[B, PB](&p.second, &since.second),
	}
}

// First holds once the first component of a pair is in u. The types of both sides are given: First[GCounter, GSet[string]](u).
func First[A, B any, PA Lattice[A], PB Lattice[B]](u UpSet[A]) UpSet[Pair[A, PA, B, PB]] {
	return UpSet[Pair[A, PA, B, PB]]{
		name:  "first (" + u.String() + ")",
		holds: func(p *Pair[A, PA, B, PB]) bool { return u.Holds(&p.first) },
	}
}

// Second holds once the second component of a pair is in u. The types of both sides are given: Second[GCounter, GSet[string]](u).
func Second[A, B any, PA Lattice[A], PB Lattice[B]](u UpSet[B]) UpSet[Pair[A, PA, B, PB]] {
	return UpSet[Pair[A, PA, B, PB]]{
		name:  "second (" + u.String() + ")",
		holds: func(p *Pair[A, PA, B, PB]) bool { return u.Holds(&p.second) },
	}
}

// MarshalJSON shows an object with first and second.
func (p Pair[A, PA, B, PB]) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		First  *A `json:"first"`
		Second *B `json:"second"`
	}{&p.first, &p.second})
}

// Encoding, version 1:
//
//	Pair   version | value | value     first and second, which may be bottom

// AppendBinary appends the encoding of p to b. An error is that of a component; b is then returned as it was.
func (p *Pair[A, PA, B, PB]) AppendBinary(b []byte) ([]byte, error) {
	start := len(b)
	b, err := appendValue[A, PA](append(b, version1), &p.first)
	if err != nil {
		return b[:start], fmt.Errorf("crdt: encode Pair: first: %w", err)
	}
	if b, err = appendValue[B, PB](b, &p.second); err != nil {
		return b[:start], fmt.Errorf("crdt: encode Pair: second: %w", err)
	}
	return b, nil
}

// UnmarshalBinary replaces p with the value encoded in data. On an error p is as before. The error wraps [ErrCorrupt],
// [ErrVersion] or that of a component.
func (p *Pair[A, PA, B, PB]) UnmarshalBinary(data []byte) error {
	r := open("Pair", data)
	first, second := r.bytes(), r.bytes()
	if err := r.close(); err != nil {
		return err
	}
	var q Pair[A, PA, B, PB]
	if err := PA(&q.first).UnmarshalBinary(first); err != nil {
		return fmt.Errorf("crdt: decode Pair: first: %w", err)
	}
	if err := PB(&q.second).UnmarshalBinary(second); err != nil {
		return fmt.Errorf("crdt: decode Pair: second: %w", err)
	}
	*p = q
	return nil
}
