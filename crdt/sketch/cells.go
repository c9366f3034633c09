package sketch

import (
	"encoding/binary"
	"math"
	"slices"

	"github.com/calmstream/calmstream/crdt/internal/wire"
)

// cell is a count above 0.
type cell struct {
	key uint32
	n   uint64
}

// find returns the first index of an ascending list whose key is not below key, and whether it is that key.
func find(list []cell, key uint32) (at int, found bool) {
	low, high := 0, len(list)
	for low < high {
		if mid := int(uint(low+high) >> 1); list[mid].key < key {
			low = mid + 1
		} else {
			high = mid
		}
	}
	return low, low < len(list) && list[low].key == key
}

// cells are the counts of one origin, by a key below a width that the type that holds them gives. They merge by maximum.
//
// They are a list until it pays to keep all counts, or until moving them costs too much. Which of the two it is
// depends on history; it does not show.
type cells struct {
	list []cell   // ascending
	all  []uint64 // nil while they are listed
}

// maxCells bounds what an insertion into a list moves to 64 KiB.
const maxCells = 4096

func (c *cells) get(key uint32) uint64 {
	if c.all != nil {
		return c.all[key]
	}
	if at, found := find(c.list, key); found {
		return c.list[at].n
	}
	return 0
}

// raise lifts a count to n, which is above 0, and reports whether it was lower.
func (c *cells) raise(key uint32, n uint64, width int) bool {
	return raiseTo(c.at(key, width), n)
}

// add counts n more, which is above 0, and returns the sum and whether that is more.
func (c *cells) add(key uint32, n uint64, width int) (sum uint64, grew bool) {
	count := c.at(key, width)
	sum = saturatingAdd(*count, n)
	return sum, raiseTo(count, sum)
}

// at returns where a count stands, which is made if there is none yet: it must not stay 0.
func (c *cells) at(key uint32, width int) *uint64 {
	if c.all != nil {
		return &c.all[key]
	}
	at, found := find(c.list, key)
	if !found {
		c.list = slices.Insert(c.list, at, cell{key: key})
		if c.spread(width); c.all != nil {
			return &c.all[key]
		}
	}
	return &c.list[at].n
}

func raiseTo(mine *uint64, n uint64) bool {
	if n <= *mine {
		return false
	}
	*mine = n
	return true
}

// spread ends a list that has become too long.
func (c *cells) spread(width int) {
	if len(c.list) <= min(width/4, maxCells) {
		return
	}
	c.all = make([]uint64, width)
	for _, x := range c.list {
		c.all[x.key] = x.n
	}
	c.list = nil
}

func (c *cells) merge(other *cells, width int) (grew bool) {
	if c.all != nil || other.all != nil {
		for key, n := range other.each {
			grew = c.raise(key, n, width) || grew
		}
		return grew
	}
	var fresh []cell
	at := 0
	for _, x := range other.list {
		i, found := find(c.list[at:], x.key)
		at += i
		if found {
			grew = raiseTo(&c.list[at].n, x.n) || grew
		} else {
			fresh = append(fresh, x)
		}
	}
	if len(fresh) == 0 {
		return grew
	}
	c.list = weave(c.list, fresh, func(a, b cell) bool { return a.key > b.key })
	c.spread(width)
	return true
}

// each yields the counts above 0, by ascending key.
func (c *cells) each(yield func(key uint32, n uint64) bool) {
	for _, x := range c.list {
		if !yield(x.key, x.n) {
			return
		}
	}
	for key, n := range c.all {
		if n > 0 && !yield(uint32(key), n) {
			return
		}
	}
}

func (c *cells) len() int {
	n := len(c.list)
	for _, x := range c.all {
		if x > 0 {
			n++
		}
	}
	return n
}

// The encoding of cells: n | (gap | count) * n, by ascending key. A gap is the number of keys without a count since
// the key before.
func (c *cells) appendTo(b []byte) []byte {
	b = binary.AppendUvarint(b, uint64(c.len()))
	next := uint32(0)
	for key, n := range c.each {
		b = binary.AppendUvarint(b, uint64(key-next))
		b = binary.AppendUvarint(b, n)
		next = key + 1
	}
	return b
}

// read reads what appendTo wrote. Keys stand from lowest to below width.
func (c *cells) read(r *wire.Reader, lowest uint64, width int) {
	count := r.Count(2)
	if r.OK() && count == 0 {
		r.Corrupt("an origin has no counts")
	}
	list, next := make([]cell, 0, count), uint64(0)
	for ; count > 0 && r.OK(); count-- {
		gap, n := r.Uvarint(), r.Uvarint()
		switch {
		case !r.OK():
		case gap >= uint64(width)-next:
			r.Corrupt("a key is too large")
		case next+gap < lowest:
			r.Corrupt("a key is too small")
		case n == 0:
			r.Corrupt("a count is 0")
		}
		list = append(list, cell{uint32(next + gap), n})
		next += gap + 1
	}
	*c = cells{list: list}
}

// saturatingAdd is a+b, or the largest uint64 where that would wrap.
func saturatingAdd(a, b uint64) uint64 {
	if sum := a + b; sum >= a {
		return sum
	}
	return math.MaxUint64
}
