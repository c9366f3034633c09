package crdttest_test

import (
	"iter"
	"maps"
	"slices"
)

// The lattices of this file are sets that merge and encode well and come apart badly.

func letters(s string) (b bits) {
	b.add([]byte(s))
	return b
}

// each yields the set of each key alone.
func each[L any](keys []byte, of func(bits) L) iter.Seq[L] {
	return func(yield func(L) bool) {
		for _, k := range keys {
			if !yield(of(letters(string(k)))) {
				return
			}
		}
	}
}

// minus is a correct delta.
func (s *bits) minus(since *bits) bits {
	return letters(string(slices.DeleteFunc(s.keys(), func(k byte) bool { return since.m[k] })))
}

// apart comes apart well.
type apart struct{ bits }

func (s *apart) Merge(o *apart) bool { return s.add(o.keys()) }

func (s *apart) Decompose() iter.Seq[apart] {
	return each(s.keys(), func(b bits) apart { return apart{b} })
}

func (s *apart) Delta(since *apart) apart { return apart{s.minus(&since.bits)} }

// whole has itself as its only part.
type whole struct{ bits }

func (s *whole) Merge(o *whole) bool { return s.add(o.keys()) }

func (s *whole) Decompose() iter.Seq[whole] {
	return func(yield func(whole) bool) {
		if len(s.m) > 0 {
			yield(whole{letters(string(s.keys()))})
		}
	}
}

func (s *whole) Delta(since *whole) whole {
	if b := s.minus(&since.bits); len(b.m) == 0 {
		return whole{b}
	}
	return whole{letters(string(s.keys()))}
}

// pairwise has parts of two keys.
type pairwise struct{ bits }

func (s *pairwise) Merge(o *pairwise) bool { return s.add(o.keys()) }

func (s *pairwise) Decompose() iter.Seq[pairwise] {
	return func(yield func(pairwise) bool) {
		keys := s.keys()
		size := 1 + len(keys)/3
		for part := range slices.Chunk(keys, size) {
			if !yield(pairwise{letters(string(part))}) {
				return
			}
		}
	}
}

func (s *pairwise) Delta(since *pairwise) pairwise { return pairwise{s.minus(&since.bits)} }

// twice has one of its parts twice.
type twice struct{ bits }

func (s *twice) Merge(o *twice) bool { return s.add(o.keys()) }

func (s *twice) Decompose() iter.Seq[twice] {
	keys := s.keys()
	if len(keys) > 1 {
		keys = append(keys, keys[0])
	}
	return each(keys, func(b bits) twice { return twice{b} })
}

func (s *twice) Delta(since *twice) twice { return twice{s.minus(&since.bits)} }

// hollow has the bottom as a part of itself.
type hollow struct{ bits }

func (s *hollow) Merge(o *hollow) bool { return s.add(o.keys()) }

func (s *hollow) Decompose() iter.Seq[hollow] {
	if len(s.m) == 0 {
		return func(yield func(hollow) bool) { yield(hollow{}) }
	}
	return each(s.keys(), func(b bits) hollow { return hollow{b} })
}

func (s *hollow) Delta(since *hollow) hollow { return hollow{s.minus(&since.bits)} }

// lossy leaves a part out.
type lossy struct{ bits }

func (s *lossy) Merge(o *lossy) bool { return s.add(o.keys()) }

func (s *lossy) Decompose() iter.Seq[lossy] {
	keys := s.keys()
	return each(keys[:max(min(1, len(keys)), len(keys)-1)], func(b bits) lossy { return lossy{b} })
}

func (s *lossy) Delta(since *lossy) lossy {
	var rest lossy
	for part := range s.Decompose() {
		rest.Merge(&part)
	}
	return lossy{rest.minus(&since.bits)}
}

// shuffled comes apart in the order of the map.
type shuffled struct{ bits }

func (s *shuffled) Merge(o *shuffled) bool { return s.add(o.keys()) }

func (s *shuffled) Decompose() iter.Seq[shuffled] {
	return each(slices.Collect(maps.Keys(s.m)), func(b bits) shuffled { return shuffled{b} })
}

func (s *shuffled) Delta(since *shuffled) shuffled { return shuffled{s.minus(&since.bits)} }

// historic comes apart in the order in which keys were added, which its encoding does not have.
type historic struct {
	bits
	order []byte
}

func (s *historic) Merge(o *historic) (grew bool) {
	for _, k := range o.order {
		if s.add([]byte{k}) {
			s.order = append(s.order, k)
			grew = true
		}
	}
	return grew
}

func (s *historic) UnmarshalBinary(data []byte) error {
	err := s.bits.UnmarshalBinary(data)
	s.order = s.keys()
	return err
}

func (s *historic) Decompose() iter.Seq[historic] {
	return each(s.order, func(b bits) historic { return historic{b, b.keys()} })
}

func (s *historic) Delta(since *historic) historic {
	b := s.minus(&since.bits)
	return historic{b, b.keys()}
}

// draining loses a key each time that it is taken apart.
type draining struct{ bits }

func (s *draining) Merge(o *draining) bool { return s.add(o.keys()) }

func (s *draining) Decompose() iter.Seq[draining] {
	keys := s.keys()
	for _, k := range keys {
		delete(s.m, k)
		break
	}
	return each(keys, func(b bits) draining { return draining{b} })
}

func (s *draining) Delta(since *draining) draining { return draining{s.minus(&since.bits)} }

// tainted gains a key when it is taken apart for the last time.
type tainted struct {
	bits
	times int
}

func (s *tainted) Merge(o *tainted) bool { return s.add(o.keys()) }

func (s *tainted) Decompose() iter.Seq[tainted] {
	keys := s.keys()
	if s.times++; s.times == 16 {
		s.add([]byte{'z'})
	}
	return each(keys, func(b bits) tainted { return tainted{bits: b} })
}

func (s *tainted) Delta(since *tainted) tainted { return tainted{bits: s.minus(&since.bits)} }

// unstoppable goes on when the loop has ended.
type unstoppable struct{ bits }

func (s *unstoppable) Merge(o *unstoppable) bool { return s.add(o.keys()) }

func (s *unstoppable) Decompose() iter.Seq[unstoppable] {
	return func(yield func(unstoppable) bool) {
		for _, k := range s.keys() {
			yield(unstoppable{letters(string(k))})
		}
	}
}

func (s *unstoppable) Delta(since *unstoppable) unstoppable { return unstoppable{s.minus(&since.bits)} }

// sharing is its own only part where it has one key.
type sharing struct{ bits }

func (s *sharing) Merge(o *sharing) bool { return s.add(o.keys()) }

func (s *sharing) Decompose() iter.Seq[sharing] {
	if len(s.m) == 1 {
		return func(yield func(sharing) bool) { yield(*s) }
	}
	return each(s.keys(), func(b bits) sharing { return sharing{b} })
}

func (s *sharing) Delta(since *sharing) sharing { return sharing{s.minus(&since.bits)} }

// renting copies on write: it lets its only part share its map, but not the other way round.
type renting struct {
	bits
	shared bool
}

func (s *renting) Merge(o *renting) bool {
	if s.shared {
		s.m, s.shared = maps.Clone(s.m), false
	}
	return s.add(o.keys())
}

func (s *renting) Decompose() iter.Seq[renting] {
	if len(s.m) == 1 {
		return func(yield func(renting) bool) { yield(renting{s.bits, true}) }
	}
	return each(s.keys(), func(b bits) renting { return renting{bits: b} })
}

func (s *renting) Delta(since *renting) renting { return renting{bits: s.minus(&since.bits)} }
