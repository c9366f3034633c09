package crdt_test

import (
	"bytes"
	"runtime"
	"testing"

	"github.com/calmstream/calmstream/crdt"
)

// A decoder must not believe a length, and what it accepts must not take memory out of proportion. Each input is the worst for its
// type: a head, and a million items announced or as many of the shortest as fit.
//
//nolint:paralleltest // it measures memory, which other tests would disturb
func TestStreamDecodersAllocateNoMoreThanTheirInputWarrants(t *testing.T) {
	const million = "\xc0\x84\x3d"
	zeros := string(make([]byte, 100))
	n := func(items string) string { return "\xe8\x07" + string(bytes.Repeat([]byte(items), 1000)) } // 1000 of them
	decoders := map[string]func(data []byte) error{
		"Frontier": new(crdt.Frontier).UnmarshalBinary, "Tally": new(crdt.Tally).UnmarshalBinary,
		"SealedSet": new(crdt.SealedSet[string]).UnmarshalBinary, "Ledger": new(crdt.Ledger[string]).UnmarshalBinary,
		"Intervals": new(crdt.Intervals).UnmarshalBinary, "MaxK": new(crdt.MaxK[string]).UnmarshalBinary,
		"TopK": new(crdt.TopK[string, string]).UnmarshalBinary,
	}
	for _, c := range []struct {
		typ, data string
		accepted  bool
	}{
		{"Frontier", million + zeros, false},
		{"Tally", million + zeros, false},
		{"SealedSet", "\x00" + million + zeros, false},
		{"SealedSet", "\x00" + n("\x00\x00") + million + zeros, false},
		{"SealedSet", "\x00" + n("\x00\x00") + "\x00", true},
		{"Ledger", million + zeros, false},
		{"Ledger", "\x00" + million + zeros, false},
		{"Intervals", million + zeros, false},
		{"Intervals", n("\x01\x01"), true},
		{"MaxK", million + million + zeros, false},
		{"MaxK", million + "\x00", true},
		{"TopK", million + million + zeros, false},
		{"TopK", million + "\x00", true},
	} {
		data := []byte("\x01" + c.data)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		for range 100 {
			if err := decoders[c.typ](data); (err == nil) != c.accepted {
				t.Fatalf("%s from %x: %v", c.typ, data[:min(len(data), 10)], err)
			}
		}
		runtime.ReadMemStats(&after)
		if each := (after.TotalAlloc - before.TotalAlloc) / 100; each > 2<<10+40*uint64(len(data)) {
			t.Errorf("%s: decoding %d bytes allocates %d", c.typ, len(data), each)
		}
	}
}
