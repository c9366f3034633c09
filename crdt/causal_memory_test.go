package crdt_test

import (
	"runtime"
	"strconv"
	"testing"
	"unsafe"

	"github.com/calmstream/calmstream/crdt"
)

// heap returns how many bytes are in use.
func heap() int64 {
	runtime.GC()
	runtime.GC() // what the first one finalised
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// bytesEach returns the memory of a value behind the value itself, for each of the n elements in it. What the test itself uses is
// lost among the copies.
func bytesEach[L any](n, copies int, fill func(x *L)) int {
	all := make([]L, copies)
	before := heap()
	for i := range all {
		fill(&all[i])
	}
	used := heap() - before
	runtime.KeepAlive(all)
	return int(used) / copies / n
}

// TestMemoryOfCausalTypes holds the bytes that the documentation states. Large maps of Go are between half and fully
// used: 125,000 is close to where they are half used, 10^6 in between.
//
//nolint:paralleltest // it measures memory, which other tests would disturb
func TestMemoryOfCausalTypes(t *testing.T) {
	const many = 125_000
	words := make([]string, many)
	for i := range words {
		words[i] = "user-" + strconv.Itoa(i)
	}
	addWords := func(n int) func(s *crdt.AWSet[string]) {
		return func(s *crdt.AWSet[string]) {
			for _, w := range words[:n] {
				s.Add("a", w)
			}
		}
	}
	addNumbers := func(n int) func(s *crdt.AWSet[int]) {
		return func(s *crdt.AWSet[int]) {
			for i := range n {
				s.Add("a", i)
			}
		}
	}
	flagWords := func(n int) func(m *crdt.ORMap[string, crdt.EWFlagStore, *crdt.EWFlagStore]) {
		return func(m *crdt.ORMap[string, crdt.EWFlagStore, *crdt.EWFlagStore]) {
			for _, w := range words[:n] {
				m.Update("a", w, func(f *crdt.EWFlagStore, c *crdt.Clock) { f.Enable(c) })
			}
		}
	}
	addToRWSet := func(s *crdt.RWSet[string]) {
		for _, w := range words {
			s.Add("a", w)
		}
	}
	for _, m := range []struct {
		what      string
		got, most int
	}{
		{"an AWSet of a word", bytesEach(1, 20_000, addWords(1)), 24 + 32},
		{"each of 16 words in an AWSet", bytesEach(16, 2000, addWords(16)), 32 + 2},
		{"each of 100 words in an AWSet", bytesEach(100, 200, addWords(100)), 90},
		{"each of many words in an AWSet", bytesEach(many, 1, addWords(many)), 16 + 80},
		{"each of many numbers in an AWSet", bytesEach(many, 1, addNumbers(many)), 8 + 62},
		{"each of many words in an RWSet", bytesEach(many, 1, addToRWSet), 16 + 145},
		{"each of many flags in an ORMap", bytesEach(many, 1, flagWords(many)), 16 + 32 + 16 + 90},
		{"an EWFlag", bytesEach(1, 20_000, func(f *crdt.EWFlag) { f.Enable("a") }), 24 + 16},
		{"a DWFlag", bytesEach(1, 20_000, func(f *crdt.DWFlag) { f.Disable("a") }), 24 + 24},
		{"an MVRegister of a word", bytesEach(1, 20_000, func(r *crdt.MVRegister[string]) { r.Write("a", "x") }), 24 + 48},
		{"an MVRegister of a number", bytesEach(1, 20_000, func(r *crdt.MVRegister[int]) { r.Write("a", 1) }), 24 + 32},
		{"an ORCounter", bytesEach(1, 20_000, func(c *crdt.ORCounter) { c.Add("a", 1) }), 24 + 32},
	} {
		if m.got > m.most {
			t.Errorf("%s takes %d bytes, more than %d", m.what, m.got, m.most)
		}
	}
	for what, sizes := range map[string][2]uintptr{
		"an AWSet":   {unsafe.Sizeof(crdt.AWSet[string]{}), 72},
		"an EWFlag":  {unsafe.Sizeof(crdt.EWFlag{}), 64},
		"an RWSet":   {unsafe.Sizeof(crdt.RWSet[string]{}), 64},
		"a register": {unsafe.Sizeof(crdt.MVRegister[string]{}), 64},
	} {
		if sizes[0] != sizes[1] {
			t.Errorf("%s has %d bytes, and the documentation says %d", what, sizes[0], sizes[1])
		}
	}
}

// TestMemoryIsGivenBack after most of a large state was removed.
//
//nolint:paralleltest // as above
func TestMemoryIsGivenBack(t *testing.T) {
	const n = 50_000
	before := heap()
	var s crdt.AWSet[int]
	var m crdt.ORMap[int, crdt.EWFlagStore, *crdt.EWFlagStore]
	for i := range n {
		s.Add("a", i)
		m.Update("a", i, func(f *crdt.EWFlagStore, c *crdt.Clock) { f.Enable(c) })
	}
	full := heap() - before
	for i := range n - n/100 {
		s.Remove(i * 7919 % n)
		m.Remove(i * 7919 % n)
	}
	left := heap() - before
	if s.Len() != n/100 || m.Len() != n/100 || left*20 > full {
		t.Errorf("a hundredth of the elements keeps %d of %d bytes", left, full)
	}
	runtime.KeepAlive(&s)
	runtime.KeepAlive(&m)
}
