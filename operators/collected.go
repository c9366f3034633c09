package operators

import (
	"cmp"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"iter"
	"slices"
	"strings"

	"github.com/calmstream/calmstream/internal/plan"
)

// maxCollectedBytes bounds the encoded records of one [Collected], which has to fit into a message of 1 MiB with all that stands around
// it.
const maxCollectedBytes = 512 << 10

// overhead is what a record takes besides its bytes, at most, in the encoding.
const overhead = 24

// Collected is the records of a key and window, ordered by event time, those of one time by their encoding. Records that are
// equal in both are kept as often as they came. It is the lattice of the first records: bounded by a number and by 512 KiB of encoded
// records, and which ones exceed the bounds does not depend on the order in which they came. The zero Collected has none. Made by
// [Collect].
//
// Records are encoded in the usual form of their type, see [WithCodec]. Merge is for copies of one history, such as two checkpoints of a
// shard: a record that both have counts once.
//
// Class of reads: Total is a lower bound. Records, and whether they are complete, can change: read them after a seal.
type Collected[T any] struct {
	copies []copies // ascending
	kept   int      // records
	bytes  int      // that they take
	total  uint64
	limit  int // 0 if none is known
	// cut is the smallest record that exceeded the bounds, if any did. Nothing from it on is kept.
	cut *place
}

// copies are equal records of one time.
type copies struct {
	time   int64
	record string // encoded
	n      uint32
}

// place is where a copy stands: it is the n-th of equal ones, of which the first has number 1.
type place struct {
	time   int64
	record string
	n      uint32
}

func (c *copies) compare(time int64, record string) int {
	return cmp.Or(cmp.Compare(c.time, time), strings.Compare(c.record, record))
}

// Len returns how many records are kept.
func (c *Collected[T]) Len() int { return c.kept }

// Total returns how many records there were, a lower bound.
func (c *Collected[T]) Total() uint64 { return c.total }

// Complete reports whether all records are kept: none exceeded the bounds.
func (c *Collected[T]) Complete() bool { return c.cut == nil }

// Records returns the records that are kept, the earliest first. An error says that the type does not decode what it has
// encoded.
func (c *Collected[T]) Records() ([]T, error) {
	codec, out := plan.UsualCodec[T](), make([]T, 0, c.kept)
	for i := range c.copies {
		for range c.copies[i].n {
			v, err := codec.Decode([]byte(c.copies[i].record))
			if err != nil {
				return nil, fmt.Errorf("operators: a collected record: %w", err)
			}
			out = append(out, v)
		}
	}
	return out, nil
}

// take adds a record and reports whether the state grew, which it does: it counts the record.
func (c *Collected[T]) take(limit int, time int64, record string) bool {
	c.total++
	c.limit = limit
	at, found := slices.BinarySearchFunc(c.copies, record, func(x copies, record string) int { return x.compare(time, record) })
	p := place{time, record, 1}
	if found {
		p.n = c.copies[at].n + 1
	}
	if c.beyond(p) {
		return true
	}
	if found {
		c.copies[at].n++
	} else {
		c.copies = slices.Insert(c.copies, at, copies{time, strings.Clone(record), 1})
	}
	c.kept++
	c.bytes += len(record) + overhead
	c.bound()
	return true
}

// beyond reports whether a place is not before the cut.
func (c *Collected[T]) beyond(p place) bool {
	if c.cut == nil {
		return false
	}
	x := copies{time: p.time, record: p.record}
	return cmp.Or(x.compare(c.cut.time, c.cut.record), cmp.Compare(p.n, c.cut.n)) >= 0
}

// bound drops the last records as long as there are too many, and notes where it cut.
func (c *Collected[T]) bound() {
	for c.limit > 0 && c.kept > c.limit || c.bytes > maxCollectedBytes {
		last := c.copies[len(c.copies)-1]
		c.cut = &place{last.time, last.record, last.n}
		c.drop(1)
	}
}

// drop drops some of the last copies.
func (c *Collected[T]) drop(n uint32) {
	last := &c.copies[len(c.copies)-1]
	last.n -= n
	c.kept -= int(n)
	c.bytes -= int(n) * (len(last.record) + overhead)
	if last.n == 0 {
		c.copies[len(c.copies)-1] = copies{}
		c.copies = c.copies[:len(c.copies)-1]
	}
}

// Merge joins what another copy of the history has, and reports whether any was new. O(n+m) for n records here and m there.
func (c *Collected[T]) Merge(other *Collected[T]) (grew bool) {
	before := *c
	c.union(other, func(a, b uint32) uint32 { return max(a, b) })
	c.total = max(c.total, other.total)
	return c.differs(&before)
}

// addAll joins the records of another history, such as a session that turns out to be the same one.
func (c *Collected[T]) addAll(other *Collected[T]) {
	c.union(other, func(a, b uint32) uint32 { return a + b })
	c.total += other.total
}

