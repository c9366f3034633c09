package sketch

import (
	"encoding/binary"
	"fmt"
	"slices"
	"strconv"

	"github.com/bits-and-blooms/bloom/v3"
	"github.com/calmstream/calmstream/crdt"
	"github.com/calmstream/calmstream/crdt/internal/wire"
)

// Membership remembers which elements were added: a Bloom filter (Bloom, 1970) of the size that S says. It merges by
// union; the zero Membership has none. Use [crdt.Clone] to copy one.
//
// The size belongs to the type, so that filters of different sizes, which cannot be merged, cannot meet:
//
//	type visitors struct{}
//
//	func (visitors) Filter() sketch.Filter { return sketch.Filter{Elements: 100_000, Bits: 10} }
//
//	var seen sketch.Membership[visitors]
//
// It stands in the encoding too, and bytes of another size are refused. An element that was added is always found. One
// that was not is found by mistake once in 2^Bits times when the filter has as many elements as it was made for,
// more often when it has more.
//
// Small sets are the list of their hashes, and exact: up to 1024 elements, and no more than the filter has words of
// 64 bits. Memory: 32 bytes and 8 for each element of the list (up to twice that, as a slice grows); above that 1.44
// bits for each unit of Elements times Bits, whatever is in it.
//
// It has no least delta between two states: elements share bits, so that what one state has more than another
// comes apart in many ways. The delta of Add is one hash.
type Membership[S Filtered] struct {
	set set[filter[S], *filter[S]]
}

// Encoding, version 1:
//
//	version | words | bits | n | hash * n         up to limit hashes, ascending; 8 bytes each, big endian
//	version | words | bits | limit+1 | word * words   more: 8 bytes each, big endian, not all of them 0
//
//	words   uvarint: Elements * Bits * 1.4427 / 64, rounded up, at most 2^25
//	bits    uvarint: how many bits stand for an element
//	limit   the smaller of 1024 and words
//
// Where the bits of a hash stand is given by bits-and-blooms/bloom for its 8 bytes, big endian: bit i is in word i/64, and there
// has the value 2^(i%64).

// Filter is the size of a [Membership].
type Filter struct {
	// Elements is for how many elements the filter is made. At least 1.
	Elements uint64
	// Bits is how many bits stand for an element, 1 to 32: one element in 2^Bits is found by mistake. 10 is usual
	// (0.1 %) and makes a filter of 14.4 bits for each element.
	Bits int
}

// Filtered is implemented by a type that stands for the size of a [Membership]. The method must return the same on every
// zero value at every time. What is out of range is taken as the nearest that is not; no filter is larger than 2^31 bits.
type Filtered interface{ Filter() Filter }

// maxWords is 2^31 bits, which a uint of 32 bits can number.
const maxWords = 1 << 25

// sizes returns the number of words and of bits an element. It computes in integers: a size must not depend on
// how a machine rounds.
func sizes[S Filtered]() (words int, perElement uint) {
	var s S
	f := s.Filter()
	perElement = uint(min(max(f.Bits, 1), 32))
	n := min(max(f.Elements, 1), 64*maxWords)
	n = (n*uint64(perElement)*14427 + 9999) / 10000 // 1/ln 2 = 1.4427
	return int(min((n+63)/64, maxWords)), perElement
}

// MembershipOf returns the Membership of some elements.
func MembershipOf[S Filtered](elements ...string) (m Membership[S]) {
	for _, x := range elements {
		m.set.add(hashOf(x))
	}
	return m
}

// Add adds an element and returns the delta: the element alone, or bottom if nothing changed.
func (m *Membership[S]) Add(element string) (delta Membership[S]) {
	h := hashOf(element)
	if m.set.add(h) {
		delta.set.list = hashes{h}
	}
	return delta
}

// MayContain reports whether the element may have been added. Yes stays yes, and is right but for the mistakes
// that the type states.
//
// No is not monotone: it says that this copy has not seen the element, and another may have. Act on a no only after a seal.
func (m *Membership[S]) MayContain(element string) bool {
	h := hashOf(element)
	if m.set.all != nil {
		return m.set.all.contains(h)
	}
	return m.set.list.contains(h)
}

