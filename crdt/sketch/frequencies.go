package sketch

import (
	"encoding/binary"
	"fmt"
	"iter"
	"math"
	"math/bits"
	"strconv"

	"github.com/calmstream/calmstream/crdt"
	"github.com/calmstream/calmstream/crdt/internal/wire"
)

// Frequencies estimates how often each element was counted: a Count-Min sketch (Cormode and Muthukrishnan, 2005) of the
// size that S says. It keeps one grid of counts per origin and merges each count by maximum; the zero Frequencies has
// counted nothing. Use [crdt.Clone] to copy one.
//
// The size belongs to the type, so that sketches of different sizes, which cannot be merged, cannot meet:
//
//	type words struct{}
//
//	func (words) Grid() sketch.Grid { return sketch.Grid{Rows: 5, Columns: 2048} }
//
//	var counts sketch.Frequencies[words]
//
// It stands in the encoding too, and bytes of another size are refused.
//
// An estimate is never below how often the element was counted in this copy, and above it by more than e/Columns of
// all that was counted (0.13 % for 2048) with a probability of at most 1/e^Rows (0.7 % for 5).
//
// An origin names one history of counting, such as the shard of a log: the law is that of a [crdt.GCounter]. Counts saturate.
//
// Memory: 24 bytes, 64 for each origin, and 16 for each count above 0 (up to twice that, as a slice grows): an element
// has Rows counts, some of them shared. When more than a quarter of the grid or 4096 counts are above 0, an origin has 8 bytes
// for each count of the grid, and no more. An addition is O(Rows · log n) in the number of counts, O(Rows) then.
type Frequencies[S Gridded] struct {
	tally tally
}

// Encoding, version 1:
//
//	version | rows | columns | n | (origin | cells) * n   origins ascending; a string each
//	cells   n | (gap | count) * n                         n > 0, by ascending place, count > 0; uvarints
//	gap     the number of places between this and the one before; at first, its number
//
// The places of an element with hash h are, for each row r from 0, r·columns + the high 64 bits of the product of
// columns and mix(h + r·0x9e3779b97f4a7c15), where mix is the last step of murmur3 for 64 bits.

// Grid is the size of a [Frequencies].
type Grid struct {
	// Rows is how many counts an element has, 1 to 16: how sure the bound of the error is. 5 is usual.
	Rows int
	// Columns is how many counts a row has, 1 to 65536: how narrow the bound is. An error is e/Columns of all
	// that was counted, at most, so it is not for elements that are rarer than that.
	Columns int
}

// Gridded is implemented by a type that stands for the size of a [Frequencies]. The method must return the same on every
// zero value at every time. What is out of range is taken as the nearest that is not.
type Gridded interface{ Grid() Grid }

func gridOf[S Gridded]() (rows, columns int) {
	var s S
	g := s.Grid()
	return min(max(g.Rows, 1), 16), min(max(g.Columns, 1), 1<<16)
}

// place is where a row has its count of an element. Hashing the hash again makes the rows independent of each other.
func place(h uint64, row, columns int) uint32 {
	h += uint64(row) * 0x9e3779b97f4a7c15
	h = (h ^ h>>33) * 0xff51afd7ed558ccd
	h = (h ^ h>>33) * 0xc4ceb9fe1a85ec53
	column, _ := bits.Mul64(h^h>>33, uint64(columns))
	return uint32(row*columns) + uint32(column)
}

// Add counts an element n times for an origin and returns the delta: the cumulative counts of that origin where the
// element has its own, or bottom if nothing changed.
func (f *Frequencies[S]) Add(origin, element string, n uint64) (delta Frequencies[S]) {
	if n == 0 {
		return delta
	}
	rows, columns := gridOf[S]()
	h, c := hashOf(element), f.tally.of(origin)
	var list []cell
	for row := range rows {
		at := place(h, row, columns)
		if sum, grew := c.add(at, n, rows*columns); grew {
			if list == nil {
				list = make([]cell, 0, rows)
			}
			list = append(list, cell{at, sum}) // ascending, since the rows are
		}
	}
	if list != nil {
		delta.tally = tally{{origin, cells{list: list}}}
	}
	return delta
}

