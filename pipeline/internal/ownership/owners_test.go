package ownership_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/calmstream/calmstream/pipeline/internal/ownership"
	"pgregory.net/rapid"
)

func names(t *rapid.T, label string) []string {
	return rapid.SliceOfNDistinct(rapid.StringMatching(`[a-z0-9-]{1,12}`), 1, 12, rapid.ID[string]).Draw(t, label)
}

// A worker that comes takes shards, and one that goes leaves its own: no shard moves between two that stay.
func TestOnlyTheShardsThatMustMove(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		workers := names(t, "workers")
		standbys := rapid.IntRange(0, 3).Draw(t, "standbys")
		comer := "Comer"
		for shard := range 64 {
			before := ownership.Owners(workers, "count", shard, 1+standbys)
			after := ownership.Owners(append([]string{comer}, workers...), "count", shard, 1+standbys)
			if i := slices.Index(after, comer); i < 0 {
				if !slices.Equal(before, after) {
					t.Fatalf("shard %d moved from %v to %v, and %s is not among them", shard, before, after, comer)
				}
			} else if rest := slices.Delete(slices.Clone(after), i, i+1); !slices.Equal(rest, before[:len(rest)]) {
				t.Fatalf("shard %d: %v before %s came, %v then", shard, before, comer, after)
			}
		}
	})
}

func TestOwnersDependOnTheSetAlone(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		workers := names(t, "workers")
		other := rapid.Permutation(workers).Draw(t, "order")
		n := rapid.IntRange(1, 14).Draw(t, "n")
		got, want := ownership.Owners(other, "s", 3, n), ownership.Owners(workers, "s", 3, n)
		if !slices.Equal(got, want) || len(got) != min(n, len(workers)) {
			t.Fatalf("%v and %v", got, want)
		}
	})
}

// Each of several workers owns about as many shards as the others. The bound is four standard deviations.
func TestShardsAreSpread(t *testing.T) {
	t.Parallel()
	workers := []string{"a", "b", "c", "d"}
	owned := make(map[string]int)
	const shards = 4000
	for shard := range shards {
		owned[ownership.Owners(workers, "count", shard, 1)[0]]++
	}
	for _, w := range workers {
		if n := owned[w]; n < shards/4-110 || n > shards/4+110 {
			t.Errorf("%s owns %d of %d shards: %v", w, n, shards, owned)
		}
	}
}

// The owners are part of what workers of different builds must agree on.
func TestOwnersStayTheSame(t *testing.T) {
	t.Parallel()
	var got []string
	for shard := range 6 {
		got = append(got, ownership.Owners([]string{"a", "b", "c"}, "count", shard, 2)...)
	}
	if want := "[b c a b a b b a a c c a]"; fmt.Sprint(got) != want {
		t.Errorf("%v, want %s", got, want)
	}
}
