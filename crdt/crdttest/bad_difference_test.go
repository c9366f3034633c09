package crdttest_test

import (
	"iter"
	"maps"
)

// The sets of this file come apart well. Their Delta is wrong.

// different is what they have in common: D says how to make a delta.
type different[D difference] struct{ bits }

type difference interface {
	delta(of, since *bits) bits
}

func (s *different[D]) Merge(o *different[D]) bool { return s.add(o.keys()) }

func (s *different[D]) Decompose() iter.Seq[different[D]] {
	return each(s.keys(), func(b bits) different[D] { return different[D]{b} })
}

func (s *different[D]) Delta(since *different[D]) different[D] {
	var d D
	return different[D]{d.delta(&s.bits, &since.bits)}
}

// all is everything, needed or not.
type all struct{}

func (all) delta(of, _ *bits) bits { return letters(string(of.keys())) }

// fewer lacks a key.
type fewer struct{}

func (fewer) delta(of, since *bits) bits {
	b := of.minus(since)
	for _, k := range b.keys() {
		delete(b.m, k)
		break
	}
	return b
}

// taking moves the keys out of the set.
type taking struct{}

func (taking) delta(of, since *bits) bits {
	b := of.minus(since)
	for k := range b.m {
		delete(of.m, k)
	}
	return b
}

// giving brings since up to date.
type giving struct{}

func (giving) delta(of, since *bits) bits {
	b := of.minus(since)
	since.add(b.keys())
	return b
}

// lendingDelta is the map of the set if that is the difference.
type lendingDelta struct{}

func (lendingDelta) delta(of, since *bits) bits {
	if b := of.minus(since); !maps.Equal(b.m, of.m) {
		return b
	}
	return *of
}

// lendingSince is the map of since if there is no difference and since is empty.
type lendingSince struct{}

func (lendingSince) delta(of, since *bits) bits {
	if len(of.m)+len(since.m) == 0 {
		return *since
	}
	return of.minus(since)
}

// copying copies on write: it shares its map with its delta and lets the delta think that it owns it.
type copying struct {
	bits
	shared bool
}

func (s *copying) Merge(o *copying) bool {
	if s.shared {
		s.m, s.shared = maps.Clone(s.m), false
	}
	return s.add(o.keys())
}

func (s *copying) Decompose() iter.Seq[copying] {
	return each(s.keys(), func(b bits) copying { return copying{bits: b} })
}

func (s *copying) Delta(since *copying) copying {
	if b := s.minus(&since.bits); !maps.Equal(b.m, s.m) {
		return copying{bits: b}
	}
	s.shared = true
	return copying{bits: s.bits}
}
