package crdt

import (
	"encoding/json"
	"fmt"
	"iter"
	"strconv"
)

// BoundedCounter is a count that goes up and down and never below 0, without coordination (the Bounded Counter of Balegas et al.,
// "Extending Eventually Consistent Cloud Databases for Enforcing Numeric Invariants", SRDS 2015). It is an escrow: what an origin
// adds are rights to subtract, which it may use, or hand to others. An update that its origin has no rights for fails.
//
// The state is what the paper calls R and U: how much each origin gave to each (to itself: what it added), and how much each used.
// All numbers only grow, and merge by maximum. The zero BoundedCounter is 0, and nobody has rights.
//
// Origins are as those of a [GCounter], one history each, and that is what the bound rests on: an origin knows all it ever added, gave
// and used, and so at least the rights that it has. Two who use the rights of one origin at the same time may both succeed. An
// origin that is restarted must have its whole history back before it subtracts or transfers.
//
// Class of reads: Used is monotone, a lower bound of what was used everywhere: ask [UsedAtLeast]. Value is not monotone: read it after a seal. Rights
// is not monotone, since its origin may use them; but the rights of an origin that only the reader updates do
// not fall without the reader.
//
// A BoundedCounter is 112 bytes, and each origin that adds and subtracts takes 167, besides its name. Each to whom it gives takes 37 more.
// Use [Clone] to copy one.
type BoundedCounter struct {
	given table[string, GCounter] // R: by the giver, then by the taker
	used  GCounter                // U
	// What follows from the two, kept so that an update is O(log n): the rights of each origin, which go below 0 where what it used is
	// known before what it was given, and the value.
	spare table[string, sum128]
	total sum128
}

// number is one number of the state: what from gave to to, or, with used, what from used; to is then from too.
type number struct {
	from, to string
	used     bool
	n        uint64
}

// Add adds n, to which origin then has rights, and returns the delta: all that origin has added so far, or bottom if n is 0. It fails
// with [ErrRange] if that would exceed the largest uint64. O(log n) for n origins.
func (c *BoundedCounter) Add(origin string, n uint64) (delta BoundedCounter, err error) {
	return c.increase(number{from: origin, to: origin}, n)
}

// Subtract uses rights of origin for n and returns the delta: all that origin has used so far, or bottom if n is 0. It fails with
// [ErrRights] if origin has not so many, as far as known here, and with [ErrRange] if the delta would exceed the largest
// uint64. O(log n) for n origins.
func (c *BoundedCounter) Subtract(origin string, n uint64) (delta BoundedCounter, err error) {
	if err := c.mustHave(origin, n); err != nil {
		return delta, err
	}
	return c.increase(number{from: origin, to: origin, used: true}, n)
}

// Transfer hands rights for n from one origin to another and returns the delta: all that from has handed to to so far, or bottom if n is 0
// or both are the same. Only who may subtract for from may do that. It fails as Subtract does. O(log n) for n origins.
func (c *BoundedCounter) Transfer(from, to string, n uint64) (delta BoundedCounter, err error) {
	if err := c.mustHave(from, n); err != nil || from == to {
		return delta, err
	}
	return c.increase(number{from: from, to: to}, n)
}

func (c *BoundedCounter) mustHave(origin string, n uint64) error {
	if have := c.Rights(origin); n > have {
		return fmt.Errorf("%w: %q has rights for %d and needs %d", ErrRights, origin, have, n)
	}
	return nil
}

// increase makes a number of the state n larger.
func (c *BoundedCounter) increase(x number, n uint64) (delta BoundedCounter, err error) {
	old := c.has(x)
	if x.n = old + n; x.n < old {
		return delta, fmt.Errorf("%w: %d more than %d, of %q", ErrRange, n, old, x.from)
	}
	if c.raise(x) {
		delta.raise(x)
	}
	return delta, nil
}

// has returns what the number of x is here.
func (c *BoundedCounter) has(x number) uint64 {
	if x.used {
		return c.used.count(x.from)
	}
	if gifts := c.given.find(x.from); gifts != nil {
		return gifts.count(x.to)
	}
	return 0
}

// raise lifts a number to that of x and reports whether it was less.
func (c *BoundedCounter) raise(x number) bool {
	if x.n == 0 {
		return false
	}
	counts := &c.used
	if !x.used {
		counts, _ = c.given.put(x.from)
	}
	old := counts.count(x.to)
	if !counts.raise(x.to, x.n) {
		return false
	}
	c.book(x, x.n-old)
	return true
}

// book notes what follows when a number has become n larger.
func (c *BoundedCounter) book(x number, n uint64) {
	to, _ := c.spare.put(x.to)
	if x.used {
		to.lower(n)
		c.total.lower(n)
		return
	}
	to.raise(n)
	if x.from == x.to {
		c.total.raise(n)
		return
	}
	from, _ := c.spare.put(x.from)
	from.lower(n)
}

