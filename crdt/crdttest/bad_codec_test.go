package crdttest_test

import (
	"bytes"
	"encoding/binary"
	"errors"
)

// The lattices of this file merge well and encode badly.

// unordered encodes in the order of the map.
type unordered struct{ bits }

func (s *unordered) Merge(o *unordered) bool { return s.add(o.keys()) }

func (s *unordered) AppendBinary(b []byte) ([]byte, error) {
	b = append(b, 1)
	for k := range s.m {
		b = append(b, k)
	}
	return b, nil
}

// view is a byte string that merges by maximum; it keeps the bytes it was decoded from.
type view struct{ data []byte }

func (v *view) Merge(o *view) bool {
	if bytes.Compare(o.data, v.data) <= 0 {
		return false
	}
	v.data = bytes.Clone(o.data)
	return true
}

func (v *view) AppendBinary(b []byte) ([]byte, error) { return append(append(b, 1), v.data...), nil }

func (v *view) UnmarshalBinary(data []byte) error {
	if len(data) == 0 || data[0] != 1 {
		return errors.New("not a view")
	}
	v.data = data[1:]
	return nil
}

// clobbering reads part of the input before it finds the rest missing.
type clobbering struct{ cell }

func (c *clobbering) Merge(o *clobbering) bool { return c.set(cell{max(c.x, o.x), max(c.y, o.y)}) }

func (c *clobbering) UnmarshalBinary(data []byte) error {
	if len(data) == 2 {
		c.x = data[1]
	}
	return c.cell.UnmarshalBinary(data)
}

// panicking trusts the length of its input.
type panicking struct{ cell }

func (c *panicking) Merge(o *panicking) bool { return c.set(cell{max(c.x, o.x), max(c.y, o.y)}) }

func (c *panicking) UnmarshalBinary(data []byte) error { return c.cell.UnmarshalBinary(data[:3]) }

// lax is a maximum that accepts numbers in more than one form.
type lax struct{ n uint64 }

func (l *lax) Merge(o *lax) bool {
	if o.n <= l.n {
		return false
	}
	l.n = o.n
	return true
}

func (l *lax) AppendBinary(b []byte) ([]byte, error) {
	return binary.AppendUvarint(append(b, 1), l.n), nil
}

func (l *lax) UnmarshalBinary(data []byte) error {
	if len(data) == 0 || data[0] != 1 {
		return errors.New("not a lax")
	}
	n, size := binary.Uvarint(data[1:])
	if size != len(data)-1 || size <= 0 {
		return errors.New("not a number")
	}
	l.n = n
	return nil
}

// trailing ignores what follows the value.
type trailing struct{ cell }

func (c *trailing) Merge(o *trailing) bool { return c.set(cell{max(c.x, o.x), max(c.y, o.y)}) }

func (c *trailing) UnmarshalBinary(data []byte) error {
	return c.cell.UnmarshalBinary(data[:min(3, len(data))])
}

// forgetful decodes to the bottom.
type forgetful struct{ cell }

func (c *forgetful) Merge(o *forgetful) bool { return c.set(cell{max(c.x, o.x), max(c.y, o.y)}) }

func (c *forgetful) UnmarshalBinary([]byte) error { *c = forgetful{}; return nil }

// joining merges what it decodes into the receiver instead of replacing it.
type joining struct{ cell }

func (c *joining) Merge(o *joining) bool { return c.set(cell{max(c.x, o.x), max(c.y, o.y)}) }

func (c *joining) UnmarshalBinary(data []byte) error {
	var d joining
	if err := d.cell.UnmarshalBinary(data); err != nil {
		return err
	}
	c.Merge(&d)
	return nil
}

// overwriting starts its encoding at the beginning of the buffer.
type overwriting struct{ cell }

func (c *overwriting) Merge(o *overwriting) bool { return c.set(cell{max(c.x, o.x), max(c.y, o.y)}) }

func (c *overwriting) AppendBinary(b []byte) ([]byte, error) { return c.cell.AppendBinary(b[:0]) }

// failing cannot encode.
type failing struct{ cell }

func (c *failing) Merge(o *failing) bool { return c.set(cell{max(c.x, o.x), max(c.y, o.y)}) }

func (c *failing) AppendBinary(b []byte) ([]byte, error) { return b, errors.New("no ink") }

// empty encodes to nothing.
type empty struct{ cell }

func (c *empty) Merge(*empty) bool { return false }

func (c *empty) AppendBinary(b []byte) ([]byte, error) { return b, nil }

// tiring encodes once.
type tiring struct {
	cell
	calls int
}

func (c *tiring) Merge(o *tiring) bool { return c.set(cell{max(c.x, o.x), max(c.y, o.y)}) }

func (c *tiring) AppendBinary(b []byte) ([]byte, error) {
	if c.calls++; c.calls > 1 {
		return b, errors.New("no ink left")
	}
	return c.cell.AppendBinary(b)
}

// fresh decodes onto the zero value only.
type fresh struct{ cell }

func (c *fresh) Merge(o *fresh) bool { return c.set(cell{max(c.x, o.x), max(c.y, o.y)}) }

func (c *fresh) UnmarshalBinary(data []byte) error {
	if *c != (fresh{}) {
		return errors.New("not a fresh one")
	}
	return c.cell.UnmarshalBinary(data)
}

// scribbling zeroes what it has read.
type scribbling struct{ cell }

func (c *scribbling) Merge(o *scribbling) bool { return c.set(cell{max(c.x, o.x), max(c.y, o.y)}) }

func (c *scribbling) UnmarshalBinary(data []byte) error {
	err := c.cell.UnmarshalBinary(data)
	clear(data)
	return err
}
