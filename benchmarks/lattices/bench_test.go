package lattices_test

import (
	"fmt"
	"runtime"
	"testing"

	"github.com/calmstream/calmstream/benchmarks/lattices"
)

// largest is the size of the largest states, smaller in -short.
func largest() int {
	if testing.Short() {
		return 10_000
	}
	return lattices.Largest
}

func sizes(w lattices.Workload) []int {
	if w.Fixed {
		return []int{1}
	}
	return []int{10, 1_000, largest()}
}

func heap() int64 {
	runtime.GC()
	runtime.GC() // what the first one finalised
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// BenchmarkLattices measures an update, the merge of the delta of one, the difference of two states that are ten updates apart, and
// the encoding. An element takes what is shown for the updates as B/element, names apart.
func BenchmarkLattices(b *testing.B) {
	for _, w := range lattices.Workloads() {
		b.Run(w.Name, func(b *testing.B) {
			for _, n := range sizes(w) {
				measure(b, w.New(), n)
			}
		})
	}
}

func measure(b *testing.B, s lattices.Subject, n int) {
	b.Helper()
	before := heap()
	s.Fill(n)
	taken := float64(heap()-before) / 2 / float64(n) // the state, and one that is ahead
	round := 1000
	if n > 1000 {
		round = 10_000
	}
	inRounds := func(what string, do func(i int)) {
		b.Run(fmt.Sprintf("%s/n=%d", what, n), func(b *testing.B) {
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				if i%round == 0 {
					b.StopTimer()
					s.Ready(round)
					b.StartTimer()
				}
				do(i % round)
			}
			b.ReportMetric(taken, "B/element")
		})
	}
	inRounds("update", s.Update)
	inRounds("merge", s.Merge)
	if s.Delta() {
		b.Run(fmt.Sprintf("delta/n=%d", n), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				s.Delta()
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*n), "ns/element")
		})
	}
	b.Run(fmt.Sprintf("encode/n=%d", n), func(b *testing.B) {
		b.ReportAllocs()
		length := 0
		for b.Loop() {
			length = s.Encode()
		}
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*n), "ns/element")
		b.ReportMetric(float64(length)/float64(n), "bytes/element")
	})
}
