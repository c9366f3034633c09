package sketch_test

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/bits-and-blooms/bloom/v3"
	"github.com/calmstream/calmstream/crdt"
	"github.com/calmstream/calmstream/crdt/sketch"
	"github.com/cespare/xxhash/v2"
	"pgregory.net/rapid"
)

type (
	tiny     struct{} // 4 words of 64 bits, so at most 4 hashes are listed
	usual    struct{}
	narrow   struct{}
	smallest struct{}
	largest  struct{}
)

func (tiny) Filter() sketch.Filter     { return sketch.Filter{Elements: 40, Bits: 4} }
func (usual) Filter() sketch.Filter    { return sketch.Filter{Elements: 20_000, Bits: 10} }
func (narrow) Filter() sketch.Filter   { return sketch.Filter{Elements: 20_000, Bits: 4} }
func (smallest) Filter() sketch.Filter { return sketch.Filter{} }
func (largest) Filter() sketch.Filter {
	return sketch.Filter{Elements: math.MaxUint64, Bits: math.MaxInt}
}

func members(from, to int) (m sketch.Membership[tiny]) {
	for i := from; i < to; i++ {
		m.Add(strconv.Itoa(i))
	}
	return m
}

func TestMembership(t *testing.T) {
	t.Parallel()
	check(t, suite[sketch.Membership[tiny]]{
		samples: []sketch.Membership[tiny]{
			members(0, 1), members(1, 2), members(0, 2), members(0, 4), members(2, 6), members(0, 5), members(0, 6),
			members(0, 40), members(20, 60), members(0, 1000),
		},
		random: func(r *rand.Rand) sketch.Membership[tiny] {
			from := r.IntN(10)
			return members(from, from+r.IntN(10))
		},
		rounds: 50,
		golden: "membership_tiny",
		goldens: map[string]sketch.Membership[tiny]{
			"bottom": {}, "nameless": sketch.MembershipOf[tiny](""), "four": members(0, 4), "five": members(0, 5),
		},
		json: map[string]string{"bottom": `{"elements":0}`, "four": `{"elements":4}`, "five": `{"bits":256,"set":19}`},
		upSets: []crdt.UpSet[sketch.Membership[tiny]]{
			sketch.MayContain[tiny]("1"), sketch.MayContain[tiny]("5"), sketch.MayContain[tiny]("30"), sketch.MayContain[tiny]("not added"),
		},
	})
}

// TestMembershipHistory compares what is found with a set of elements while they are few, and with a set of bits after.
func TestMembershipHistory(t *testing.T) {
	t.Parallel()
	const universe = 60
	element := func(i int) string { return "element " + strconv.Itoa(i) }
	var places [universe][]uint64
	for i := range places {
		key := binary.BigEndian.AppendUint64(nil, xxhash.Sum64String(element(i)))
		for _, at := range bloom.Locations(key, 4) {
			places[i] = append(places[i], at%256)
		}
	}
	checkHistory(t, history[sketch.Membership[tiny], int, [universe]bool]{
		ops:   rapid.SliceOfN(rapid.IntRange(0, universe/2), 1, 3),
		apply: func(m *sketch.Membership[tiny], _ string, op int) sketch.Membership[tiny] { return m.Add(element(op)) },
		read: func(m *sketch.Membership[tiny]) (found [universe]bool) {
			for i := range found {
				found[i] = m.MayContain(element(i))
			}
			return found
		},
		reference: func(known []event[int]) (found [universe]bool) {
			n, set := 0, map[uint64]bool{}
			for _, e := range known {
				if !found[e.op] {
					found[e.op] = true
					n++
				}
				for _, at := range places[e.op] {
					set[at] = true
				}
			}
			if n > 4 {
				for i := range found {
					found[i] = !slices.ContainsFunc(places[i], func(at uint64) bool { return !set[at] })
				}
			}
			return found
		},
	})
}

