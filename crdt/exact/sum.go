package exact

import (
	"encoding/binary"
	"encoding/json"
	"math"
	"math/big"
	"strconv"

	"github.com/calmstream/calmstream/crdt"
	"github.com/calmstream/calmstream/crdt/internal/wire"
)

// Sum is a signed sum of integers, and how many they are. For each origin it keeps the number of terms, what the positive ones and
// what the negative ones add up to, with 128 bits each, and merges each by maximum; the zero Sum has no terms. So it is a PN-Counter (Shapiro
// et al., 2011) that does not overflow: no 2^64 terms of 64 bits do. Use [crdt.Clone] to copy one.
//
// Class of reads: Count is monotone, a lower bound, and so are the halves: ask [CountAtLeast], [AddedAtLeast] and [SubtractedAtLeast].
// Int64, Big and Mean are not: a later term can bring them anywhere, so that there is no UpSet over them. Read them after a seal.
//
// A Sum is 64 bytes and, with one origin, needs no other memory; each further origin takes 56 bytes, besides its name.
type Sum struct {
	origins origins[halves, *halves]
}

// Encoding, version 1:
//
//	version | n | (origin | terms | added | subtracted) * n     origins strictly ascending; terms > 0, a uvarint; two wides

// halves is what one origin has added up.
type halves struct {
	n        uint64
	up, down wide
}

func (h *halves) terms() uint64 { return h.n }
func (h *halves) clone() halves { return *h }

func (h *halves) merge(other *halves) (grew bool) {
	if h.n < other.n {
		h.n, grew = other.n, true
	}
	grew = h.up.raise(other.up) || grew
	return h.down.raise(other.down) || grew
}

func (h *halves) addAll(other *halves) {
	h.n = saturatingAdd(h.n, other.n)
	h.up, h.down = h.up.plus(other.up), h.down.plus(other.down)
}

func (h *halves) appendTo(b []byte) []byte {
	return h.down.append(h.up.append(binary.AppendUvarint(b, h.n)))
}

func (h *halves) read(r *wire.Reader) {
	h.n = r.Uvarint()
	h.up = readWide(r)
	h.down = readWide(r)
}

// Add adds a term of origin and returns the delta: all that the origin has added so far. A term of 0 counts too.
func (s *Sum) Add(origin string, term int64) (delta Sum) {
	s.Take(origin, term)
	return Sum{single[halves, *halves](origin, s.origins.of(origin))}
}

// Take is Add without a delta. O(1) for the smallest (normally the only) origin, without allocation; else O(log n).
func (s *Sum) Take(origin string, term int64) {
	h := s.origins.of(origin)
	h.n = saturatingAdd(h.n, 1)
	if term >= 0 {
		h.up = h.up.plus(wide{lo: uint64(term)})
	} else {
		h.down = h.down.plus(wide{lo: -uint64(term)})
	}
}

// AddAll adds, for origin, all terms of other, and returns the delta. That is for two sums of different terms, such as two sessions
// that turn out to be one, where Merge would take the larger of what the same origin has in both.
func (s *Sum) AddAll(origin string, other *Sum) (delta Sum) {
	all := other.totals()
	if all.n == 0 {
		return delta
	}
	h := s.origins.of(origin)
	h.addAll(&all)
	return Sum{single[halves, *halves](origin, h)}
}

// totals adds up the origins.
func (s *Sum) totals() (all halves) {
	for _, h := range s.origins.all {
		all.addAll(h)
	}
	return all
}

// Count returns the number of terms, a lower bound. O(number of origins), as are all reads.
func (s *Sum) Count() uint64 { return s.origins.count() }

// Big returns the sum. It is not monotone: read it after a seal. It is exact if the terms are of 64 bits.
func (s *Sum) Big() *big.Int {
	all := s.totals()
	return all.value()
}

func (h *halves) value() *big.Int {
	up := h.up.big()
	return up.Sub(up, h.down.big())
}

// Int64 returns the sum; ok is false if that is no int64, and sum is then the nearest that is. It is not monotone: read it after
// a seal.
func (s *Sum) Int64() (sum int64, ok bool) {
	v := s.Big()
	switch {
	case v.IsInt64():
		return v.Int64(), true
	case v.Sign() < 0:
		return math.MinInt64, false
	default:
		return math.MaxInt64, false
	}
}

// Mean returns the float64 that is nearest to the average of the terms; ok is false if there are none. It is not monotone: read it
// after a seal.
func (s *Sum) Mean() (mean float64, ok bool) {
	all := s.totals()
	if all.n == 0 {
		return 0, false
	}
	mean, _ = new(big.Rat).SetFrac(all.value(), new(big.Int).SetUint64(all.n)).Float64()
	return mean, true
}

// CountAtLeast holds once there are n terms. CountAtLeast(0) holds always.
func CountAtLeast(n uint64) crdt.UpSet[Sum] {
	return crdt.AssertUpSet(termsName(n), func(s *Sum) bool { return s.Count() >= n })
}

// AddedAtLeast holds once the positive terms add up to n, whatever the negative ones do. AddedAtLeast(0) holds always.
func AddedAtLeast(n uint64) crdt.UpSet[Sum] {
	return crdt.AssertUpSet("added >= "+strconv.FormatUint(n, 10), func(s *Sum) bool {
		all := s.totals()
		return all.up.compare(wide{lo: n}) >= 0
	})
}

// SubtractedAtLeast holds once the negative terms add up to -n, whatever the positive ones do. SubtractedAtLeast(0) holds always.
func SubtractedAtLeast(n uint64) crdt.UpSet[Sum] {
	return crdt.AssertUpSet("subtracted >= "+strconv.FormatUint(n, 10), func(s *Sum) bool {
		all := s.totals()
		return all.down.compare(wide{lo: n}) >= 0
	})
}

// Merge takes, for each origin, the larger of each of its numbers and reports whether any grew.
func (s *Sum) Merge(other *Sum) (grew bool) { return s.origins.merge(&other.origins) }

// MarshalJSON shows the sum and the number of terms.
func (s Sum) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		Sum   *big.Int `json:"sum"`
		Count uint64   `json:"count"`
	}{s.Big(), s.Count()})
}

// AppendBinary appends the encoding of s to b. The error is always nil.
func (s *Sum) AppendBinary(b []byte) ([]byte, error) {
	return s.origins.appendTo(append(b, wire.Version1)), nil
}

// UnmarshalBinary replaces s with the value encoded in data. On an error, which wraps [crdt.ErrCorrupt] or
// [crdt.ErrVersion], s is as before.
func (s *Sum) UnmarshalBinary(data []byte) error {
	r := wire.Open("Sum", data)
	var read Sum
	read.origins.read(&r)
	if err := r.Close(); err != nil {
		return err
	}
	*s = read
	return nil
}

func termsName(n uint64) string { return "terms >= " + strconv.FormatUint(n, 10) }
