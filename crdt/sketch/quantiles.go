package sketch

import (
	"encoding/json"
	"iter"
	"math"
	"math/bits"
	"strconv"

	"github.com/calmstream/calmstream/crdt"
	"github.com/calmstream/calmstream/crdt/internal/wire"
)

// Quantiles estimates how values are distributed, with a relative error of at most 1/128 (0.79 %) at every quantile:
// a DDSketch (Masson et al., VLDB 2019) over integers, with bins that halve their resolution at each power of two (§2.2
// there, the linear interpolation of the logarithm). It keeps one count per origin and bin and merges each by
// maximum; the zero Quantiles has counted nothing. Use [crdt.Clone] to copy one.
//
// Values are integers, as elsewhere in crdt: scale to nanoseconds, bytes or cents. So the bin of a value is exact
// arithmetic on its bits, and the same on every machine. Values from -127 to 127 have a bin each.
//
// An origin names one history of counting, such as the shard of a log: the law is that of a [crdt.GCounter]. Counts saturate.
//
// Memory: 24 bytes, 64 for each origin, and 16 for each of its bins in use (up to twice that, as a slice grows): values
// that span a factor of ten use up to 213 bins. From 2049 bins on an origin has 64 KiB and no more. An addition is O(log n) in the
// number of bins of its origin.
type Quantiles struct {
	tally tally
}

// Encoding, version 1:
//
//	version | n | (origin | cells) * n    origins ascending; a string each
//	cells   n | (gap | count) * n         n > 0, by ascending bin, count > 0; uvarints
//	gap     the number of bins between this and the one before; at first, its number
//
// The number of a bin is 4096 plus, for a value v ≥ 0, 64e + (v shifted right by e), where e is how many bits v has
// more than 7, or 0 if it has not more; for a value below 0 it is 4096 minus that of -v.
const (
	binBits = 7
	zeroBin = 4096
	bins    = 2 * zeroBin

	lowestBin  = zeroBin - 3712 // of -2^63
	highestBin = zeroBin + 3711 // of 2^63-1
)

// magnitude is the number of the bin of u, counted from that of 0.
func magnitude(u uint64) int32 {
	e := max(bits.Len64(u)-binBits, 0)
	return int32(e)<<(binBits-1) + int32(u>>e)
}

// least is the smallest number in the bin with that magnitude; its bin has step numbers.
func least(magnitude int32) (u, step uint64) {
	e := max(magnitude>>(binBits-1)-1, 0)
	return uint64(magnitude-e<<(binBits-1)) << e, 1 << e
}

func binOf(v int64) uint32 {
	if v < 0 {
		return uint32(zeroBin - magnitude(-uint64(v)))
	}
	return uint32(zeroBin + magnitude(uint64(v)))
}

// middle is a value of which each in the bin differs by 1/128 of itself at most.
func middle(bin uint32) int64 {
	if bin < zeroBin {
		u, step := least(zeroBin - int32(bin))
		return -int64(min(u+step/2, math.MaxInt64)) // 1 off for the bin of MinInt64 alone
	}
	u, step := least(int32(bin) - zeroBin)
	return int64(u + step/2)
}

// edges returns the smallest and the largest value of a bin.
func edges(bin uint32) (low, high int64) {
	if bin < zeroBin {
		u, step := least(zeroBin - int32(bin))
		if u > math.MaxInt64 { // its bin is that of MinInt64 alone
			return math.MinInt64, math.MinInt64
		}
		return -int64(u + step - 1), -int64(u)
	}
	u, step := least(int32(bin) - zeroBin)
	return int64(u), int64(u + step - 1)
}

// Add counts n values v for an origin and returns the delta: the cumulative count of that origin and bin, or bottom if
// nothing changed.
func (q *Quantiles) Add(origin string, v int64, n uint64) (delta Quantiles) {
	if n == 0 {
		return delta
	}
	bin := binOf(v)
	if sum, grew := q.tally.of(origin).add(bin, n, bins); grew {
		delta.tally = single(origin, bin, sum)
	}
	return delta
}

// Take counts a value for an origin, as Add does, without a delta.
func (q *Quantiles) Take(origin string, v int64) { q.tally.of(origin).add(binOf(v), 1, bins) }

// AddAll counts, for an origin, all values of other. That is for two states that counted different values, such as two sessions that
// turn out to be one, where Merge would take the larger of what the same origin has in both.
func (q *Quantiles) AddAll(origin string, other *Quantiles) {
	for i := range other.tally {
		for key, n := range other.tally[i].cells.each {
			q.tally.of(origin).add(key, n, bins)
		}
	}
}

// Count returns how many values were counted in this copy, over all origins: exactly, and a lower bound of how many were counted
// everywhere. It is monotone; [ValuesAtLeast] and [ValuesAtMost] ask it. O(number of bins).
func (q *Quantiles) Count() uint64 { return q.between(0, bins) }

