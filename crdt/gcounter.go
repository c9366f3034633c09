package crdt

import (
	"encoding/json"
	"iter"
	"unique"
	"unsafe"
)

// GCounter is a count that only grows (the G-Counter of Shapiro et al., 2011). It keeps one number per
// origin and merges each by maximum; the zero GCounter is 0, and an origin with 0 is the same as an absent one.
//
// An origin names one history of counting, such as the shard of a log. All who count under
// the same origin must count the same things in the same order.
//
// Counts saturate: at the largest uint64 they stay, instead of wrapping to a small number. So does their sum.
//
// Class of reads: Value is monotone, a lower bound of what was counted everywhere. Ask [AtLeast], or read it after a seal.
//
// A GCounter is 32 bytes and, with one origin, needs no other memory; each further origin takes 37 bytes, besides its
// name. Use [Clone] to copy one.
type GCounter struct {
	// The smallest origin and its count. The count is 0 only if there is no origin, which is then "".
	origin string
	n      uint64
	// The other origins, with counts above 0; nil normally. Behind a pointer to keep the struct small.
	more *table[string, uint64]
}

// Add counts n more for origin and returns the delta: the cumulative count of that origin, or bottom if
// nothing changed.
//
// O(1) for the smallest (normally the only) origin, without allocation; else O(log n).
func (c *GCounter) Add(origin string, n uint64) (delta GCounter) {
	// A sum that is not larger is either no change or a saturation: both are for the slow path. So is an equal
	// origin in other memory, since comparing the pointers takes half the time of comparing strings.
	if sum := c.n + n; sum > c.n && sameMemory(c.origin, origin) {
		c.n = sum
		return GCounter{origin: origin, n: sum}
	}
	return c.addSlow(origin, n)
}

// sameMemory implies that the strings are equal.
func sameMemory(a, b string) bool {
	return len(a) == len(b) && unsafe.StringData(a) == unsafe.StringData(b)
}

func (c *GCounter) addSlow(origin string, n uint64) (delta GCounter) {
	if origin == c.origin {
		c.origin = origin // so that the caller's next Add is fast
	}
	sum := saturatingAdd(c.count(origin), n)
	if !c.raise(origin, sum) {
		return GCounter{}
	}
	return GCounter{origin: origin, n: sum}
}

// Value returns the sum over all origins, a lower bound of what has been counted everywhere. O(number of origins).
func (c *GCounter) Value() uint64 {
	if c.more == nil {
		return c.n
	}
	return c.sum()
}

func (c *GCounter) sum() (sum uint64) {
	for _, n := range c.all {
		sum = saturatingAdd(sum, n)
	}
	return sum
}

// all yields the origins in ascending order with their counts.
func (c *GCounter) all(yield func(origin string, n uint64) bool) {
	if c.n == 0 || !yield(c.origin, c.n) || c.more == nil {
		return
	}
	for s := range c.more.all {
		if !yield(s.k, s.v) {
			return
		}
	}
}

// Merge takes the larger count of each origin and reports whether any grew.
func (c *GCounter) Merge(other *GCounter) (grew bool) {
	if other.more == nil {
		return c.raise(other.origin, other.n)
	}
	grew = c.raise(other.origin, other.n)
	// The origin in the struct is now below all that follow, in c and in other.
	if c.more == nil {
		c.more = new(table[string, uint64])
	}
	return c.more.join(other.more, raiseTo) || grew
}

func raiseTo(mine, theirs *uint64) bool {
	if *theirs <= *mine {
		return false
	}
	*mine = *theirs
	return true
}

// count returns the count of one origin.
func (c *GCounter) count(origin string) uint64 {
	if origin == c.origin {
		return c.n
	}
	if c.more != nil {
		if n := c.more.find(origin); n != nil {
			return *n
		}
	}
	return 0
}

