package kernel_test

import (
	"cmp"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/calmstream/calmstream/internal/plan/kernel"
)

// What order does with the ranks is what a stable sort does with the items.
func TestOrder(t *testing.T) {
	t.Parallel()
	type item struct {
		first, second int64
		key           string
		number        int
	}
	var order kernel.Order[string, item]
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(0, 40).Draw(t, "n")
		items := make([]item, n)
		for i := range items {
			few := rapid.Int64Range(-1, 1)
			items[i] = item{few.Draw(t, "first"), few.Draw(t, "second"), rapid.SampledFrom([]string{"", "a", "b"}).Draw(t, "key"), i}
		}
		want := slices.Clone(items)
		slices.SortStableFunc(want, func(a, b item) int {
			return cmp.Or(cmp.Compare(a.first, b.first), cmp.Compare(a.second, b.second), cmp.Compare(a.key, b.key))
		})
		order.Sort(items, func(e *item) (first, second int64, key string) { return e.first, e.second, e.key })
		if !slices.Equal(items, want) {
			t.Fatalf("got %v, want %v", items, want)
		}
	})
}

func TestInsertAt(t *testing.T) {
	t.Parallel()
	for i := range 4 {
		s := []int{1, 2, 3}
		if got, want := kernel.InsertAt(slices.Clone(s), i, 9), slices.Insert(s, i, 9); !slices.Equal(got, want) {
			t.Errorf("at %d: got %v, want %v", i, got, want)
		}
	}
}
