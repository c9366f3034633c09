package crdttest_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"slices"
)

// The lattices of this file merge and round-trip well. They are no match for bytes that nobody encoded.

var errHostile = errors.New("no list")

// list is a sorted list of bytes behind its length, whose decoding D does.
type list[D lists] struct{ items []byte }

type lists interface {
	items(data []byte) ([]byte, error)
}

func (l *list[D]) Merge(o *list[D]) (grew bool) {
	for _, k := range o.items {
		if i, found := slices.BinarySearch(l.items, k); !found {
			l.items = slices.Insert(slices.Clone(l.items), i, k)
			grew = true
		}
	}
	return grew
}

func (l *list[D]) AppendBinary(b []byte) ([]byte, error) {
	return append(binary.AppendUvarint(append(b, 1), uint64(len(l.items))), l.items...), nil
}

func (l *list[D]) UnmarshalBinary(data []byte) error {
	if len(data) < 2 || data[0] != 1 {
		return errHostile
	}
	var d D
	items, err := d.items(data[1:])
	if err == nil {
		l.items = items
	}
	return err
}

// careful decodes well.
type careful struct{}

func (careful) items(data []byte) ([]byte, error) {
	if int(data[0]) != len(data)-1 || data[0] > 127 {
		return nil, errHostile
	}
	for i := 2; i < len(data); i++ {
		if data[i] <= data[i-1] {
			return nil, errHostile
		}
	}
	return bytes.Clone(data[1:]), nil
}

// trusting makes room for as many items as are announced.
type trusting struct{}

func (trusting) items(data []byte) ([]byte, error) {
	n, size := binary.Uvarint(data)
	if size <= 0 || n > 1<<30 {
		return nil, errHostile
	}
	room := make([]byte, 0, n)
	items, err := careful{}.items(data)
	return append(room, items...), err
}

// roomy makes room for ten times what could be there.
type roomy struct{}

func (roomy) items(data []byte) ([]byte, error) {
	room := make([]byte, 0, 1000*len(data))
	items, err := careful{}.items(data)
	return append(room, items...), err
}

// careless reads as many items as are announced.
type careless struct{}

func (careless) items(data []byte) ([]byte, error) {
	if _, err := (careful{}).items(data[:min(len(data), 1+int(data[0]))]); err != nil && len(data) > 1+int(data[0]) {
		return nil, err
	}
	return careful{}.items(data[:1+int(data[0])])
}

// lazy does not copy lists that begin in the upper half.
type lazy struct{}

func (lazy) items(data []byte) ([]byte, error) {
	items, err := careful{}.items(data)
	if err == nil && len(items) > 0 && items[0] > 127 {
		return data[1:], nil
	}
	return items, err
}

// tidy zeroes what it refuses.
type tidy struct{}

func (tidy) items(data []byte) ([]byte, error) {
	items, err := careful{}.items(data)
	if err != nil {
		clear(data)
	}
	return items, err
}

// unsorted does not look at the order of long lists.
type unsorted struct{}

func (unsorted) items(data []byte) ([]byte, error) {
	if len(data) > 4 && int(data[0]) == len(data)-1 && data[0] < 128 {
		return bytes.Clone(data[1:]), nil
	}
	return careful{}.items(data)
}

// growing is a maximum that, once it has the value 200, which no sample has, never stops growing.
type growing struct{ cell }

func (c *growing) Merge(o *growing) bool {
	if c.x == 0 {
		return c.set(o.cell)
	}
	if c.x == 200 || o.x == 200 {
		c.set(cell{200, max(c.y, o.y)})
		return true
	}
	return c.set(cell{max(c.x, o.x), max(c.y, o.y)})
}