// Rights returns for how much origin has rights, as far as known here; where that is not the origin, it may be more or less by now.
//
// It is not monotone. O(log n) for n origins.
func (c *BoundedCounter) Rights(origin string) uint64 {
	if spare := c.spare.find(origin); spare != nil {
		return spare.uint64()
	}
	return 0
}

// Value returns what was added less what was used, as far as known here, or the largest uint64 if it is more. Where what was used is known
// before what was added, it is 0.
//
// It is not monotone: read it after a seal. O(1).
func (c *BoundedCounter) Value() uint64 { return c.total.uint64() }

// Used returns the sum of what was subtracted, a lower bound. O(number of origins).
func (c *BoundedCounter) Used() uint64 { return c.used.Value() }

// UsedAtLeast holds once n or more was subtracted, whatever was added. UsedAtLeast(0) holds always.
func UsedAtLeast(n uint64) UpSet[BoundedCounter] {
	return UpSet[BoundedCounter]{
		name:  "used >= " + strconv.FormatUint(n, 10),
		holds: func(c *BoundedCounter) bool { return c.Used() >= n },
	}
}

// numbers yields the state: what each gave to each, then what each used, in ascending order of origins.
func (c *BoundedCounter) numbers(yield func(number) bool) {
	for gifts := range c.given.all {
		for to, n := range gifts.v.all {
			if !yield(number{from: gifts.k, to: to, n: n}) {
				return
			}
		}
	}
	for origin, n := range c.used.all {
		if !yield(number{from: origin, to: origin, used: true, n: n}) {
			return
		}
	}
}

// Merge takes the larger of each number and reports whether any grew. O(m log n) for m numbers there and n here.
func (c *BoundedCounter) Merge(other *BoundedCounter) (grew bool) {
	for x := range other.numbers {
		grew = c.raise(x) || grew
	}
	return grew
}

// Decompose yields each number alone: what each origin gave to each, then what each used, in ascending order of origins.
func (c *BoundedCounter) Decompose() iter.Seq[BoundedCounter] {
	return func(yield func(BoundedCounter) bool) {
		for x := range c.numbers {
			var part BoundedCounter
			part.raise(x)
			if !yield(part) {
				return
			}
		}
	}
}

// Delta returns the numbers that are larger than those of since. O(n log m) for n numbers here and m there.
func (c *BoundedCounter) Delta(since *BoundedCounter) (delta BoundedCounter) {
	for x := range c.numbers {
		if x.n > since.has(x) {
			delta.raise(x)
		}
	}
	return delta
}

// MarshalJSON shows the value, what each origin gave to each, itself included, and what each used, in the order of origins.
func (c BoundedCounter) MarshalJSON() ([]byte, error) {
	given, err := jsonObject(func(yield func(string, json.RawMessage) bool) {
		for gifts := range c.given.all {
			if !yield(gifts.k, gifts.v.originsJSON()) {
				return
			}
		}
	})
	if err != nil {
		return nil, err
	}
	return json.Marshal(struct {
		Value uint64          `json:"value"`
		Given json.RawMessage `json:"given"`
		Used  json.RawMessage `json:"used"`
	}{c.Value(), given, c.used.originsJSON()})
}

// Encoding, version 1:
//
//	BoundedCounter  version | n | (string | counts) * n | counts    givers strictly ascending, what each gave, not empty; what each used
//	counts          n | (string | count) * n                        origins strictly ascending, count > 0

// AppendBinary appends the encoding of c to b. The error is always nil.
func (c *BoundedCounter) AppendBinary(b []byte) ([]byte, error) {
	b = appendUvarint(append(b, version1), uint64(c.given.len()))
	for gifts := range c.given.all {
		b = gifts.v.appendCounts(appendString(b, gifts.k))
	}
	return c.used.appendCounts(b), nil
}

// UnmarshalBinary replaces c with the value encoded in data. On an error, which wraps [ErrCorrupt]
// or [ErrVersion], c is as before.
func (c *BoundedCounter) UnmarshalBinary(data []byte) error {
	r := open("BoundedCounter", data)
	var d BoundedCounter
	for left := r.count(4); left > 0 && r.err == nil; left-- {
		from := c.used.intern(r.bytes())
		if !d.given.below(from) {
			r.corrupt("givers are not ascending")
			break
		}
		gifts := c.used.readCounts(&r)
		if gifts.n == 0 {
			r.corrupt("a giver gave nothing")
		}
		*d.given.push(from) = gifts
	}
	d.used = c.used.readCounts(&r)
	if err := r.close(); err != nil {
		return err
	}
	for x := range d.numbers {
		d.book(x, x.n)
	}
	*c = d
	return nil
}
