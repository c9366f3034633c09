package crdt_test

import (
	"bytes"
	"errors"
	"testing"

	"github.com/calmstream/calmstream/crdt"
)

// fuzz decodes anything onto a value. Refused bytes must leave the value as it was and give one of two errors; accepted
// bytes must be exactly what the value is encoded as, and the value must behave.
func fuzz[L any, P crdt.Lattice[L]](f *testing.F, seeds ...L) {
	f.Helper()
	for _, seed := range append(seeds, *new(L)) {
		f.Add([]byte(encode[L, P](f, &seed)))
	}
	f.Add([]byte{1, 0xff, 0xff, 0xff, 0xff, 0x0f, 1, 1})
	f.Add([]byte{2})
	f.Fuzz(func(t *testing.T, data []byte) {
		start := seeds[0]
		x := crdt.Clone[L, P](&start)
		input := bytes.Clone(data)
		if err := P(&x).UnmarshalBinary(input); err != nil {
			if !errors.Is(err, crdt.ErrCorrupt) && !errors.Is(err, crdt.ErrVersion) {
				t.Fatalf("unknown error %v", err)
			}
			if got := encode[L, P](t, &x); got != encode[L, P](t, &start) {
				t.Fatalf("refused, but the receiver became %x", got)
			}
			return
		}
		clear(input) // the value must not keep it
		if got := encode[L, P](t, &x); got != string(data) {
			t.Fatalf("accepted, but encoded as %x", got)
		}
		var joined L
		if P(&joined).Merge(&x); encode[L, P](t, &joined) != string(data) {
			t.Fatalf("merged into the bottom it is %x", encode[L, P](t, &joined))
		}
		if P(&joined).Merge(&start); P(&joined).Merge(&x) || P(&joined).Merge(&start) {
			t.Fatal("a merge grew twice")
		}
	})
}

func FuzzMaxInt16(f *testing.F) { fuzz(f, crdt.MaxOf(int16(-300)), crdt.MaxOf(int16(7))) }

func FuzzMaxString(f *testing.F) { fuzz(f, crdt.MaxOf("abc"), crdt.MaxOf("")) }

func FuzzMinUint64(f *testing.F) { fuzz(f, crdt.MinOf(uint64(1)<<63), crdt.MinOf(uint64(0))) }

func FuzzGCounter(f *testing.F) { fuzz(f, counter("b", 300, "a", 1, "c", 7), counter("", 1)) }

func FuzzGSetInt(f *testing.F) { fuzz(f, crdt.GSetOf(5, -5, 1<<30), crdt.GSetOf(0)) }

func FuzzGSetString(f *testing.F) { fuzz(f, crdt.GSetOf("b", "", "ab"), crdt.GSetOf("x")) }

func FuzzMapOfMax(f *testing.F) { fuzz(f, scoresOf(map[string]int64{"a": 1, "b": -300})) }

func FuzzMapOfMapOfMax(f *testing.F) {
	fuzz(f, crdt.MapOf("x", scoresOf(map[string]int64{"a": 1, "b": 2})))
}

func FuzzMapOfGSet(f *testing.F) {
	fuzz(f, crdt.MapOf("x", crdt.GSetOf[uint16](1, 500)), crdt.MapOf("", crdt.GSetOf[uint16](0)))
}
