package kernel_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/calmstream/calmstream/internal/plan"
	"github.com/calmstream/calmstream/internal/plan/kernel"
)

// compareWithMap puts, finds and removes keys, in a map of slots and in a Go map.
func compareWithMap[K plan.Key](t *testing.T, keys []K, steps int) *kernel.Slots[K] {
	t.Helper()
	slots, want := kernel.NewSlots[K](), make(map[K]int)
	random := rand.New(rand.NewPCG(1, uint64(len(keys))))
	check := func(asked []K) {
		t.Helper()
		for i, got := range slots.Find(asked) {
			value, ok := want[asked[i]]
			if !ok {
				value = -1
			}
			if got != value {
				t.Fatalf("key %v has %d, want %d", asked[i], got, value)
			}
		}
	}
	for step := range steps {
		key := keys[random.IntN(len(keys))]
		_, there := want[key]
		if step/len(keys)%2 == 1 && there && random.IntN(4) > 0 { // times of growth, and times in which more are removed
			slots.Remove(key)
			delete(want, key)
		} else {
			if fresh := slots.Put(key, step); fresh == there {
				t.Fatalf("key %v is new: %t, want %t", key, fresh, !there)
			}
			want[key] = step
		}
		if step%97 == 0 {
			asked := make([]K, 1+random.IntN(200))
			for i := range asked {
				asked[i] = keys[random.IntN(len(keys))]
			}
			check(asked)
		}
	}
	check(keys)
	if slots.Room() > len(keys) {
		t.Errorf("%d slots for %d keys: those that are free are not used again", slots.Room(), len(keys))
	}
	return slots
}

func TestSlotsAreFoundAsInAMap(t *testing.T) {
	t.Parallel()
	var texts []string
	var numbers []int64
	var small []int8
	for i := range 30_000 { // enough for an index that is thought to be out of the caches
		texts, numbers = append(texts, fmt.Sprintf("key-%d", i)), append(numbers, int64(i-15_000)*1000)
	}
	for i := range 256 {
		small = append(small, int8(i-128))
	}
	compareWithMap(t, texts, 300_000)
	compareWithMap(t, texts[:20], 10_000)
	compareWithMap(t, append(texts[:100:100], ""), 10_000)
	compareWithMap(t, numbers, 300_000)
	compareWithMap(t, small, 10_000)
}

// Who knows the hash can send keys that all have the same one, or that all begin at one place. They must be found, and in about
// the time that other keys take.
func TestKeysWhoseHashesMeet(t *testing.T) {
	t.Parallel()
	hash := kernel.NewSlots[uint64]().Hash
	var twins []uint64
	for i := range uint64(2_000) {
		twins = append(twins, unhash(42<<32|i))
	}
	if slices.ContainsFunc(twins, func(key uint64) bool { return hash(key) != 42 }) {
		t.Fatal("the keys have other hashes: the hash was changed, and this test must be")
	}
	if far := compareWithMap(t, twins, 20_000).Far(); far == 0 {
		t.Errorf("none of %d keys of one hash is in the map of those that are too far", len(twins))
	}
	slots := kernel.NewSlots[uint64]()
	for i, key := range twins {
		slots.Put(key, i)
	}
	if far := slots.Far(); far < len(twins)-10 {
		t.Errorf("%d of %d keys of one hash are compared with each other", len(twins)-far, len(twins))
	}
	var neighbours []uint64
	for i := range uint64(20_000) {
		neighbours = append(neighbours, unhash(i<<32))
	}
	if far := compareWithMap(t, neighbours, 100_000).Far(); far == 0 {
		t.Errorf("none of %d keys that begin at one place is in the map of those that are too far", len(neighbours))
	}
}

// unhash returns the key whose hash is the upper half of h.
func unhash(h uint64) uint64 {
	v := h * inverse(0xd6e8feb86659fd93)
	return (v ^ v>>32) * inverse(0x9e3779b97f4a7c15)
}

// inverse returns what an odd number is to be multiplied with for 1, by Newton's method.
func inverse(odd uint64) uint64 {
	x := odd
	for range 5 {
		x *= 2 - odd*x
	}
	return x
}