// union makes a new list, so that the old one stays as it is. The number of copies that both have is n of both.
func (c *Collected[T]) union(other *Collected[T], n func(a, b uint32) uint32) {
	out := Collected[T]{total: c.total, limit: smallest(c.limit, other.limit), cut: earliest(c.cut, other.cut)}
	out.copies = make([]copies, 0, len(c.copies)+len(other.copies))
	for x := range both(c.copies, other.copies, n) {
		if out.cut != nil {
			if from := x.compare(out.cut.time, out.cut.record); from > 0 {
				break
			} else if from == 0 {
				x.n = min(x.n, out.cut.n-1)
			}
		}
		if x.n > 0 {
			out.copies = append(out.copies, x)
			out.kept += int(x.n)
			out.bytes += int(x.n) * (len(x.record) + overhead)
		}
	}
	out.bound()
	*c = out
}

// both yields the copies of two lists in order.
func both(a, b []copies, n func(a, b uint32) uint32) iter.Seq[copies] {
	return func(yield func(copies) bool) {
		for len(a)+len(b) > 0 {
			var x copies
			var order int
			switch {
			case len(b) == 0:
				order = -1
			case len(a) == 0:
				order = 1
			default:
				order = a[0].compare(b[0].time, b[0].record)
			}
			if order <= 0 {
				x, a = a[0], a[1:]
			}
			if order >= 0 {
				if x.n = n(x.n, b[0].n); order > 0 {
					x = b[0]
				}
				b = b[1:]
			}
			if !yield(x) {
				return
			}
		}
	}
}

// smallest is the smaller limit of two, where 0 is none.
func smallest(a, b int) int {
	if a == 0 || b > 0 && b < a {
		return b
	}
	return a
}

// earliest is the earlier of two cuts, where nil is none.
func earliest(a, b *place) *place {
	if a == nil || b == nil {
		return cmp.Or(a, b)
	}
	x := copies{time: a.time, record: a.record}
	if cmp.Or(x.compare(b.time, b.record), cmp.Compare(a.n, b.n)) <= 0 {
		return a
	}
	return b
}

func (c *Collected[T]) differs(before *Collected[T]) bool {
	sameCut := c.cut == before.cut || c.cut != nil && before.cut != nil && *c.cut == *before.cut
	return c.total != before.total || c.limit != before.limit || !sameCut || !slices.Equal(c.copies, before.copies)
}

// MarshalJSON shows the records, and whether they are all.
func (c Collected[T]) MarshalJSON() ([]byte, error) {
	records, err := c.Records()
	if err != nil {
		return nil, err
	}
	return json.Marshal(struct {
		Records  []T    `json:"records"`
		Total    uint64 `json:"total"`
		Complete bool   `json:"complete"`
	}{records, c.total, c.Complete()})
}

const collectedVersion = 1

// Encoding, version 1; numbers are uvarints in their shortest form, times varints:
//
//	version | total | limit | (0 | 1 place) | (copies)*      copies ascending, before the place, which is the cut
//	place   time | len(record) | record | n
//	copies  time | len(record) | record | n                  n > 0

// AppendBinary appends the encoding of c to b. The error is always nil.
func (c *Collected[T]) AppendBinary(b []byte) ([]byte, error) {
	b = binary.AppendUvarint(append(b, collectedVersion), c.total)
	b = binary.AppendUvarint(b, uint64(c.limit))
	if c.cut == nil {
		b = append(b, 0)
	} else {
		b = appendCopies(append(b, 1), copies(*c.cut))
	}
	for i := range c.copies {
		b = appendCopies(b, c.copies[i])
	}
	return b, nil
}

func appendCopies(b []byte, x copies) []byte {
	b = binary.AppendUvarint(binary.AppendVarint(b, x.time), uint64(len(x.record)))
	return binary.AppendUvarint(append(b, x.record...), uint64(x.n))
}

// UnmarshalBinary replaces c with the value encoded in data. On an error, which wraps crdt.ErrCorrupt or
// crdt.ErrVersion, c is as before.
func (c *Collected[T]) UnmarshalBinary(data []byte) error {
	r := fieldReader{typ: "Collected", data: data}
	r.version(collectedVersion)
	var d Collected[T]
	d.total = r.uvarint()
	limit := r.uvarint()
	if limit > 1<<31-1 {
		r.fail()
	}
	d.limit = int(limit)
	switch r.byte() {
	case 0:
	case 1:
		cut := place(r.copies())
		d.cut = &cut
	default:
		r.fail()
	}
	for r.err == nil && len(r.data) > 0 {
		x := r.copies()
		last := len(d.copies) - 1
		if last >= 0 && d.copies[last].compare(x.time, x.record) >= 0 || d.beyond(place(x)) {
			r.fail()
		}
		d.copies = append(d.copies, x)
		d.kept += int(x.n)
		if d.bytes += int(min(x.n, maxCollectedBytes)) * (len(x.record) + overhead); d.bytes > maxCollectedBytes || d.limit > 0 && d.kept > d.limit {
			r.fail()
		}
	}
	if uint64(d.kept) > d.total || d.cut != nil && uint64(d.kept) == d.total {
		r.fail()
	}
	if r.err != nil {
		return r.err
	}
	*c = d
	return nil
}
