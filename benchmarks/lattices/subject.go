package lattices

import (
	"fmt"

	"github.com/calmstream/calmstream/crdt"
)

// Workload is a type to measure, whose states have elements, so that one can ask for any number of them.
type Workload struct {
	Name string
	// Fixed says that states have one size, that of Fill(1).
	Fixed bool
	New   func() Subject
}

// Subject is a workload without its types: a state of n elements, and copies of it to be changed.
type Subject interface {
	// Fill makes the state.
	Fill(n int)
	// Ready makes copies of the state, and deltas, for that many updates.
	Ready(updates int)
	// Update makes an update at a copy.
	Update(i int)
	// Merge merges the delta of update i into a copy.
	Merge(i int)
	// Delta takes the difference of the state and one that is ten updates ahead; ok is false for a type that has none.
	Delta() (ok bool)
	// Encode returns the length of the encoding.
	Encode() int
	// Try makes some updates at one copy and merges their deltas at another. It is an error if an update changes nothing, or if the
	// copies differ.
	Try(updates int) error
}

// lattice is what a workload does with its type.
type lattice[L any, P crdt.Lattice[L]] struct {
	// make returns a state with the elements 0 to n-1.
	make func(n int) L
	// change makes element i of a state with n elements at first, and returns the delta. It is called with i from n on.
	change func(x *L, n, i int) L

	n          int
	state      L
	each       int // updates of a copy: no more than it has elements, so that it stays about as large as it was
	copies     []L
	deltas     []L
	ahead      L
	difference L // the last one, which must not be optimised away
	buf        []byte
}

func (s *lattice[L, P]) Fill(n int) {
	s.n, s.state = n, s.make(n)
	s.ahead = crdt.Clone[L, P](&s.state)
	for i := range 10 {
		s.change(&s.ahead, n, n+i)
	}
}

func (s *lattice[L, P]) Ready(updates int) {
	if s.each = min(s.n, updates); s.n == 1 {
		s.each = updates // a fixed size
	}
	s.copies = make([]L, (updates+s.each-1)/s.each)
	for i := range s.copies {
		s.copies[i] = crdt.Clone[L, P](&s.state)
	}
	if s.deltas != nil {
		return
	}
	s.deltas = make([]L, s.each)
	x := crdt.Clone[L, P](&s.state)
	for i := range s.deltas {
		s.deltas[i] = s.change(&x, s.n, s.n+i)
	}
}

func (s *lattice[L, P]) Update(i int) { s.change(&s.copies[i/s.each], s.n, s.n+i%s.each) }

func (s *lattice[L, P]) Merge(i int) { P(&s.copies[i/s.each]).Merge(&s.deltas[i%s.each]) }

func (s *lattice[L, P]) Delta() (ok bool) {
	x, ok := any(&s.ahead).(interface{ Delta(since *L) L })
	if ok {
		s.difference = x.Delta(&s.state)
	}
	return ok
}

func (s *lattice[L, P]) Encode() int {
	s.buf, _ = P(&s.state).AppendBinary(s.buf[:0])
	return len(s.buf)
}

// of is a workload of a type.
func of[L any, P crdt.Lattice[L]](name string, fill func(n int) L, change func(x *L, n, i int) L,
) Workload {
	return Workload{Name: name, New: func() Subject { return &lattice[L, P]{make: fill, change: change} }}
}

// small is a workload of a type whose states have one size.
func small[L any, P crdt.Lattice[L]](name string, change func(x *L, i int) L,
) Workload {
	fill := func(int) (x L) {
		change(&x, 1)
		return x
	}
	w := of[L, P](name, fill, func(x *L, _, i int) L { return change(x, i+1) })
	w.Fixed = true
	return w
}

func (s *lattice[L, P]) Try(updates int) error {
	here, there := crdt.Clone[L, P](&s.state), crdt.Clone[L, P](&s.state)
	if s.n == 1 { // the only update of a fixed size may have been made
		here, there = *new(L), *new(L)
	}
	for i := range updates {
		delta := s.change(&here, s.n, s.n+i)
		if !P(&there).Merge(&delta) {
			return fmt.Errorf("the delta of update %d adds nothing", i)
		}
		if !crdt.Below[L, P](&here, &there) || !crdt.Below[L, P](&there, &here) {
			return fmt.Errorf("copies differ after update %d", i)
		}
	}
	return nil
}
