package crdt

import (
	"encoding/json"
	"iter"
	"math"
	"strconv"
	"unique"
)

// Tally is a signed sum over several origins, each of which numbers its amounts: for each origin the number of
// the last one and the sum up to it. It merges by the higher number per origin, so that a sum
// that is delivered twice or out of order is counted once. It is the wrapper of a group in a lattice that does not keep the
// history ("Wrapping Rings in Lattices", PaPoC 2024); counters of JetStream sources work this way too. Whoever has
// no origin that counts in order, but an id for each amount, takes a [Ledger]. The zero Tally has no origins.
//
// The law that its users keep: an origin names one history of amounts, such as the shard of a log. All who add
// under the same origin must add the same amounts in the same order; then they have equal sums at equal numbers. Different sums at
// a number are a conflict: see Disputed.
//
// Class of reads: Sequence is a lower bound, and [Counted] is an UpSet. Sum is not monotone, and never final of itself:
// amounts are signed, so that a later one can bring it anywhere. It converges; read it after a seal. There is
// no UpSet over it for that reason.
//
// It takes 40 bytes for each origin, up to 65 if they come in no order, and its name. Use [Clone] to copy one.
type Tally struct {
	origins table[string, tallied]
}

// tallied is the lexicographic pair of a number and a sum. At one number, the sums merge to their smallest and
// largest, as in assigned.
type tallied struct {
	sequence  uint64
	low, high int64
}

// Add adds the next amount of origin and returns the delta: its new number and sum. An amount of 0 takes a number too. O(log n)
// for n origins.
//
// A sum that leaves the range of int64 stays at its bound from then on, and Sum says so.
func (t *Tally) Add(origin string, amount int64) (delta Tally) {
	var at tallied
	if known := t.origins.find(origin); known != nil {
		at = *known
	}
	return t.Record(origin, at.sequence+1, boundedAdd(at.low, amount)) // after the last number comes 0, which changes nothing
}

// boundedAdd is a+b for a sum a that stays at the bound it has reached.
func boundedAdd(a, b int64) int64 {
	sum := a + b
	switch {
	case atBound(a):
		return a
	case b > 0 && sum < a:
		return math.MaxInt64
	case b < 0 && sum > a:
		return math.MinInt64
	default:
		return sum
	}
}

func atBound(a int64) bool { return a == math.MaxInt64 || a == math.MinInt64 }

// Record says that the first sequence amounts of origin have a sum, for an origin that counts elsewhere, and returns the delta: that
// alone, or bottom if it was known, or is older than what is known. Numbers begin at 1; 0 changes nothing.
func (t *Tally) Record(origin string, sequence uint64, sum int64) (delta Tally) {
	x := tallied{sequence: sequence, low: sum, high: sum}
	if !t.raise(origin, x) {
		return delta
	}
	delta.origins.insert(origin, x)
	return delta
}

func (t *Tally) raise(origin string, x tallied) bool {
	if x.sequence == 0 {
		return false
	}
	if at := t.origins.find(origin); at != nil {
		return at.raise(&x)
	}
	t.origins.insert(origin, x)
	return true
}

// raise takes the higher number; at the same, the wider bounds. The zero tallied, with number 0, is below all.
func (x *tallied) raise(y *tallied) (grew bool) {
	switch {
	case y.sequence < x.sequence || *y == *x:
		return false
	case y.sequence > x.sequence:
		*x = *y
		return true
	}
	was := *x
	x.low, x.high = min(x.low, y.low), max(x.high, y.high)
	return *x != was
}

// Sequence returns how many amounts of origin are counted, a lower bound.
func (t *Tally) Sequence(origin string) uint64 {
	if at := t.origins.find(origin); at != nil {
		return at.sequence
	}
	return 0
}

// Len returns the number of origins heard of.
func (t *Tally) Len() int { return t.origins.len() }

// Sum returns the sum of the amounts counted so far. It is not monotone: read it after a seal.
//
// Ok is false if it does not fit into an int64, and sum is then the nearest that does; if that of an origin is at a bound of the
// range, which it may have left; and if one is disputed, where the smallest counts. The origins are
// added up with 128 bits, so that their order does not matter. O(number of origins).
func (t *Tally) Sum() (sum int64, ok bool) {
	var total sum128
	exact := true
	for s := range t.origins.all {
		total.add(s.v.low)
		exact = exact && s.v.low == s.v.high && !atBound(s.v.low)
	}
	sum, ok = total.int64()
	return sum, ok && exact
}

