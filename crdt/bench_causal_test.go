package crdt_test

import (
	"fmt"
	"testing"

	"github.com/calmstream/calmstream/crdt"
)

func BenchmarkDotContextAdd(b *testing.B) {
	for _, c := range []struct {
		name string
		dot  func(i uint64) uint64
	}{
		{"in order", func(i uint64) uint64 { return i }},
		{"in pairs", func(i uint64) uint64 { return i ^ 1 }},
		{"with gaps", func(i uint64) uint64 { return 2 * i }},
	} {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			var x crdt.DotContext
			a := crdt.DotOf("shard-0", 1).Origin()
			for i := uint64(2); b.Loop(); i++ {
				x.Add(crdt.DotOf(a, c.dot(i)))
			}
		})
	}
}

// BenchmarkORMapUpdate writes the register of a key that is there.
func BenchmarkORMapUpdate(b *testing.B) {
	type registers = crdt.ORMap[string, crdt.MVRegisterStore[int], *crdt.MVRegisterStore[int]]
	for _, n := range []int{10, 1000, largest()} {
		b.Run(fmt.Sprintf("n=%d", n), func(b *testing.B) {
			b.ReportAllocs()
			var m registers
			keys := benchKeys()[:n]
			write := func(k string, v int) registers {
				return m.Update("shard-0", k, func(r *crdt.MVRegisterStore[int], c *crdt.Clock) { r.Write(c, v) })
			}
			for _, k := range keys {
				write(k, 0)
			}
			for i := 0; b.Loop(); i++ {
				write(keys[i*7919%n], i)
			}
		})
	}
}

// BenchmarkORMapMergeDelta writes the register of a key, and merges the delta into another map.
func BenchmarkORMapMergeDelta(b *testing.B) {
	type registers = crdt.ORMap[string, crdt.MVRegisterStore[int], *crdt.MVRegisterStore[int]]
	for _, n := range []int{10, 1000, largest() / 10} {
		b.Run(fmt.Sprintf("n=%d", n), func(b *testing.B) {
			b.ReportAllocs()
			var m, other registers
			keys := benchKeys()[:n]
			for i := 0; b.Loop(); i++ {
				delta := m.Update("shard-0", keys[i*7919%n], func(r *crdt.MVRegisterStore[int], c *crdt.Clock) { r.Write(c, i) })
				other.Merge(&delta)
			}
		})
	}
}

func BenchmarkORMapAppend(b *testing.B) {
	for _, n := range []int{10, 1000, largest()} {
		b.Run(fmt.Sprintf("n=%d", n), func(b *testing.B) {
			b.ReportAllocs()
			var m crdt.ORMap[string, crdt.EWFlagStore, *crdt.EWFlagStore]
			for _, k := range benchKeys()[:n] {
				m.Update("shard-0", k, func(f *crdt.EWFlagStore, c *crdt.Clock) { f.Enable(c) })
			}
			var buf []byte
			for b.Loop() {
				buf, _ = m.AppendBinary(buf[:0])
			}
		})
	}
}

func BenchmarkRWSetAdd(b *testing.B) {
	for _, n := range []int{10, 1000, largest()} {
		b.Run(fmt.Sprintf("n=%d", n), func(b *testing.B) {
			b.ReportAllocs()
			var s crdt.RWSet[string]
			keys := benchKeys()[:n]
			for i := 0; b.Loop(); i++ {
				s.Add("shard-0", keys[i*7919%n])
			}
		})
	}
}

func BenchmarkSmallTypes(b *testing.B) {
	b.Run("EWFlag", func(b *testing.B) {
		b.ReportAllocs()
		var f crdt.EWFlag
		for b.Loop() {
			f.Enable("shard-0")
		}
	})
	b.Run("DWFlag", func(b *testing.B) {
		b.ReportAllocs()
		var f crdt.DWFlag
		for b.Loop() {
			f.Disable("shard-0")
		}
	})
	b.Run("MVRegister", func(b *testing.B) {
		b.ReportAllocs()
		var r crdt.MVRegister[string]
		for b.Loop() {
			r.Write("shard-0", "value")
		}
	})
	b.Run("ORCounter", func(b *testing.B) {
		b.ReportAllocs()
		var c crdt.ORCounter
		for b.Loop() {
			if c.Add("shard-0", 1); c.Len() == 100 {
				c.Fold("shard-0")
			}
		}
	})
}
