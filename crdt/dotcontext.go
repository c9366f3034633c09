package crdt

import (
	"encoding/json"
	"iter"
	"math"
	"strconv"
	"unique"
)

// DotContext is a set of dots that only grows: what a copy has heard of (the causal context of Almeida, Shoker, Baquero, JPDC
// 2018, §7.2). It merges by union; the zero DotContext is empty. Use [Clone] to copy one.
//
// It is a version vector with exceptions. Of each origin it keeps runs of consecutive numbers, normally the one
// from 1 on; dots that came out of order are runs of their own, and are joined with the others once nothing is
// missing between them. A plain version vector would take the missing ones for known, and a store beside it
// would take them for removed.
//
// Class of reads: Contains is monotone, ask [Saw]. Count is a lower bound. Next is not monotone: it is for the origin alone, which
// makes its updates one after the other.
//
// It is 32 bytes and 24 for each run. Contains, Next, and Add are O(log n) for n runs.
type DotContext struct {
	runs dotTable[uint64] // the first dot of a run, and the number of the last
}

// Contains reports whether d is known to be in the context. The zero Dot never is.
func (c *DotContext) Contains(d Dot) bool {
	if d.n == 0 {
		return false
	}
	run := c.runs.floor(d)
	return run != nil && run.d.origin == d.origin && run.v >= d.n
}

// Next returns the dot that follows all known dots of an origin. It adds nothing. Only the origin itself may use
// it, and must Add it before it asks again. It is the zero Dot if the origin has used all 2^64-1 dots.
func (c *DotContext) Next(origin string) Dot { return c.next(c.intern(origin)) }

func (c *DotContext) next(o origin) Dot {
	run := c.runs.floor(Dot{origin: o, n: math.MaxUint64})
	switch {
	case run == nil || run.d.origin != o:
		return Dot{origin: o, n: 1}
	case run.v == math.MaxUint64:
		return Dot{}
	default:
		return Dot{origin: o, n: run.v + 1}
	}
}

// intern returns the handle of a name. Those that a small context has at hand save a look into the table of all names.
func (c *DotContext) intern(name string) origin {
	for i := range c.runs.flat[:min(len(c.runs.flat), 8)] {
		if o := c.runs.flat[i].d.origin; o.Value() == name {
			return o
		}
	}
	return unique.Make(name)
}

// Add puts d into the context and returns the delta: the context of d alone, or bottom if d was there or is the zero Dot.
func (c *DotContext) Add(d Dot) (delta DotContext) {
	if c.add(d, d.n) {
		delta.add(d, d.n)
	}
	return delta
}

// add puts in the dots of d's origin from d's number to hi, and reports whether any was new.
func (c *DotContext) add(d Dot, hi uint64) bool {
	if d.n == 0 {
		return false
	}
	run := c.runs.floor(d)
	switch {
	case run == nil || run.d.origin != d.origin || run.v+1 < d.n && run.v < math.MaxUint64:
		run = nil
	case run.v >= hi:
		return false
	}
	if run == nil {
		c.runs.insert(d, hi)
	} else {
		run.v, d = hi, run.d
	}
	c.swallow(d, hi)
	return true
}

// swallow joins the run that begins at d and ends at hi with those that it has reached.
func (c *DotContext) swallow(d Dot, hi uint64) {
	for hi < math.MaxUint64 {
		next := c.runs.after(Dot{origin: d.origin, n: d.n + 1})
		if next == nil || next.d.origin != d.origin || next.d.n > hi+1 {
			return
		}
		end := max(hi, next.v)
		c.runs.remove(next.d)
		if end > hi {
			hi = end
			*c.runs.find(d) = hi
		}
	}
}

// Count returns how many dots are known, or the largest uint64 if there are more. It is a lower bound. O(number of runs).
func (c *DotContext) Count() (n uint64) {
	for run := range c.runs.all {
		n = saturatingAdd(saturatingAdd(n, run.v-run.d.n), 1)
	}
	return n
}

// All yields the dots known, by origin and number. The context must not change meanwhile.
func (c *DotContext) All() iter.Seq[Dot] {
	return func(yield func(Dot) bool) {
		for run := range c.runs.all {
			for d := run.d; ; d.n++ {
				if !yield(d) {
					return
				}
				if d.n == run.v {
					break
				}
			}
		}
	}
}

// Merge adds the dots of other and reports whether any was new. O(m log n) for m runs there.
func (c *DotContext) Merge(other *DotContext) (grew bool) {
	if c == other {
		return false
	}
	for run := range other.runs.all {
		grew = c.add(run.d, run.v) || grew
	}
	return grew
}

// Decompose yields the context of each dot alone, by origin and number.
func (c *DotContext) Decompose() iter.Seq[DotContext] {
	return func(yield func(DotContext) bool) {
		for d := range c.All() {
			var part DotContext
			part.add(d, d.n)
			if !yield(part) {
				return
			}
		}
	}
}

