package crdttest_test

import (
	"bytes"
	"errors"
	"maps"
	"slices"
)

// cell is two bytes with a correct codec: the base of lattices whose Merge is wrong.
type cell struct{ x, y byte }

func (c *cell) AppendBinary(b []byte) ([]byte, error) { return append(b, 1, c.x, c.y), nil }

func (c *cell) UnmarshalBinary(data []byte) error {
	if len(data) != 3 || data[0] != 1 {
		return errors.New("not a cell")
	}
	c.x, c.y = data[1], data[2]
	return nil
}

// set stores a new value and reports truthfully whether it differs.
func (c *cell) set(d cell) bool {
	changed := *c != d
	*c = d
	return changed
}

// good is a lattice: two independent maxima.
type good struct{ cell }

func (c *good) Merge(o *good) bool { return c.set(cell{max(c.x, o.x), max(c.y, o.y)}) }

// sum adds.
type sum struct{ cell }

func (c *sum) Merge(o *sum) bool { return c.set(cell{c.x + o.x, c.y + o.y}) }

// lastWriter is a register (time x, value y) in which a tie goes to the one merged last.
type lastWriter struct{ cell }

func (c *lastWriter) Merge(o *lastWriter) bool { return o.x >= c.x && c.set(o.cell) }

// dominating pairs a set of bits x with a maximum y: the larger set wins, incomparable ones merge both parts.
type dominating struct{ cell }

func (c *dominating) Merge(o *dominating) bool {
	switch {
	case c.x&o.x == c.x && c.x != o.x:
		return c.set(o.cell)
	case c.x&o.x == o.x && c.x != o.x:
		return false
	default:
		return c.set(cell{c.x | o.x, max(c.y, o.y)})
	}
}

// eager always says that it grew.
type eager struct{ cell }

func (c *eager) Merge(o *eager) bool { c.set(cell{max(c.x, o.x), max(c.y, o.y)}); return true }

// equalGrew says that it grew when merged with an equal value above the bottom.
type equalGrew struct{ cell }

func (c *equalGrew) Merge(o *equalGrew) bool {
	if o.x == 0 || o.x < c.x {
		return false
	}
	c.x = o.x
	return true
}

// bragging says that it grew when merged with a smaller value above the bottom.
type bragging struct{ cell }

func (c *bragging) Merge(o *bragging) bool {
	return c.set(cell{max(c.x, o.x), max(c.y, o.y)}) || 0 < o.x && o.x < c.x
}

// selfish says that it grew when merged with itself.
type selfish struct{ cell }

func (c *selfish) Merge(o *selfish) bool { return c.set(cell{max(c.x, o.x), max(c.y, o.y)}) || c == o }

// vain is emptied by being merged with itself.
type vain struct{ cell }

func (c *vain) Merge(o *vain) bool {
	if c == o {
		c.cell = cell{}
	}
	return c.set(cell{max(c.x, o.x), max(c.y, o.y)})
}

// silent never says that it grew.
type silent struct{ cell }

func (c *silent) Merge(o *silent) bool { c.set(cell{max(c.x, o.x), max(c.y, o.y)}); return false }

// bareMin is a minimum whose zero value is 0 and not "none".
type bareMin struct{ cell }

func (c *bareMin) Merge(o *bareMin) bool { return c.set(cell{min(c.x, o.x), 0}) }

// washed becomes the bottom when merged with it.
type washed struct{ cell }

func (c *washed) Merge(o *washed) bool {
	if o.cell == (cell{}) {
		return c.set(cell{})
	}
	return c.set(cell{max(c.x, o.x), max(c.y, o.y)})
}

// stubborn keeps its own value.
type stubborn struct{ cell }

func (c *stubborn) Merge(*stubborn) bool { return false }

// cyclic takes the value that wins at rock, paper, scissors (1, 2, 3): each pair has an order, three have none.
type cyclic struct{ cell }

func (c *cyclic) Merge(o *cyclic) bool {
	if c.x == 0 || o.x != 0 && o.x == c.x%3+1 {
		return c.set(o.cell)
	}
	return false
}

// swapping exchanges the values on its way to the maximum.
type swapping struct{ cell }

func (c *swapping) Merge(o *swapping) bool {
	if o.x <= c.x {
		return false
	}
	c.x, o.x = o.x, c.x
	return true
}

// bits is a set of small numbers in a map, the base of lattices with memory behind a pointer. Its codec is correct.
type bits struct{ m map[byte]bool }

func (s *bits) keys() []byte {
	var keys []byte
	for k := range s.m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

func (s *bits) add(keys []byte) (grew bool) {
	for _, k := range keys {
		if !s.m[k] {
			if s.m == nil {
				s.m = make(map[byte]bool)
			}
			s.m[k] = true
			grew = true
		}
	}
	return grew
}

func (s *bits) AppendBinary(b []byte) ([]byte, error) { return append(append(b, 1), s.keys()...), nil }

func (s *bits) UnmarshalBinary(data []byte) error {
	if len(data) == 0 || data[0] != 1 {
		return errors.New("not a set")
	}
	for i := 2; i < len(data); i++ {
		if data[i] <= data[i-1] {
			return errors.New("not ascending")
		}
	}
	*s = bits{m: make(map[byte]bool)} // even if empty: only the zero value has none
	s.add(data[1:])
	return nil
}

// aliasing takes over the map of other when it has none.
type aliasing struct{ bits }

func (s *aliasing) Merge(o *aliasing) bool {
	if s.m == nil {
		s.m = o.m
		return len(s.m) > 0
	}
	return s.add(o.keys())
}

// lending copies on write. It shares the map of other, but lets the receiver think that it owns it.
type lending struct {
	bits
	shared bool
}

func (s *lending) Merge(o *lending) bool { return s.share(o, &o.shared) }

func (s *lending) share(o *lending, mark *bool) bool {
	if s.m == nil {
		s.m = o.m
		*mark = true
		return len(s.m) > 0
	}
	if s.shared {
		s.m, s.shared = maps.Clone(s.m), false
	}
	return s.add(o.keys())
}

// borrowing copies on write. It shares the map of other, but lets other think that it owns it.
type borrowing struct{ lending }

func (s *borrowing) Merge(o *borrowing) bool { return s.share(&o.lending, &s.shared) }

// reusing is a byte string that merges by taking over the larger one, and decodes into the memory it has.
type reusing struct{ data []byte }

func (r *reusing) Merge(o *reusing) bool {
	if bytes.Compare(o.data, r.data) <= 0 {
		return false
	}
	r.data = o.data
	return true
}

func (r *reusing) AppendBinary(b []byte) ([]byte, error) { return append(append(b, 1), r.data...), nil }

func (r *reusing) UnmarshalBinary(data []byte) error {
	if len(data) == 0 || data[0] != 1 {
		return errors.New("not a byte string")
	}
	r.data = append(r.data[:0], data[1:]...)
	return nil
}
