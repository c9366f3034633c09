package sketch

import (
	"encoding/binary"
	"iter"
	"slices"
	"strings"

	"github.com/calmstream/calmstream/crdt/internal/wire"
)

// tally has cells for each origin. It merges cell by cell by maximum, which is right because the counts of an origin
// only grow along its one history, and it adds up over origins when it is read.
//
// To keep the version of each origin and let the larger one win would give the same states, but only whole ones: by
// cells a delta is as small as the update, and no two states can have the same version and differ.
type tally []slot // ascending origins, none without cells

type slot struct {
	origin string
	cells  cells
}

func byOrigin(s slot, origin string) int { return strings.Compare(s.origin, origin) }

// of returns the cells of an origin, which are made if it has none yet: they must not stay empty.
func (t *tally) of(origin string) *cells {
	// There are few origins, normally one.
	if len(*t) == 1 && (*t)[0].origin == origin {
		return &(*t)[0].cells
	}
	at, found := slices.BinarySearchFunc(*t, origin, byOrigin)
	if !found {
		*t = slices.Insert(*t, at, slot{origin: origin})
	}
	return &(*t)[at].cells
}

func (t *tally) merge(other tally, width int) (grew bool) {
	for i := range other {
		grew = t.of(other[i].origin).merge(&other[i].cells, width) || grew
	}
	return grew
}

// decompose yields each cell alone.
func (t tally) decompose(yield func(tally) bool) {
	for i := range t {
		for key, n := range t[i].cells.each {
			if !yield(single(t[i].origin, key, n)) {
				return
			}
		}
	}
}

// single returns one cell. Its two slices share an allocation, since each addition makes one.
func single(origin string, key uint32, n uint64) tally {
	var one struct {
		slots [1]slot
		cells [1]cell
	}
	one.cells[0] = cell{key, n}
	one.slots[0] = slot{origin, cells{list: one.cells[:]}}
	return one.slots[:]
}

// delta returns the cells that are larger than in since.
func (t tally) delta(since tally) (delta tally) {
	for i := range t {
		var theirs cells
		if at, found := slices.BinarySearchFunc(since, t[i].origin, byOrigin); found {
			theirs = since[at].cells
		}
		var mine cells
		for key, n := range t[i].cells.each {
			if n > theirs.get(key) {
				mine.list = append(mine.list, cell{key, n})
			}
		}
		if len(mine.list) > 0 {
			delta = append(delta, slot{t[i].origin, mine})
		}
	}
	return delta
}

// parts turns the parts of a tally into those of the type that it is in.
func parts[L any](t tally, as func(tally) L) iter.Seq[L] {
	return func(yield func(L) bool) {
		for part := range t.decompose {
			if !yield(as(part)) {
				return
			}
		}
	}
}

// The encoding of a tally: n | (string | cells) * n, origins ascending.
func (t tally) appendTo(b []byte) []byte {
	b = binary.AppendUvarint(b, uint64(len(t)))
	for i := range t {
		b = t[i].cells.appendTo(wire.AppendString(b, t[i].origin))
	}
	return b
}

func readTally(r *wire.Reader, lowest uint64, width int) (t tally) {
	for left := r.Count(4); left > 0 && r.OK(); left-- {
		// There are few origins and many values, which would otherwise each keep a copy of the name.
		s := slot{origin: r.Origin()}
		if len(t) > 0 && s.origin <= t[len(t)-1].origin {
			r.Corrupt("origins are not ascending")
		}
		s.cells.read(r, lowest, width)
		t = append(t, s)
	}
	return t
}
