package crdt_test

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"testing"

	"github.com/calmstream/calmstream/crdt"
)

// lwwMapOfSize makes a map of n keys, every second number from 0 on.
func lwwMapOfSize(n int) (m crdt.LWWMap[uint64, uint64]) {
	for i := range uint64(n) {
		m.Put(1, "shard-0", 2*i, i)
	}
	return m
}

func forSizes(b *testing.B, run func(b *testing.B, n int)) {
	sizes := []int{10, 1_000, 1_000_000}
	if testing.Short() {
		sizes[2] = 100_000
	}
	for _, n := range sizes {
		b.Run(fmt.Sprintf("n=%d", n), func(b *testing.B) {
			b.ReportAllocs()
			run(b, n)
		})
	}
}

func BenchmarkLWWMapPutKnownKey(b *testing.B) {
	forSizes(b, func(b *testing.B, n int) {
		m, r, time := lwwMapOfSize(n), rand.New(rand.NewPCG(1, 1)), int64(1)
		for b.Loop() {
			time++
			m.Put(time, "shard-0", 2*r.Uint64N(uint64(n)), 7)
		}
	})
}

// BenchmarkLWWMapPutNewKey fills a map with n keys in random order, again and again.
func BenchmarkLWWMapPutNewKey(b *testing.B) {
	forSizes(b, func(b *testing.B, n int) {
		var m crdt.LWWMap[uint64, uint64]
		for r := rand.New(rand.NewPCG(1, 1)); b.Loop(); {
			if m.Len() == n {
				m = crdt.LWWMap[uint64, uint64]{}
			}
			m.Put(1, "shard-0", r.Uint64(), 7)
		}
	})
}

func BenchmarkLWWMapMergeOneWrite(b *testing.B) {
	forSizes(b, func(b *testing.B, n int) {
		m, r, time := lwwMapOfSize(n), rand.New(rand.NewPCG(1, 1)), int64(1)
		var delta crdt.LWWMap[uint64, uint64]
		delta.Put(1, "shard-0", 2*r.Uint64N(uint64(n)), 7)
		for b.Loop() {
			time++
			for k := range delta.All() {
				delta.Put(time, "shard-0", k, 7)
			}
			m.Merge(&delta)
		}
	})
}

// BenchmarkLWWMapDelta finds the one write that another copy lacks.
func BenchmarkLWWMapDelta(b *testing.B) {
	forSizes(b, func(b *testing.B, n int) {
		m, since := lwwMapOfSize(n), lwwMapOfSize(n)
		m.Put(2, "shard-0", 2*uint64(n/2), 7)
		for b.Loop() {
			if delta := m.Delta(&since); delta.Len() != 1 {
				b.Fatal("want one write")
			}
		}
	})
}

func BenchmarkLWWMapAppend(b *testing.B) {
	forSizes(b, func(b *testing.B, n int) {
		m := lwwMapOfSize(n)
		buf, _ := m.AppendBinary(nil)
		for b.Loop() {
			buf, _ = m.AppendBinary(buf[:0])
		}
		b.ReportMetric(float64(len(buf))/float64(n), "bytes/key")
	})
}

// BenchmarkLWWMapUnmarshal also measures what a key takes in memory.
func BenchmarkLWWMapUnmarshal(b *testing.B) {
	forSizes(b, func(b *testing.B, n int) {
		m := lwwMapOfSize(n)
		data, _ := m.AppendBinary(nil)
		m = crdt.LWWMap[uint64, uint64]{}
		for b.Loop() {
			_ = m.UnmarshalBinary(data)
		}
		var with, without runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&with)
		runtime.KeepAlive(m.All())
		m = crdt.LWWMap[uint64, uint64]{}
		runtime.GC()
		runtime.ReadMemStats(&without)
		b.ReportMetric((float64(with.HeapAlloc)-float64(without.HeapAlloc))/float64(n), "heap-bytes/key")
	})
}