// TestMembershipError fills filters as far as they were made for and counts the mistakes.
func TestMembershipError(t *testing.T) {
	t.Parallel()
	var m sketch.Membership[usual]
	var n sketch.Membership[narrow]
	for i := range 20_000 {
		m.Add(strconv.Itoa(i))
		n.Add(strconv.Itoa(i))
	}
	for i := range 20_000 {
		if !m.MayContain(strconv.Itoa(i)) || !n.MayContain(strconv.Itoa(i)) {
			t.Fatalf("%d was added and is not found", i)
		}
	}
	const probes = 400_000
	wrong, often := 0, 0
	for i := 20_000; i < 20_000+probes; i++ {
		if m.MayContain(strconv.Itoa(i)) {
			wrong++
		}
		if n.MayContain(strconv.Itoa(i)) {
			often++
		}
	}
	t.Logf("of %d: %d by mistake with 10 bits, %d with 4", probes, wrong, often)
	if float64(wrong) > 1.15*probes/1024 || float64(often) > 1.05*probes/16 {
		t.Error("more than one in 2^10, or than one in 2^4")
	}
}

// TestMembershipIsExactWhenSmall looks for many others while the hashes are listed.
func TestMembershipIsExactWhenSmall(t *testing.T) {
	t.Parallel()
	var m sketch.Membership[usual]
	for i := range 1024 {
		m.Add(strconv.Itoa(i))
	}
	for i := range 100_000 {
		if m.MayContain(strconv.Itoa(i)) != (i < 1024) {
			t.Fatalf("wrong about %d", i)
		}
	}
	if delta := m.Add("1000"); encode(t, &delta) != encode(t, new(sketch.Membership[usual])) {
		t.Error("an element that was there has a delta")
	}
}

func TestMembershipSizesAreKeptInRange(t *testing.T) {
	t.Parallel()
	small := sketch.MembershipOf[smallest]("a", "b")
	if !small.MayContain("a") || !strings.HasPrefix(encode(t, &small), "\x01\x01\x01\x02") {
		t.Errorf("the smallest filter is %x", encode(t, &small))
	}
	large := sketch.MembershipOf[largest]("a") // it has 256 MiB when it is full, and 8 bytes now
	if !large.MayContain("a") || large.MayContain("b") || encode(t, &large)[:6] != "\x01\x80\x80\x80\x10\x20" {
		t.Errorf("the largest filter is %x", encode(t, &large))
	}
}

func TestMembershipRefuses(t *testing.T) {
	t.Parallel()
	m := members(0, 2)
	const size = "\x01\x04\x04"
	h := encode(t, &m)[4:]
	refuse(t, m, crdt.ErrCorrupt, "no version byte", "")
	refuse(t, m, crdt.ErrVersion, "version 3", "\x03")
	refuse(t, m, crdt.ErrCorrupt, "cut off", "\x01\x04")
	refuse(t, m, crdt.ErrCorrupt, "another filter", "\x01\x05\x04\x00")
	refuse(t, m, crdt.ErrCorrupt, "another filter", "\x01\x04\x05\x00")
	refuse(t, m, crdt.ErrCorrupt, "more bytes", size+"\x02"+h[1:])
	refuse(t, m, crdt.ErrCorrupt, "not ascending", size+"\x02"+h[8:]+h[:8])
	refuse(t, m, crdt.ErrCorrupt, "left over", size+"\x01"+h)
	refuse(t, m, crdt.ErrCorrupt, "more hashes", size+"\x06"+strings.Repeat("x", 48))
	refuse(t, m, crdt.ErrCorrupt, "empty", size+"\x05"+strings.Repeat("\x00", 32))
	refuse(t, m, crdt.ErrCorrupt, "more bytes", size+"\x05"+strings.Repeat("x", 31))
	refuse(t, m, crdt.ErrCorrupt, "left over", size+"\x05"+strings.Repeat("x", 33))
	// Its registers would have 256 MiB, which nothing may be made for before the bytes are there.
	refuse(t, sketch.MembershipOf[largest]("a"), crdt.ErrCorrupt, "more bytes", "\x01\x80\x80\x80\x10\x20\x81\x08")
}

func TestMembershipThresholdNames(t *testing.T) {
	t.Parallel()
	if got, want := fmt.Sprint(sketch.MayContain[tiny]("a")), `asserted "may contain \"a\""`; got != want {
		t.Errorf("it is called %s, want %s", got, want)
	}
}

func FuzzMembership(f *testing.F) { fuzz(f, members(0, 2), members(0, 5), members(0, 100)) }
