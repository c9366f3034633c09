package msgpack

import (
	"encoding/binary"
	"errors"
)

// maxLevels is how deep arrays and maps can be nested.
const maxLevels = 64

var (
	errShort  = errors.New("it ends too early, or announces more than follows")
	errDeep   = errors.New("more than 64 levels")
	errLeft   = errors.New("bytes are left behind the value")
	errFormat = errors.New("the byte 0xc1 begins nothing")
)

// whole checks that data are one value, by walking through all of it: O(len(data)), without allocation. From there on no length in it is a lie.
func whole(data []byte) error {
	rest, err := skip(data, 0)
	if err == nil && len(rest) > 0 {
		err = errLeft
	}
	return err
}

// skip returns what follows the first value.
func skip(data []byte, level int) (rest []byte, err error) {
	if len(data) == 0 {
		return nil, errShort
	}
	first := data[0]
	data = data[1:]
	switch {
	case first <= 0x7f || first >= 0xe0: // a small number
		return data, nil
	case first <= 0x8f:
		return skipMany(data, 2*uint64(first&0x0f), level)
	case first <= 0x9f:
		return skipMany(data, uint64(first&0x0f), level)
	case first <= 0xbf:
		return cut(data, uint64(first&0x1f))
	}
	s := shapes[first-0xc0]
	if s.length == 0 {
		if first == 0xc1 {
			return nil, errFormat
		}
		return cut(data, uint64(s.fixed))
	}
	if len(data) < s.length {
		return nil, errShort
	}
	n := big(data[:s.length])
	data = data[s.length:]
	if s.elements > 0 {
		return skipMany(data, uint64(s.elements)*n, level)
	}
	return cut(data, n+uint64(s.fixed))
}

// shape says what follows a first byte from 0xc0 to 0xdf: a length of some bytes, and then as many elements (two for each
// pair of a map) or bytes; and a fixed number of bytes.
type shape struct{ length, elements, fixed int }

var shapes = [...]shape{
	{}, {}, {}, {}, // nil, none, false, true
	{length: 1}, {length: 2}, {length: 4}, // bin
	{length: 1, fixed: 1}, {length: 2, fixed: 1}, {length: 4, fixed: 1}, // ext: its type is one byte
	{fixed: 4}, {fixed: 8}, // float
	{fixed: 1}, {fixed: 2}, {fixed: 4}, {fixed: 8}, // uint
	{fixed: 1}, {fixed: 2}, {fixed: 4}, {fixed: 8}, // int
	{fixed: 2}, {fixed: 3}, {fixed: 5}, {fixed: 9}, {fixed: 17}, // fixext
	{length: 1}, {length: 2}, {length: 4}, // str
	{length: 2, elements: 1}, {length: 4, elements: 1}, // array
	{length: 2, elements: 2}, {length: 4, elements: 2}, // map
}

// big reads a number, big endian.
func big(b []byte) uint64 {
	switch len(b) {
	case 1:
		return uint64(b[0])
	case 2:
		return uint64(binary.BigEndian.Uint16(b))
	default:
		return uint64(binary.BigEndian.Uint32(b))
	}
}

func cut(data []byte, n uint64) (rest []byte, err error) {
	if n > uint64(len(data)) {
		return nil, errShort
	}
	return data[n:], nil
}

func skipMany(data []byte, n uint64, level int) (rest []byte, err error) {
	if n > uint64(len(data)) { // each takes a byte at least
		return nil, errShort
	}
	if level == maxLevels {
		return nil, errDeep
	}
	for ; n > 0 && err == nil; n-- {
		data, err = skip(data, level+1)
	}
	return data, err
}
