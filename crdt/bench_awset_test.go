package crdt_test

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"sync"
	"testing"

	"github.com/calmstream/calmstream/crdt"
)

// largest is the size of the largest states that are measured.
func largest() int {
	if testing.Short() {
		return 100_000
	}
	return 1_000_000
}

// benchKeys returns the keys of all sizes, in a random order.
var benchKeys = sync.OnceValue(func() []string {
	r := rand.New(rand.NewPCG(1, 1))
	keys := make([]string, largest())
	for i := range keys {
		keys[i] = "user-" + strconv.FormatUint(r.Uint64(), 36)
	}
	return keys
})

// benchSet returns a set of the first n keys.
func benchSet(n int) (s crdt.AWSet[string]) {
	for _, k := range benchKeys()[:n] {
		s.Add("shard-0", k)
	}
	return s
}

// benchSizes runs a benchmark on sets of several sizes.
func benchSizes(b *testing.B, run func(b *testing.B, s *crdt.AWSet[string], keys []string)) {
	b.Helper()
	for _, n := range []int{10, 1000, largest()} {
		b.Run(fmt.Sprintf("n=%d", n), func(b *testing.B) {
			b.ReportAllocs()
			s := benchSet(n)
			run(b, &s, benchKeys()[:n])
		})
	}
}

// BenchmarkAWSetFill adds new elements to a set, until it has n.
func BenchmarkAWSetFill(b *testing.B) {
	for _, n := range []int{10, 1000, largest()} {
		b.Run(fmt.Sprintf("n=%d", n), func(b *testing.B) {
			b.ReportAllocs()
			var s crdt.AWSet[string]
			keys := benchKeys()[:n]
			for i := 0; b.Loop(); i++ {
				if i == n {
					s, i = crdt.AWSet[string]{}, 0
				}
				s.Add("shard-0", keys[i])
			}
		})
	}
}

// BenchmarkAWSetRemoveAdd removes an element and adds it again.
func BenchmarkAWSetRemoveAdd(b *testing.B) {
	benchSizes(b, func(b *testing.B, s *crdt.AWSet[string], keys []string) {
		for i := 0; b.Loop(); i++ {
			k := keys[i*7919%len(keys)]
			s.Remove(k)
			s.Add("shard-0", k)
		}
	})
}

// BenchmarkAWSetContains asks for elements that are there.
func BenchmarkAWSetContains(b *testing.B) {
	benchSizes(b, func(b *testing.B, s *crdt.AWSet[string], keys []string) {
		for i := 0; b.Loop(); i++ {
			s.Contains(keys[i*7919%len(keys)])
		}
	})
}

// BenchmarkAWSetMergeDelta merges the delta of one removal and one add.
func BenchmarkAWSetMergeDelta(b *testing.B) {
	benchSizes(b, func(b *testing.B, s *crdt.AWSet[string], keys []string) {
		deltas := make([]crdt.AWSet[string], 2*min(len(keys), 10_000))
		other := crdt.Clone(s)
		for i := range len(deltas) / 2 {
			k := keys[i*7919%len(keys)]
			deltas[2*i], deltas[2*i+1] = s.Remove(k), s.Add("shard-0", k)
		}
		fresh := crdt.Clone(&other)
		for i := 0; b.Loop(); i++ {
			if i == len(deltas)/2 {
				b.StopTimer()
				i, fresh = 0, crdt.Clone(&other)
				b.StartTimer()
			}
			fresh.Merge(&deltas[2*i])
			fresh.Merge(&deltas[2*i+1])
		}
	})
}

// BenchmarkAWSetMergeState merges a full state that differs in one element.
func BenchmarkAWSetMergeState(b *testing.B) {
	benchSizes(b, func(b *testing.B, s *crdt.AWSet[string], keys []string) {
		other := crdt.Clone(s)
		for b.Loop() {
			s.Add("shard-0", keys[0])
			other.Merge(s)
		}
	})
}

// BenchmarkAWSetDelta takes the difference of one element between two full states.
func BenchmarkAWSetDelta(b *testing.B) {
	benchSizes(b, func(b *testing.B, s *crdt.AWSet[string], keys []string) {
		since := crdt.Clone(s)
		s.Add("shard-0", keys[0])
		for b.Loop() {
			s.Delta(&since)
		}
	})
}

func BenchmarkAWSetClone(b *testing.B) {
	benchSizes(b, func(b *testing.B, s *crdt.AWSet[string], _ []string) {
		for b.Loop() {
			crdt.Clone(s)
		}
	})
}

func BenchmarkAWSetAppend(b *testing.B) {
	benchSizes(b, func(b *testing.B, s *crdt.AWSet[string], keys []string) {
		var buf []byte
		for b.Loop() {
			buf, _ = s.AppendBinary(buf[:0])
		}
		b.ReportMetric(float64(len(buf))/float64(len(keys)), "B/element")
	})
}

func BenchmarkAWSetUnmarshal(b *testing.B) {
	benchSizes(b, func(b *testing.B, s *crdt.AWSet[string], _ []string) {
		data, _ := s.AppendBinary(nil)
		for b.Loop() {
			var x crdt.AWSet[string]
			_ = x.UnmarshalBinary(data)
		}
	})
}
