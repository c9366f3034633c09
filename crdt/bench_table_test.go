package crdt_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"sync"
	"testing"

	"github.com/calmstream/calmstream/crdt"
)

// sizes are those of the benchmarks. The largest is smaller in -short.
func sizes() []int {
	if testing.Short() {
		return []int{10, 1_000, 100_000}
	}
	return []int{10, 1_000, 1_000_000}
}

// randomNumbers are n different numbers in random order; words are such strings, of up to 18 bytes.
func randomNumbers(n int) []uint64 {
	r := rand.New(rand.NewPCG(1, uint64(n)))
	keys := make([]uint64, n)
	for i := range keys {
		keys[i] = r.Uint64()
	}
	return keys
}

func words(n int) []string {
	keys := make([]string, n)
	for i, k := range randomNumbers(n) {
		keys[i] = "user-" + strconv.FormatUint(k, 36)
	}
	return keys
}

// BenchmarkTable measures what GSet, Map and others keep their elements in. The last column is what counts: the time for each key.
func BenchmarkTable(b *testing.B) {
	for _, n := range sizes() {
		benchTable(b, fmt.Sprintf("numbers/n=%d", n), sync.OnceValue(func() []uint64 { return randomNumbers(n) }))
		benchTable(b, fmt.Sprintf("words/n=%d", n), sync.OnceValue(func() []string { return words(n) }))
	}
}

func benchTable[K crdt.Ordered](b *testing.B, name string, keys func() []K) {
	b.Helper()
	full := sync.OnceValue(func() *crdt.GSet[K] { s := crdt.GSetOf(keys()...); return &s })
	run := func(what string, setup func() func()) {
		b.Run(what+"/"+name, func(b *testing.B) {
			step := setup()
			b.ReportAllocs()
			for b.Loop() {
				step()
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(keys())), "ns/key")
		})
	}
	run("insert random", func() func() {
		random := keys()
		return func() { crdt.GSetOf(random...) }
	})
	run("insert ascending", func() func() {
		ascending := slices.Sorted(slices.Values(keys()))
		return func() { crdt.GSetOf(ascending...) }
	})
	run("find", func() func() {
		s := full()
		return func() {
			for _, k := range keys() {
				if !s.Contains(k) {
					b.Fatal(k)
				}
			}
		}
	})
	run("all", func() func() {
		s := full()
		return func() {
			n := 0
			for range s.All() {
				n++
			}
			if n != s.Len() {
				b.Fatal(n)
			}
		}
	})
	run("merge halves", func() func() {
		half := len(keys()) / 2
		one, other := crdt.GSetOf(keys()[:half]...), crdt.GSetOf(keys()[half:]...)
		return func() {
			both := crdt.Clone(&one)
			both.Merge(&other)
		}
	})
}
