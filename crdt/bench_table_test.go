package crdt_test

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/calmstream/calmstream/crdt"
)

// sizes are those of the benchmarks. The largest is smaller in -short.
func sizes() []int {
	if testing.Short() {
		return []int{10, 1_000, 100_000}
	}
	return []int{10, 1_000, 1_000_000}
}

// randomNumbers are n different numbers in random order; names are such strings.
func randomNumbers(n int) []uint64 {
	r := rand.New(rand.NewPCG(1, uint64(n)))
	keys := make([]uint64, n)
	for i := range keys {
		keys[i] = r.Uint64()
	}
	return keys
}

func names(n int) []string {
	keys := make([]string, n)
	for i, k := range randomNumbers(n) {
		keys[i] = "user-" + strconv.FormatUint(k, 36)
	}
	return keys
}

// BenchmarkTable measures what GSet, Map and others keep their elements in, per element.
func BenchmarkTable(b *testing.B) {
	for _, n := range sizes() {
		benchTable(b, fmt.Sprintf("numbers/n=%d", n), randomNumbers(n))
		benchTable(b, fmt.Sprintf("names/n=%d", n), names(n))
	}
}

func benchTable[K crdt.Ordered](b *testing.B, name string, keys []K) {
	perKey := func(b *testing.B) {
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(keys)), "ns/key")
	}
	full := crdt.GSetOf(keys...)
	b.Run("insert/"+name, func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			crdt.GSetOf(keys...)
		}
		perKey(b)
	})
	b.Run("ascending/"+name, func(b *testing.B) {
		b.ReportAllocs()
		sorted := slices.Sorted(slices.Values(keys))
		for b.Loop() {
			crdt.GSetOf(sorted...)
		}
		perKey(b)
	})
	b.Run("find/"+name, func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			for _, k := range keys {
				if !full.Contains(k) {
					b.Fatal(k)
				}
			}
		}
		perKey(b)
	})
	b.Run("all/"+name, func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			n := 0
			for range full.All() {
				n++
			}
			if n != full.Len() {
				b.Fatal(n)
			}
		}
		perKey(b)
	})
	b.Run("merge of halves/"+name, func(b *testing.B) {
		b.ReportAllocs()
		even, odd := crdt.GSetOf(keys[:len(keys)/2]...), crdt.GSetOf(keys[len(keys)/2:]...)
		for b.Loop() {
			both := crdt.Clone(&even)
			both.Merge(&odd)
		}
		perKey(b)
	})
	b.Run("merge of one/"+name, func(b *testing.B) {
		b.ReportAllocs()
		some := crdt.GSetOf(keys[len(keys)/2:]...)
		i := 0
		for b.Loop() {
			if i++; i >= len(keys)/2 {
				b.StopTimer()
				i, some = 0, crdt.GSetOf(keys[len(keys)/2:]...)
				b.StartTimer()
			}
			one := crdt.GSetOf(keys[i])
			some.Merge(&one)
		}
	})
}

func TestTableMemory(t *testing.T) {
	for _, n := range []int{5, 10, 100, 1000, 10000, 1000000} {
		keys := randomNumbers(n)
		sorted := slices.Sorted(slices.Values(keys))
		for name, ks := range map[string][]uint64{"random": keys, "ascending": sorted} {
			sets := make([]crdt.GSet[uint64], max(1, 1000000/n))
			var before, after runtime.MemStats
			runtime.GC()
			runtime.ReadMemStats(&before)
			for i := range sets {
				sets[i] = crdt.GSetOf(ks...)
			}
			runtime.GC()
			runtime.GC()
			runtime.ReadMemStats(&after)
			runtime.KeepAlive(sets)
			t.Logf("n=%d %s: %.2f B/elem", n, name, float64(after.HeapAlloc-before.HeapAlloc)/float64(n*len(sets)))
		}
	}
	var s crdt.GSet[uint64]
	var worst time.Duration
	for _, k := range randomNumbers(1000000) {
		t0 := time.Now()
		s.Add(k)
		worst = max(worst, time.Since(t0))
	}
	t.Log("worst insert", worst)
}