// raise lifts the count of one origin to n and reports whether it was lower.
func (c *GCounter) raise(origin string, n uint64) bool {
	switch {
	case n == 0:
		return false
	case c.n == 0:
		c.origin, c.n = origin, n
		return true
	case origin == c.origin:
		if n <= c.n {
			return false
		}
		c.n = n
		return true
	case origin < c.origin:
		// A new smallest origin takes the place in the struct.
		origin, c.origin = c.origin, origin
		n, c.n = c.n, n
	}
	if c.more == nil {
		c.more = new(table[string, uint64])
	}
	have, _ := c.more.put(origin)
	return raiseTo(have, &n)
}

// Scoped returns the counter with each origin named within a scope: where two histories have the same name, as the shards of two pipelines
// do, their counters can be merged once each has a scope of its own. O(number of origins).
func (c *GCounter) Scoped(scope string) (scoped GCounter) {
	for origin, n := range c.all {
		scoped.raise(scope+"/"+origin, n)
	}
	return scoped
}

// Decompose yields the counter of each origin alone, in ascending order.
func (c *GCounter) Decompose() iter.Seq[GCounter] {
	return func(yield func(GCounter) bool) {
		for origin, n := range c.all {
			if !yield(GCounter{origin: origin, n: n}) {
				return
			}
		}
	}
}

// Delta returns the counts that are larger than those of since. O(n log m) for n origins here and m there, and O(n+m).
func (c *GCounter) Delta(since *GCounter) (delta GCounter) {
	var at cursor[string, uint64]
	if since.more != nil {
		at = since.more.cursor()
	}
	for origin, n := range c.all {
		have := uint64(0)
		if origin == since.origin {
			have = since.n
		} else if since.more != nil {
			if theirs := at.find(origin); theirs != nil {
				have = *theirs
			}
		}
		if n > have {
			delta.raise(origin, n)
		}
	}
	return delta
}

// MarshalJSON shows the sum and the count of each origin, in the order of origins.
func (c GCounter) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		Value   uint64          `json:"value"`
		Origins json.RawMessage `json:"origins"`
	}{c.Value(), c.originsJSON()})
}

func (c *GCounter) originsJSON() json.RawMessage {
	object, _ := jsonObject(c.all) // strings and numbers do not fail
	return object
}

// Encoding, version 1: see encoding.go.

// AppendBinary appends the encoding of c to b. The error is always nil.
func (c *GCounter) AppendBinary(b []byte) ([]byte, error) {
	return c.appendCounts(append(b, version1)), nil
}

// appendCounts appends what follows the version.
func (c *GCounter) appendCounts(b []byte) []byte {
	b = appendUvarint(b, uint64(c.origins()))
	for origin, n := range c.all {
		b = appendUvarint(appendString(b, origin), n)
	}
	return b
}

func (c *GCounter) origins() int {
	switch {
	case c.n == 0:
		return 0
	case c.more == nil:
		return 1
	default:
		return 1 + c.more.len()
	}
}

// UnmarshalBinary replaces c with the value encoded in data. On an error, which wraps [ErrCorrupt]
// or [ErrVersion], c is as before.
func (c *GCounter) UnmarshalBinary(data []byte) error {
	r := open("GCounter", data)
	d := c.readCounts(&r)
	if err := r.close(); err != nil {
		return err
	}
	*c = d
	return nil
}

// readCounts reads what appendCounts wrote. It takes the name of an origin from c if it is there.
func (c *GCounter) readCounts(r *reader) (d GCounter) {
	for left := r.count(2); left > 0 && r.err == nil; left-- {
		origin := c.intern(r.bytes())
		n := r.uvarint()
		switch {
		case r.err != nil:
		case n == 0:
			r.corrupt("a count is 0")
		case d.n == 0:
			d.origin, d.n = origin, n
		case origin <= d.origin || d.more != nil && !d.more.below(origin):
			r.corrupt("origins are not ascending")
		default:
			if d.more == nil {
				more := newTable[string, uint64](left)
				d.more = &more
			}
			*d.more.push(origin) = n
		}
	}
	return d
}

// intern returns b as a string. There are few origins and millions of counters, which would otherwise
// each keep a copy of the name.
func (c *GCounter) intern(b []byte) string {
	if c.n > 0 && c.origin == string(b) {
		return c.origin
	}
	return unique.Make(string(b)).Value()
}