// Estimate returns about how often the element was counted in this copy: not less, and with the probability that
// the type states not much more.
//
// It is monotone: no merge makes it smaller. But it is no lower bound of the truth, as a [crdt.GCounter] is: it
// may be above. Ask [FrequencyAtLeast], or read it after a seal. O(Rows · number of origins).
func (f *Frequencies[S]) Estimate(element string) (n uint64) {
	rows, columns := gridOf[S]()
	h := hashOf(element)
	n = math.MaxUint64
	for row := range rows {
		at, sum := place(h, row, columns), uint64(0)
		for i := range f.tally {
			sum = saturatingAdd(sum, f.tally[i].cells.get(at))
		}
		n = min(n, sum)
	}
	return n
}

// FrequencyAtLeast holds once the estimate for the element has reached n. It means that the element was counted n
// times, less the error that the type states. FrequencyAtLeast(x, 0) holds always.
func FrequencyAtLeast[S Gridded](element string, n uint64) crdt.UpSet[Frequencies[S]] {
	name := "frequency of " + strconv.Quote(element) + " >= " + strconv.FormatUint(n, 10)
	return crdt.AssertUpSet(name, func(f *Frequencies[S]) bool { return f.Estimate(element) >= n })
}

// Total returns how much was counted in this copy, over all elements and origins: what the error of an estimate is
// measured by. It is monotone, and a lower bound of what was counted everywhere; [TotalAtLeast] asks it. O(size of the grid).
func (f *Frequencies[S]) Total() (n uint64) {
	rows, columns := gridOf[S]()
	for row := range rows {
		from, sum := uint32(row*columns), uint64(0)
		for i := range f.tally {
			for at, n := range f.tally[i].cells.each {
				if from <= at && at < from+uint32(columns) {
					sum = saturatingAdd(sum, n)
				}
			}
		}
		// The rows have equal sums, unless deltas were lost: a row where elements share a count gets along with fewer.
		n = max(n, sum)
	}
	return n
}

// TotalAtLeast holds once n has been counted, over all elements. TotalAtLeast(0) holds always.
func TotalAtLeast[S Gridded](n uint64) crdt.UpSet[Frequencies[S]] {
	return crdt.AssertUpSet("total >= "+strconv.FormatUint(n, 10), func(f *Frequencies[S]) bool { return f.Total() >= n })
}

// Merge takes the larger of each count of each origin and reports whether any grew.
func (f *Frequencies[S]) Merge(other *Frequencies[S]) (grew bool) {
	rows, columns := gridOf[S]()
	return f.tally.merge(other.tally, rows*columns)
}

// Decompose yields each count of each origin alone.
func (f *Frequencies[S]) Decompose() iter.Seq[Frequencies[S]] {
	return parts(f.tally, func(t tally) Frequencies[S] { return Frequencies[S]{t} })
}

// Delta returns the counts that are larger than in since. O(n log m) for n counts here and m there.
func (f *Frequencies[S]) Delta(since *Frequencies[S]) Frequencies[S] {
	return Frequencies[S]{f.tally.delta(since.tally)}
}

// MarshalJSON shows the size and the total. The elements are not known.
func (f Frequencies[S]) MarshalJSON() ([]byte, error) {
	rows, columns := gridOf[S]()
	return fmt.Appendf(nil, `{"rows":%d,"columns":%d,"total":%d}`, rows, columns, f.Total()), nil
}

// AppendBinary appends the encoding of f to b. The error is always nil.
func (f *Frequencies[S]) AppendBinary(b []byte) ([]byte, error) {
	rows, columns := gridOf[S]()
	b = binary.AppendUvarint(append(b, wire.Version1), uint64(rows))
	return f.tally.appendTo(binary.AppendUvarint(b, uint64(columns))), nil
}

// UnmarshalBinary replaces f with the value encoded in data. On an error, which wraps [crdt.ErrCorrupt] or
// [crdt.ErrVersion], f is as before. Bytes of a grid of another size are corrupt.
func (f *Frequencies[S]) UnmarshalBinary(data []byte) error {
	r := wire.Open("Frequencies", data)
	rows, columns := gridOf[S]()
	if a, b := r.Uvarint(), r.Uvarint(); r.OK() && (a != uint64(rows) || b != uint64(columns)) {
		r.Corrupt(fmt.Sprintf("%d rows of %d are the size of another grid: this one has %d of %d", a, b, rows, columns))
	}
	t := readTally(&r, 0, rows*columns)
	if err := r.Close(); err != nil {
		return err
	}
	f.tally = t
	return nil
}
