package crdt_test

import (
	"testing"

	"github.com/calmstream/calmstream/crdt"
)

func BenchmarkPointMerge(b *testing.B) {
	b.ReportAllocs()
	p, q := crdt.PointOf("a digest of thirty-two bytes long"), crdt.PointOf("a digest of thirty-two bytes long")
	for b.Loop() {
		p.Merge(&q)
	}
}

func BenchmarkLWWRegisterWrite(b *testing.B) {
	b.ReportAllocs()
	var l crdt.LWWRegister[uint64]
	for time := int64(0); b.Loop(); time++ {
		l.Write(time, "shard-0", 7)
	}
}

func BenchmarkLWWRegisterMerge(b *testing.B) {
	b.ReportAllocs()
	var l, m crdt.LWWRegister[string]
	for time := int64(0); b.Loop(); time++ {
		m.Write(time, "shard-0", "value")
		l.Merge(&m)
	}
}

func BenchmarkLWWRegisterAppend(b *testing.B) {
	b.ReportAllocs()
	var l crdt.LWWRegister[string]
	l.Write(1_700_000_000_000_000_000, "shard-0", "value")
	var buf []byte
	for b.Loop() {
		buf, _ = l.AppendBinary(buf[:0])
	}
}

func BenchmarkLWWRegisterUnmarshal(b *testing.B) {
	b.ReportAllocs()
	var l crdt.LWWRegister[uint64]
	l.Write(1_700_000_000_000_000_000, "shard-0", 7)
	data, _ := l.AppendBinary(nil)
	for b.Loop() {
		_ = l.UnmarshalBinary(data)
	}
}

func BenchmarkLastByTimeAdd(b *testing.B) {
	b.ReportAllocs()
	var l crdt.LastByTime[uint64]
	for time := int64(0); b.Loop(); time++ {
		l.Add(time, "event", 7)
	}
}

func BenchmarkFirstByTimeAdd(b *testing.B) {
	b.ReportAllocs()
	var f crdt.FirstByTime[uint64]
	for time := int64(0); b.Loop(); time-- {
		f.Add(time, "event", 7)
	}
}

func BenchmarkVersionedAdvance(b *testing.B) {
	b.ReportAllocs()
	var v crdt.Versioned[string]
	for n := uint64(0); b.Loop(); n++ {
		v.Advance(n, "state")
	}
}