// MayContain holds once the element is found in the set, which may be by mistake.
func MayContain[S Filtered](element string) crdt.UpSet[Membership[S]] {
	return crdt.AssertUpSet("may contain "+strconv.Quote(element), func(m *Membership[S]) bool { return m.MayContain(element) })
}

// Merge adds the elements of other and reports whether the receiver grew.
func (m *Membership[S]) Merge(other *Membership[S]) (grew bool) { return m.set.merge(&other.set) }

// MarshalJSON shows the number of elements while they are listed, then how many bits of the filter are set.
func (m Membership[S]) MarshalJSON() ([]byte, error) {
	if m.set.all == nil {
		return fmt.Appendf(nil, `{"elements":%d}`, len(m.set.list)), nil
	}
	f := m.set.all.bloom
	return fmt.Appendf(nil, `{"bits":%d,"set":%d}`, f.Cap(), f.BitSet().Count()), nil
}

// AppendBinary appends the encoding of m to b. The error is always nil.
func (m *Membership[S]) AppendBinary(b []byte) ([]byte, error) {
	words, perElement := sizes[S]()
	b = binary.AppendUvarint(append(b, wire.Version1), uint64(words))
	return m.set.appendTo(binary.AppendUvarint(b, uint64(perElement))), nil
}

// UnmarshalBinary replaces m with the value encoded in data. On an error, which wraps [crdt.ErrCorrupt] or
// [crdt.ErrVersion], m is as before. Bytes of a filter of another size are corrupt.
func (m *Membership[S]) UnmarshalBinary(data []byte) error {
	r := wire.Open("Membership", data)
	words, perElement := sizes[S]()
	if w, p := r.Uvarint(), r.Uvarint(); r.OK() && (w != uint64(words) || p != uint64(perElement)) {
		r.Corrupt(fmt.Sprintf("%d words and %d bits an element are the size of another filter: this one has %d and %d", w, p, words, perElement))
	}
	var read Membership[S]
	read.set.read(&r)
	if err := r.Close(); err != nil {
		return err
	}
	*m = read
	return nil
}

// filter is a Bloom filter of the size that S says.
type filter[S Filtered] struct {
	bloom *bloom.BloomFilter
}

func (*filter[S]) limit() int {
	words, _ := sizes[S]()
	return min(maxListed, words)
}

func (f *filter[S]) reset() {
	words, perElement := sizes[S]()
	f.bloom = bloom.New(uint(words)*64, perElement)
}

func (f *filter[S]) add(h uint64) (grew bool) {
	var key [8]byte
	binary.BigEndian.PutUint64(key[:], h)
	return !f.bloom.TestOrAdd(key[:])
}

func (f *filter[S]) contains(h uint64) bool {
	var key [8]byte
	binary.BigEndian.PutUint64(key[:], h)
	return f.bloom.Test(key[:])
}

func (f *filter[S]) merge(other *filter[S]) (grew bool) {
	mine, theirs := f.bloom.BitSet(), other.bloom.BitSet()
	if mine.IsSuperSet(theirs) {
		return false
	}
	mine.InPlaceUnion(theirs)
	return true
}

func (f *filter[S]) appendTo(b []byte) []byte {
	words := f.bloom.BitSet().Words()
	b = slices.Grow(b, 8*len(words))
	for _, word := range words {
		b = binary.BigEndian.AppendUint64(b, word)
	}
	return b
}

func (f *filter[S]) read(r *wire.Reader) {
	words, perElement := sizes[S]()
	data := r.Take(8 * words)
	all, any := make([]uint64, len(data)/8), uint64(0)
	for i := range all {
		all[i] = binary.BigEndian.Uint64(data[8*i:])
		any |= all[i]
	}
	if any == 0 {
		r.Corrupt("the filter is empty")
		return
	}
	f.bloom = bloom.FromWithM(all, uint(words)*64, perElement)
}
