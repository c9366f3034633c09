//go:build unix

package main

import (
	"encoding/binary"
	"fmt"
	"iter"
	"strconv"

	"github.com/nats-io/nats.go"
)

// mix spreads a number over all others (SplitMix64): record i of an input can be made again by anyone who knows i.
func mix(i int) uint64 {
	z := uint64(i)*0x9e3779b97f4a7c15 + 0x9e3779b97f4a7c15
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

// keyOf is the key of a record, one of keys.
func keyOf(record, keys int) int { return int(mix(record) % uint64(keys)) }

// countsOf counts records by key, one by one: what the contenders must find.
func countsOf(records int, name func(record int) string) map[string]string {
	counts := make(map[string]int)
	for i := range records {
		counts[name(i)]++
	}
	found := make(map[string]string, len(counts))
	for key, n := range counts {
		found[key] = strconv.Itoa(n)
	}
	return found
}

// eventSize is the size of an event.
const eventSize = 150

// appendEvent writes record i as JSON, padded to eventSize in the field page.
func appendEvent(b []byte, i, keys int) []byte {
	r := mix(i)
	b = fmt.Appendf(b, `{"id":"%08x","user":"u%06d","ad":"ad-%05d","kind":"view","time":%d,"price":%d,"page":"https://example.org/`,
		uint32(r>>32), r>>8%1_000_000, keyOf(i, keys), 1_700_000_000_000+int64(i), 100+r%900)
	for len(b) < eventSize-2 {
		b = append(b, 'a'+byte(len(b)%26))
	}
	return append(b, `"}`...)
}

// perMessage is how many records a packed message holds.
const perMessage = 512

// appendPacked writes records from first to last, eight bytes each.
func appendPacked(b []byte, first, last, keys int) []byte {
	for i := first; i < last; i++ {
		b = binary.LittleEndian.AppendUint64(b, uint64(keyOf(i, keys)))
	}
	return b
}

// unpack yields the keys of a packed message.
func unpack(b []byte) iter.Seq[uint64] {
	return func(yield func(uint64) bool) {
		for ; len(b) >= 8; b = b[8:] {
			if !yield(binary.LittleEndian.Uint64(b)) {
				return
			}
		}
	}
}

// packedName is the text of a packed key.
func packedName(key uint64) string { return strconv.FormatUint(key, 10) }

// fillPacked makes packed messages for the subjects of the case in turn.
func fillPacked(c testcase, put func(*nats.Msg) error) error {
	for m := range c.Messages {
		first := m * perMessage
		msg := nats.NewMsg(c.Subjects[m%len(c.Subjects)])
		msg.Data = appendPacked(nil, first, min(first+perMessage, c.Records), c.Keys)
		if err := put(msg); err != nil {
			return err
		}
	}
	return nil
}

// wantPacked counts the keys of packed messages.
func wantPacked(c testcase) map[string]string {
	return countsOf(c.Records, func(i int) string { return packedName(uint64(keyOf(i, c.Keys))) })
}