// between adds up the counts of the bins from one to below another.
func (q *Quantiles) between(from, to uint32) (sum uint64) {
	for i := range q.tally {
		for bin, n := range q.tally[i].cells.each {
			if from <= bin && bin < to {
				sum = saturatingAdd(sum, n)
			}
		}
	}
	return sum
}

// Quantile returns the value at fraction f of the values counted, ascending: the smallest for 0, the median for 0.5, the
// largest for 1. Exactly, if x is the value at index f·(Count-1), rounded down, from 0, what is returned differs from x by
// |x|/128 at most. What is below 0 or NaN is taken as 0, what is above 1 as 1; ok is false if nothing was counted.
//
// It is not monotone: any later value may move it up or down. Read it after a seal, or ask [ValuesAtLeast]. O(number of bins).
func (q *Quantiles) Quantile(f float64) (v int64, ok bool) {
	count := q.Count()
	if count == 0 {
		return 0, false
	}
	rank := rankOf(f, count-1)
	sums := make([]uint64, bins)
	for i := range q.tally {
		for bin, n := range q.tally[i].cells.each {
			sums[bin] = saturatingAdd(sums[bin], n)
		}
	}
	bin, below := -1, uint64(0)
	for below <= rank { // they add up to count, which is more
		bin++
		below = saturatingAdd(below, sums[bin])
	}
	return middle(uint32(bin)), true
}

// rankOf is f·n, rounded down, for an f that is kept between 0 and 1.
func rankOf(f float64, n uint64) uint64 {
	switch rank := f * float64(n); {
	case !(f > 0): // or NaN
		return 0
	case f >= 1 || rank >= float64(n):
		return n
	default:
		return uint64(rank)
	}
}

// ValuesAtLeast holds once n values of at least v have been counted. It is certain: it counts only the bins that
// lie above v altogether, and so may hold a little late, by values up to 1/64 above v.
func ValuesAtLeast(v int64, n uint64) crdt.UpSet[Quantiles] {
	from := binOf(v)
	if low, _ := edges(from); low < v {
		from++
	}
	return crdt.AssertUpSet(counted(n, ">= ", v), func(q *Quantiles) bool { return q.between(from, bins) >= n })
}

// ValuesAtMost holds once n values of at most v have been counted. It is certain, as [ValuesAtLeast] is.
func ValuesAtMost(v int64, n uint64) crdt.UpSet[Quantiles] {
	to := binOf(v)
	if _, high := edges(to); high <= v {
		to++
	}
	return crdt.AssertUpSet(counted(n, "<= ", v), func(q *Quantiles) bool { return q.between(0, to) >= n })
}

func counted(n uint64, is string, v int64) string {
	return "count of values " + is + strconv.FormatInt(v, 10) + " >= " + strconv.FormatUint(n, 10)
}

// Merge takes the larger count of each origin and bin and reports whether any grew.
func (q *Quantiles) Merge(other *Quantiles) (grew bool) { return q.tally.merge(other.tally, bins) }

// Decompose yields the count of each origin and bin alone, ascending.
func (q *Quantiles) Decompose() iter.Seq[Quantiles] {
	return parts(q.tally, func(t tally) Quantiles { return Quantiles{t} })
}

// Delta returns the counts that are larger than in since. O(n log m) for n bins here and m there.
func (q *Quantiles) Delta(since *Quantiles) Quantiles { return Quantiles{q.tally.delta(since.tally)} }

// MarshalJSON shows the count and some quantiles.
func (q Quantiles) MarshalJSON() ([]byte, error) {
	type summary struct {
		Count uint64 `json:"count"`
		Min   int64  `json:"min"`
		P50   int64  `json:"p50"`
		P90   int64  `json:"p90"`
		P99   int64  `json:"p99"`
		Max   int64  `json:"max"`
	}
	at := func(f float64) int64 {
		v, _ := q.Quantile(f)
		return v
	}
	s := summary{q.Count(), at(0), at(0.5), at(0.9), at(0.99), at(1)}
	if s.Count == 0 {
		return []byte(`{"count":0}`), nil
	}
	return json.Marshal(s)
}

// AppendBinary appends the encoding of q to b. The error is always nil.
func (q *Quantiles) AppendBinary(b []byte) ([]byte, error) {
	return q.tally.appendTo(append(b, wire.Version1)), nil
}

// UnmarshalBinary replaces q with the value encoded in data. On an error, which wraps [crdt.ErrCorrupt] or
// [crdt.ErrVersion], q is as before.
func (q *Quantiles) UnmarshalBinary(data []byte) error {
	r := wire.Open("Quantiles", data)
	t := readTally(&r, lowestBin, highestBin+1)
	if err := r.Close(); err != nil {
		return err
	}
	q.tally = t
	return nil
}
