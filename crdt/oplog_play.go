package crdt

import (
	"encoding"
	"fmt"
)

// Outcome is what operations are played into: any type with a binary form, in which archives keep it. The form must be
// deterministic.
type Outcome[B any] interface {
	*B
	encoding.BinaryAppender
	encoding.BinaryUnmarshaler
}

// Played is what the operations of a log amount to. Err is set if the archive is not the binary form of a B: it
// was compacted into another type.
type Played[B any] struct {
	Value B
	Err   error
}

// Play is the query for what the operations of a log amount to: apply is called with each in the one order, on what is
// archived or else the zero B. It is not monotone. The name is for plans; apply must depend on nothing but its arguments.
//
// Op-based types are such queries: a counter adds up its operations, a set runs its additions and removals.
func Play[T Ordered, B any, P Outcome[B]](name string, apply func(b *B, op T)) NonMonotone[OpLog[T], Played[B]] {
	return ExactRead(name, func(l *OpLog[T]) (p Played[B]) {
		if p.Err = restore[T, B, P](l, &p.Value); p.Err != nil {
			return p
		}
		for _, op := range l.All() {
			apply(&p.Value, op)
		}
		return p
	})
}

func restore[T Ordered, B any, P Outcome[B]](l *OpLog[T], b *B) error {
	if l.archive.size() == 0 {
		return nil
	}
	if err := P(b).UnmarshalBinary([]byte(l.archive.state)); err != nil {
		return fmt.Errorf("crdt: the archive of the log is no %T: %w", *b, err)
	}
	return nil
}

// Reports is what each member of a log has heard of, as far as is known: a lattice, merged like any other.
type Reports = Map[string, DotContext, *DotContext]

// CompactLog plays for good, and forgets one by one, the operations that are causally stable: those that every member has heard
// of, up to the first in the one order that is not. It returns how many those are. All copies must use the same members and
// the same apply, which is that of [Play]. The delta of it is the log's own.
//
// Members are all who ever append, by the name of their origin; that they are fixed is what makes stability a threshold. One that
// does not report blocks compaction, and nothing else. Nothing is compacted either while an operation that a member has
// reported of itself is missing here, since it might belong in between.
func CompactLog[T Ordered, B any, P Outcome[B]](l *OpLog[T], members []string, reports *Reports, apply func(b *B, op T)) (compacted int, err error) {
	stable, ok := l.stable(members, reports)
	if !ok {
		return 0, nil
	}
	var b B
	if err := restore[T, B, P](l, &b); err != nil {
		return 0, err
	}
	next := OpLog[T]{archive: archive{dots: Clone(&l.archive.dots)}}
	for _, e := range l.inOrder() {
		if !stable(e.d) {
			break
		}
		apply(&b, e.v.op)
		next.archive.dots.Add(e.d)
		compacted++
	}
	if compacted == 0 {
		return 0, nil
	}
	state, err := P(&b).AppendBinary(nil)
	if err != nil {
		return 0, fmt.Errorf("crdt: the outcome of the log does not encode: %w", err)
	}
	next.archive.state = string(state)
	l.Merge(&next)
	return compacted, nil
}

// stable returns the question whether every member has heard of a dot. It is not ok while a member has not reported, or has
// reported an operation of its own that is missing here.
func (l *OpLog[T]) stable(members []string, reports *Reports) (stable func(Dot) bool, ok bool) {
	heard := make([]*DotContext, 0, len(members))
	for _, name := range members {
		report := reports.entries.find(name)
		if report == nil {
			return nil, false
		}
		for d := range report.All() {
			if d.Origin() == name && !l.Has(d) {
				return nil, false
			}
		}
		heard = append(heard, report)
	}
	return func(d Dot) bool {
		for _, report := range heard {
			if !report.Contains(d) {
				return false
			}
		}
		return true
	}, len(members) > 0
}
