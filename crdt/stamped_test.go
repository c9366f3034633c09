package crdt_test

import (
	"cmp"
	"slices"

	"pgregory.net/rapid"
)

// stamp is an operation of a register by time. Times, names and values are few, so that ties in all of them occur.
type stamp struct {
	time   int64
	id     string // of an event; a write is named by its origin
	v      int
	delete bool
	k      int8
}

func stamps(keys int) *rapid.Generator[stamp] {
	return rapid.Custom(func(t *rapid.T) stamp {
		s := stamp{
			time:   int64(rapid.IntRange(-1, 2).Draw(t, "time")),
			id:     rapid.SampledFrom([]string{"", "p", "q"}).Draw(t, "id"),
			v:      rapid.IntRange(-1, 1).Draw(t, "v"),
			delete: keys > 0 && rapid.IntRange(0, 2).Draw(t, "delete") == 0,
		}
		if keys > 0 {
			s.k = int8(rapid.IntRange(1, keys).Draw(t, "k"))
		}
		if s.delete {
			s.v = 0
		}
		return s
	})
}

// seenStamp is what a register shows.
type seenStamp struct {
	v    int
	time int64
	id   string
	ok   bool
}

// inOrder sorts the operations known by time, then by name, then values before deletions, then by value: the last one wins.
func inOrder(known []*event[stamp], name func(*event[stamp]) string) []*event[stamp] {
	known = slices.Clone(known)
	slices.SortFunc(known, func(a, b *event[stamp]) int {
		kind := 0
		if a.op.delete != b.op.delete {
			if kind = -1; a.op.delete {
				kind = 1
			}
		}
		return cmp.Or(cmp.Compare(a.op.time, b.op.time), cmp.Compare(name(a), name(b)), kind, cmp.Compare(a.op.v, b.op.v))
	})
	return known
}