// Disputed yields the origins with two sums at their number: the law was broken there, and the sum is not known.
//
// That is not monotone: a higher number hides it. It cannot be otherwise. A dispute that stayed would be seen by those who hear of both
// sums before the higher number, and not by the others, so that copies would differ.
func (t *Tally) Disputed() iter.Seq[string] {
	return func(yield func(string) bool) {
		for s := range t.origins.all {
			if s.v.low != s.v.high && !yield(s.k) {
				return
			}
		}
	}
}

// Counted holds once the first sequence amounts of origin are counted.
func Counted(origin string, sequence uint64) UpSet[Tally] {
	return UpSet[Tally]{
		name:  "counted " + strconv.Quote(origin) + " to " + strconv.FormatUint(sequence, 10),
		holds: func(t *Tally) bool { return t.Sequence(origin) >= sequence },
	}
}

// Merge takes the higher number of each origin, with its sum, and reports whether any grew.
func (t *Tally) Merge(other *Tally) (grew bool) {
	return t.origins.join(&other.origins, (*tallied).raise)
}

// parts calls yield for each sum that is known.
func (t *Tally) parts(yield func(origin string, x tallied) bool) {
	for s := range t.origins.all {
		if !yield(s.k, tallied{s.v.sequence, s.v.low, s.v.low}) {
			return
		}
		if s.v.low != s.v.high && !yield(s.k, tallied{s.v.sequence, s.v.high, s.v.high}) {
			return
		}
	}
}

// Decompose yields the number and the sum of each origin alone, in ascending order of origins.
func (t *Tally) Decompose() iter.Seq[Tally] {
	return func(yield func(Tally) bool) {
		for origin, x := range t.parts {
			var part Tally
			part.raise(origin, x)
			if !yield(part) {
				return
			}
		}
	}
}

// Delta returns the numbers and sums that are not below those of since.
func (t *Tally) Delta(since *Tally) (delta Tally) {
	for origin, x := range t.parts {
		var known tallied
		if at := since.origins.find(origin); at != nil {
			known = *at
		}
		if known.raise(&x) {
			delta.raise(origin, x) // ascending: appended
		}
	}
	return delta
}

// MarshalJSON shows the sum, or null if it is not known, and the number and the sum of each origin, in the order of
// origins. A disputed one has the largest of its sums too.
func (t Tally) MarshalJSON() ([]byte, error) {
	type origin struct {
		Sequence uint64 `json:"sequence"`
		Sum      int64  `json:"sum"`
		Other    *int64 `json:"otherSum,omitempty"`
	}
	shown := struct {
		Sum     *int64            `json:"sum"`
		Origins map[string]origin `json:"origins"` // shown in order
	}{Origins: map[string]origin{}}
	if sum, ok := t.Sum(); ok {
		shown.Sum = &sum
	}
	for s := range t.origins.all {
		o := origin{Sequence: s.v.sequence, Sum: s.v.low}
		if s.v.low != s.v.high {
			o.Other = &s.v.high
		}
		shown.Origins[s.k] = o
	}
	return json.Marshal(shown)
}

// Encoding, version 1:
//
//	Tally   version | n | (string | sequence | sum | more) * n      origins strictly ascending, sequence > 0
//	sum     the uvarint of its zigzag form: the smallest
//	more    uvarint: by how much the largest is above it; 0 if it is not disputed

// AppendBinary appends the encoding of t to b. The error is always nil.
func (t *Tally) AppendBinary(b []byte) ([]byte, error) {
	b = appendUvarint(append(b, version1), uint64(t.Len()))
	for s := range t.origins.all {
		b = appendUvarint(appendString(b, s.k), s.v.sequence)
		b = appendUvarint(appendUvarint(b, zigzag(s.v.low)), uint64(s.v.high)-uint64(s.v.low))
	}
	return b, nil
}

// UnmarshalBinary replaces t with the value encoded in data. On an error, which wraps [ErrCorrupt]
// or [ErrVersion], t is as before.
func (t *Tally) UnmarshalBinary(data []byte) error {
	r := open("Tally", data)
	var d Tally
	last := ""
	for left := r.count(4); left > 0 && r.err == nil; left-- {
		origin := unique.Make(string(r.bytes())).Value() // there are few origins and many tallies
		sequence := r.uvarint()
		low, more := unzigzag(r.uvarint()), r.uvarint()
		switch high := low + int64(more); {
		case d.Len() > 0 && origin <= last:
			r.corrupt("origins are not ascending")
		case sequence == 0:
			r.corrupt("a sequence is 0")
		case more > uint64(math.MaxInt64)-uint64(low): // in the range, the difference does not wrap
			r.corrupt("a sum exceeds 64 bits")
		case r.err == nil:
			d.origins.insert(origin, tallied{sequence: sequence, low: low, high: high})
			last = origin
		}
	}
	if err := r.close(); err != nil {
		return err
	}
	*t = d
	return nil
}
