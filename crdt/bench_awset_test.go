package crdt_test

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"testing"

	"github.com/calmstream/calmstream/crdt"
)

// causalSizes are those of the states that are measured.
func causalSizes() []int {
	if testing.Short() {
		return []int{10, 1000, 100_000}
	}
	return []int{10, 1000, 1_000_000}
}

func bigSet(n int) (s crdt.AWSet[string], keys []string) {
	r := rand.New(rand.NewPCG(1, uint64(n)))
	keys = make([]string, n)
	for i := range keys {
		keys[i] = "user-" + strconv.FormatUint(r.Uint64(), 36)
		s.Add("shard-0", keys[i])
	}
	r.Shuffle(n, func(i, j int) { keys[i], keys[j] = keys[j], keys[i] })
	return s, keys
}

func BenchmarkAWSetAddRemove(b *testing.B) {
	for _, n := range causalSizes() {
		b.Run(fmt.Sprintf("n=%d", n), func(b *testing.B) {
			b.ReportAllocs()
			s, keys := bigSet(n)
			i := 0
			for b.Loop() {
				s.Remove(keys[i])
				s.Add("shard-0", keys[i])
				i = (i + 1) % n
			}
		})
	}
}

func BenchmarkAWSetFill(b *testing.B) {
	for _, n := range causalSizes() {
		b.Run(fmt.Sprintf("n=%d", n), func(b *testing.B) {
			b.ReportAllocs()
			_, keys := bigSet(n)
			var s crdt.AWSet[string]
			i := 0
			for b.Loop() {
				s.Add("shard-0", keys[i])
				if i = (i + 1) % n; i == 0 {
					s = crdt.AWSet[string]{}
				}
			}
		})
	}
}