// Delta returns the dots that since lacks. O(m log n) for m runs in either.
func (c *DotContext) Delta(since *DotContext) (delta DotContext) {
	for run := range c.runs.all {
		d, hi := run.d, run.v
		if known := since.runs.floor(d); known != nil && known.d.origin == d.origin && known.v >= d.n {
			if known.v >= hi {
				continue
			}
			d.n = known.v + 1
		}
		whole := since.runs.between(d, hi, func(known *dotted[uint64]) bool {
			if known.d.n > d.n {
				delta.add(d, known.d.n-1)
			}
			if known.v >= hi {
				return false
			}
			d.n = known.v + 1
			return true
		})
		if whole {
			delta.add(d, hi)
		}
	}
	return delta
}

// below reports whether other has all dots of c. It copies nothing.
func (c *DotContext) below(other *DotContext) bool {
	for run := range c.runs.all {
		known := other.runs.floor(run.d)
		if known == nil || known.d.origin != run.d.origin || known.v < run.v {
			return false
		}
	}
	return true
}

// MarshalJSON shows the runs of numbers of each origin, such as {"shard-0":"1-17","shard-1":"1-3,5"}.
func (c DotContext) MarshalJSON() ([]byte, error) { return json.Marshal(c.text()) }

// text returns the runs of each origin in words.
func (c *DotContext) text() map[string]string {
	runs := map[string]string{}
	for run := range c.runs.all {
		s := strconv.FormatUint(run.d.n, 10)
		if run.v > run.d.n {
			s += "-" + strconv.FormatUint(run.v, 10)
		}
		if before := runs[run.d.Origin()]; before != "" {
			s = before + "," + s
		}
		runs[run.d.Origin()] = s
	}
	return runs
}

// Encoding, version 1:
//
//	DotContext   version | context
//	context      n | (origin | prefix | m | (gap | length)*m) * n     origins ascending
//
//	origin       string
//	prefix       uvarint: the dots from 1 to prefix are known; 0 only with m > 0
//	gap          uvarint: how many numbers are missing before the next run, less 1
//	length       uvarint: how many numbers the run has, less 1

// AppendBinary appends the encoding of c to b. The error is always nil.
func (c *DotContext) AppendBinary(b []byte) ([]byte, error) {
	return c.appendRuns(append(b, version1)), nil
}

// appendRuns appends a context.
func (c *DotContext) appendRuns(b []byte) []byte {
	origins := c.origins()
	b = appendUvarint(b, uint64(len(origins)))
	for _, o := range origins {
		first, prefix, runs := Dot{origin: o, n: 1}, uint64(0), uint64(0)
		c.runs.between(first, math.MaxUint64, func(run *dotted[uint64]) bool {
			if run.d.n == 1 {
				prefix = run.v
			} else {
				runs++
			}
			return true
		})
		b = appendUvarint(appendUvarint(appendString(b, o.Value()), prefix), runs)
		known := prefix
		c.runs.between(Dot{origin: o, n: 2}, math.MaxUint64, func(run *dotted[uint64]) bool {
			b = appendUvarint(appendUvarint(b, run.d.n-known-2), run.v-run.d.n)
			known = run.v
			return true
		})
	}
	return b
}

// origins returns the origins that have dots, ascending.
func (c *DotContext) origins() (all []origin) {
	for run := range c.runs.all {
		if len(all) == 0 || all[len(all)-1] != run.d.origin {
			all = append(all, run.d.origin)
		}
	}
	return all
}

// UnmarshalBinary replaces c with the value encoded in data. On an error, which wraps [ErrCorrupt]
// or [ErrVersion], c is as before.
func (c *DotContext) UnmarshalBinary(data []byte) error {
	r := open("DotContext", data)
	read := readRuns(&r)
	if err := r.close(); err != nil {
		return err
	}
	*c = read
	return nil
}

// readRuns reads what appendRuns wrote.
func readRuns(r *reader) (c DotContext) {
	last, n := "", r.count(3)
	for i := range n {
		name := string(r.bytes())
		if i > 0 && name <= last {
			r.corrupt("origins are not ascending")
		}
		prefix, runs := r.uvarint(), r.count(2)
		if prefix == 0 && runs == 0 {
			r.corrupt("an origin has no dots")
		}
		if r.err != nil {
			return c
		}
		o := unique.Make(name)
		if prefix > 0 {
			c.runs.insert(Dot{origin: o, n: 1}, prefix)
		}
		for known := prefix; runs > 0 && r.err == nil; runs-- {
			gap, length := r.uvarint(), r.uvarint()
			if gap > math.MaxUint64-2 || known > math.MaxUint64-2-gap || length > math.MaxUint64-2-gap-known {
				r.corrupt("a dot exceeds 64 bits")
				break
			}
			d := Dot{origin: o, n: known + gap + 2}
			known = d.n + length
			c.runs.insert(d, known)
		}
		last = name
	}
	return c
}
