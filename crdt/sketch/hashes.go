package sketch

import (
	"encoding/binary"
	"slices"

	"github.com/calmstream/calmstream/crdt/internal/wire"
	"github.com/cespare/xxhash/v2"
)

// hashOf is the only thing that a sketch knows of an element: xxhash64 with seed 0.
func hashOf(element string) uint64 { return xxhash.Sum64String(element) }

// maxListed is the number of hashes up to which a set is a list of them, and so exact. It bounds what an insertion moves
// to 8 KiB, and a list of that length is half the size of the registers of a Distinct.
const maxListed = 1024

// hashes is a set of hashes, ascending.
type hashes []uint64

func (s hashes) contains(h uint64) bool {
	_, found := slices.BinarySearch(s, h)
	return found
}

// insert reports whether h is new.
func (s *hashes) insert(h uint64) bool {
	at, found := slices.BinarySearch(*s, h)
	if !found {
		*s = slices.Insert(*s, at, h)
	}
	return !found
}

// union adds the hashes of other and reports whether any was new. It keeps no memory of other.
func (s *hashes) union(other hashes) (grew bool) {
	if len(other) == 1 {
		return s.insert(other[0])
	}
	var fresh hashes
	at := 0
	for _, h := range other {
		i, found := slices.BinarySearch((*s)[at:], h)
		if at += i; !found {
			fresh = append(fresh, h)
		}
	}
	*s = weave(*s, fresh, func(a, b uint64) bool { return a > b })
	return len(fresh) > 0
}

// weave merges two ascending lists that have nothing in common into the first, from the back.
func weave[T any](a, b []T, above func(a, b T) bool) []T {
	i, j := len(a)-1, len(b)-1
	a = append(a, b...)
	for w := len(a) - 1; j >= 0; w-- {
		if i >= 0 && above(a[i], b[j]) {
			a[w] = a[i]
			i--
		} else {
			a[w] = b[j]
			j--
		}
	}
	return a
}

// digest is what a set is kept as when it has become too large to list. Its zero value is empty and does not work before
// reset.
type digest[D any] interface {
	*D

	// limit is how many hashes are listed at most. It does not read the receiver, which may be nil.
	limit() int
	reset()
	add(h uint64) (grew bool)
	merge(other *D) (grew bool)
	appendTo(b []byte) []byte
	// read replaces the receiver. An error sticks to r.
	read(r *wire.Reader)
}

// set is a set of hashes: a list of them up to a limit, a digest of them above it.
//
// Which of the two it is depends on the number of different hashes only, not on the order in which they came, so equal sets have
// equal bytes. It is a lattice because it is the image of one: let h(S) be S up to the limit and the digest of S above;
// then h(S ∪ T) can be computed from h(S) and h(T), and that is the merge. A list is never above a digest; a digest
// is above those lists whose digest is below it.
type set[D any, P digest[D]] struct {
	list hashes
	all  *D // nil while the hashes are listed
}

func (s *set[D, P]) add(h uint64) (grew bool) {
	if s.all != nil {
		return P(s.all).add(h)
	}
	if grew = s.list.insert(h); grew {
		s.shorten()
	}
	return grew
}

func (s *set[D, P]) merge(other *set[D, P]) (grew bool) {
	switch {
	case other.all != nil && s.all != nil:
		return P(s.all).merge(other.all)
	case other.all != nil:
		s.digest()
		P(s.all).merge(other.all)
		return true
	case s.all != nil:
		for _, h := range other.list {
			grew = P(s.all).add(h) || grew
		}
		return grew
	}
	if grew = s.list.union(other.list); grew {
		s.shorten()
	}
	return grew
}

// shorten replaces a list that has become too long by its digest.
func (s *set[D, P]) shorten() {
	if len(s.list) > P(nil).limit() {
		s.digest()
	}
}

func (s *set[D, P]) digest() {
	s.all = new(D)
	P(s.all).reset()
	for _, h := range s.list {
		P(s.all).add(h)
	}
	s.list = nil
}

// The encoding of a set: n | hash * n, ascending, or, if there are more than limit hashes, limit+1 | digest. A hash has 8
// bytes, big endian.
func (s *set[D, P]) appendTo(b []byte) []byte {
	if s.all != nil {
		return P(s.all).appendTo(binary.AppendUvarint(b, uint64(P(nil).limit())+1))
	}
	b = binary.AppendUvarint(slices.Grow(b, 2+8*len(s.list)), uint64(len(s.list)))
	for _, h := range s.list {
		b = binary.BigEndian.AppendUint64(b, h)
	}
	return b
}

// read reads what appendTo wrote, up to the end of r.
func (s *set[D, P]) read(r *wire.Reader) {
	n := r.Uvarint()
	switch limit := uint64(P(nil).limit()); {
	case n > limit+1:
		r.Corrupt("more hashes are announced than are listed")
	case n == limit+1:
		s.all = new(D)
		P(s.all).read(r)
	default:
		s.list = readHashes(r, int(n))
	}
}

func readHashes(r *wire.Reader, n int) hashes {
	data := r.Take(8 * n)
	list := make(hashes, 0, len(data)/8)
	for ; len(data) > 0; data = data[8:] {
		h := binary.BigEndian.Uint64(data)
		if len(list) > 0 && h <= list[len(list)-1] {
			r.Corrupt("hashes are not ascending")
			return nil
		}
		list = append(list, h)
	}
	return list
}
