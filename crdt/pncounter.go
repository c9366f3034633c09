package crdt

import (
	"encoding/json"
	"iter"
	"math"
	"strconv"
)

// PNCounter is a count that goes up and down (the PN-Counter of Shapiro et al., 2011): two counts that only grow, of what was added and of
// what was subtracted, each with one number per origin. It merges each number by maximum; the zero PNCounter is 0.
//
// Origins are as those of a [GCounter]: one history each. The two counts saturate as a GCounter does. To subtract no more than there
// is, use a [BoundedCounter].
//
// Class of reads: Added and Subtracted are monotone, lower bounds of what was added and subtracted everywhere. Ask [AddedAtLeast] and [SubtractedAtLeast].
// Value is not monotone, and no value of it is ever final by itself, since any can be left again: read it after a seal.
//
// A PNCounter is 64 bytes and, with one origin, needs no other memory; each further origin takes 37 bytes for what it added and 37 for what
// it subtracted, besides its name. Use [Clone] to copy one.
type PNCounter struct {
	up, down GCounter
}

// Add adds n for origin and returns the delta: all that the origin has added so far, or bottom if nothing changed. O(log n) for n
// origins, as Add of a GCounter.
func (c *PNCounter) Add(origin string, n uint64) (delta PNCounter) {
	return PNCounter{up: c.up.Add(origin, n)}
}

// Subtract subtracts n for origin and returns the delta: all that the origin has subtracted so far, or bottom if nothing changed.
func (c *PNCounter) Subtract(origin string, n uint64) (delta PNCounter) {
	return PNCounter{down: c.down.Add(origin, n)}
}

// Added returns the sum of what was added, a lower bound. O(number of origins).
func (c *PNCounter) Added() uint64 { return c.up.Value() }

// Subtracted returns the sum of what was subtracted, a lower bound. O(number of origins).
func (c *PNCounter) Subtracted() uint64 { return c.down.Value() }

// Value returns what was added less what was subtracted, as far as known here; if that is no int64, the nearest that is.
//
// It is not monotone: it may go anywhere, whatever it is. Read it after a seal. O(number of origins).
func (c *PNCounter) Value() int64 {
	up, down := c.Added(), c.Subtracted()
	if up >= down {
		return int64(min(up-down, math.MaxInt64))
	}
	return -int64(min(down-up, math.MaxInt64+1)) // the negation of the smallest int64 is itself
}

// AddedAtLeast holds once n or more was added, whatever was subtracted. AddedAtLeast(0) holds always.
func AddedAtLeast(n uint64) UpSet[PNCounter] {
	return UpSet[PNCounter]{
		name:  "added >= " + strconv.FormatUint(n, 10),
		holds: func(c *PNCounter) bool { return c.Added() >= n },
	}
}

// SubtractedAtLeast holds once n or more was subtracted, whatever was added. SubtractedAtLeast(0) holds always.
func SubtractedAtLeast(n uint64) UpSet[PNCounter] {
	return UpSet[PNCounter]{
		name:  "subtracted >= " + strconv.FormatUint(n, 10),
		holds: func(c *PNCounter) bool { return c.Subtracted() >= n },
	}
}

// Merge takes the larger of each number and reports whether any grew.
func (c *PNCounter) Merge(other *PNCounter) (grew bool) {
	grew = c.up.Merge(&other.up)
	return c.down.Merge(&other.down) || grew
}

// Decompose yields what each origin added, then what each subtracted, in ascending order of origins.
func (c *PNCounter) Decompose() iter.Seq[PNCounter] {
	return func(yield func(PNCounter) bool) {
		for up := range c.up.Decompose() {
			if !yield(PNCounter{up: up}) {
				return
			}
		}
		for down := range c.down.Decompose() {
			if !yield(PNCounter{down: down}) {
				return
			}
		}
	}
}

// Delta returns the numbers that are larger than those of since. O(n log m) for n origins here and m there, and O(n+m).
func (c *PNCounter) Delta(since *PNCounter) (delta PNCounter) {
	return PNCounter{up: c.up.Delta(&since.up), down: c.down.Delta(&since.down)}
}

// MarshalJSON shows the value and what each origin added and subtracted, in the order of origins.
func (c PNCounter) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		Value      int64           `json:"value"`
		Added      json.RawMessage `json:"added"`
		Subtracted json.RawMessage `json:"subtracted"`
	}{c.Value(), c.up.originsJSON(), c.down.originsJSON()})
}

// Encoding, version 1:
//
//	PNCounter  version | counts | counts               what was added; what was subtracted
//	counts     n | (string | count) * n                origins strictly ascending, count > 0

// AppendBinary appends the encoding of c to b. The error is always nil.
func (c *PNCounter) AppendBinary(b []byte) ([]byte, error) {
	return c.down.appendCounts(c.up.appendCounts(append(b, version1))), nil
}

// UnmarshalBinary replaces c with the value encoded in data. On an error, which wraps [ErrCorrupt]
// or [ErrVersion], c is as before.
func (c *PNCounter) UnmarshalBinary(data []byte) error {
	r := open("PNCounter", data)
	d := PNCounter{up: c.up.readCounts(&r)}
	d.down = d.up.readCounts(&r) // mostly the same origins
	if err := r.close(); err != nil {
		return err
	}
	*c = d
	return nil
}
