package crdt

import (
	"encoding/json"
	"iter"
)

// Ledger is a signed sum that counts each id once: an amount for each id, which is recorded once. However often a record
// is delivered, and in whatever order, its amount is in the sum one time. It is the first wrapper of a group in a
// lattice ("Wrapping Rings in Lattices", PaPoC 2024, §3): the lattice is the set of records, and the group, the sums, is
// only computed on top of it. The zero Ledger has no records.
//
// It merges by union of the records. It keeps the whole history: for long ones see [Tally].
//
// The law that its users keep: an id names one event, and one amount. Two amounts for an id are a conflict: see Conflict.
//
// Class of reads: Amount is final as long as the law is kept; that an id is recorded is an UpSet, [Recorded]; Len is a lower
// bound. Sum is not monotone, and never final of itself: whatever it is, a later record can bring it anywhere. It converges;
// read it after a seal. There is no UpSet over it for that reason.
//
// It takes 8 bytes and a K for each record, with some room to grow: 17 to 25 bytes for a K of 8; a string takes 16 and its
// bytes. Use [Clone] to copy one.
type Ledger[K Ordered] struct {
	records assigned[K, int64]
	sum     sum128 // of the smallest amount of each id
}

// Record records the amount of an id and returns the delta: that alone, or bottom if it was recorded. Another amount for the
// same id is a conflict. It costs what an insertion into a GSet costs.
func (l *Ledger[K]) Record(id K, amount int64) (delta Ledger[K]) {
	if l.put(id, amount) {
		delta.put(id, amount)
	}
	return delta
}

func (l *Ledger[K]) put(id K, amount int64) bool { return l.records.put(id, amount, l.sum.move) }

// Amount returns the amount of an id; ok is false if there is none yet, and if there are two.
func (l *Ledger[K]) Amount(id K) (amount int64, ok bool) {
	low, high, ok := l.records.get(id)
	if low != high {
		return 0, false
	}
	return low, ok
}

// Len returns the number of ids recorded so far.
func (l *Ledger[K]) Len() int { return l.records.low.len() }

// Sum returns the sum of the amounts recorded so far. It is not monotone: read it after a seal.
//
// Ok is false if it does not fit into an int64, and sum is then the nearest that does; and if there is a conflict, where the smallest amount
// of each id is counted. The sum is kept with 128 bits, so that it is exact again if it comes back
// into the range. O(1).
func (l *Ledger[K]) Sum() (sum int64, ok bool) {
	sum, ok = l.sum.int64()
	return sum, ok && !l.Conflict()
}

// Conflict reports that two amounts were recorded for an id. True is final.
func (l *Ledger[K]) Conflict() bool { return l.records.conflict() }

// Conflicts yields the ids with two amounts or more, in ascending order. The ledger must not change meanwhile.
func (l *Ledger[K]) Conflicts() iter.Seq[K] { return l.records.conflicts }

// Recorded holds once an amount is recorded for id.
func Recorded[K Ordered](id K) UpSet[Ledger[K]] {
	return UpSet[Ledger[K]]{
		name:  "recorded " + elementName(id),
		holds: func(l *Ledger[K]) bool { return l.records.low.find(id) != nil },
	}
}

// Merge records what other has and reports whether any was new.
func (l *Ledger[K]) Merge(other *Ledger[K]) (grew bool) {
	return l.records.merge(&other.records, l.sum.move)
}

// Decompose yields each record alone, in ascending order of ids.
func (l *Ledger[K]) Decompose() iter.Seq[Ledger[K]] {
	return func(yield func(Ledger[K]) bool) {
		for id, amount := range l.records.parts() {
			var part Ledger[K]
			part.put(id, amount)
			if !yield(part) {
				return
			}
		}
	}
}

// Delta returns the records that since lacks. O(n log m) for n records here and m there.
func (l *Ledger[K]) Delta(since *Ledger[K]) (delta Ledger[K]) {
	delta.records = l.records.delta(&since.records, delta.sum.move)
	return delta
}

// MarshalJSON shows the sum, or null if it is not known, and pairs of an id and its amount in ascending order. A conflict
// shows the ids with two amounts, with the smallest and the largest.
func (l Ledger[K]) MarshalJSON() ([]byte, error) {
	type pair = [2]any
	shown := struct {
		Sum       *int64   `json:"sum"`
		Records   []pair   `json:"records"`
		Conflicts [][3]any `json:"conflicts,omitempty"`
	}{Records: []pair{}}
	if sum, ok := l.Sum(); ok {
		shown.Sum = &sum
	}
	for r := range l.records.low.all {
		shown.Records = append(shown.Records, pair{r.k, r.v})
	}
	for id := range l.Conflicts() {
		low, high, _ := l.records.get(id)
		shown.Conflicts = append(shown.Conflicts, [3]any{id, low, high})
	}
	return json.Marshal(shown)
}

// Encoding, version 1:
//
//	Ledger      version | n | (element | amount) * n | conflicts      ids strictly ascending
//	amount      the uvarint of its zigzag form: the smallest amount where there are several
//	conflicts   see assigned.go; its values are the largest amount where there are several

// AppendBinary appends the encoding of l to b. The error is always nil.
func (l *Ledger[K]) AppendBinary(b []byte) ([]byte, error) {
	b = appendUvarint(append(b, version1), uint64(l.Len()))
	for r := range l.records.low.all {
		b = appendUvarint(appendElement(b, r.k), zigzag(r.v))
	}
	return l.records.appendConflicts(b), nil
}

// UnmarshalBinary replaces l with the value encoded in data. On an error, which wraps [ErrCorrupt]
// or [ErrVersion], l is as before.
func (l *Ledger[K]) UnmarshalBinary(data []byte) error {
	r := open("Ledger", data)
	var d Ledger[K]
	var last K
	for left := r.count(2); left > 0 && r.err == nil; left-- {
		id := readElement[K](&r)
		amount := unzigzag(r.uvarint())
		if d.Len() > 0 && id <= last {
			r.corrupt("ids are not ascending")
		}
		if r.err != nil {
			break
		}
		d.put(id, amount)
		last = id
	}
	d.records.readConflicts(&r)
	if err := r.close(); err != nil {
		return err
	}
	*l = d
	return nil
}
