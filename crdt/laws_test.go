package crdt_test

import (
	"math"
	"math/rand/v2"
	"strconv"
	"testing"

	"github.com/calmstream/calmstream/crdt"
	"github.com/calmstream/calmstream/crdt/crdttest"
)

// Short names for the types under test.
type (
	scores  = crdt.Map[string, crdt.Max[int64], *crdt.Max[int64]]
	counts  = crdt.Map[int32, crdt.GCounter, *crdt.GCounter]
	members = crdt.Map[string, crdt.GSet[uint16], *crdt.GSet[uint16]]
	nested  = crdt.Map[string, scores, *scores]
	celsius int8
)

// counter makes a GCounter of pairs of origin and count.
func counter(counts ...any) crdt.GCounter {
	var c crdt.GCounter
	for i := 0; i < len(counts); i += 2 {
		origin, _ := counts[i].(string)
		n, _ := counts[i+1].(int)
		c.Add(origin, uint64(n))
	}
	return c
}

func scoresOf(pairs map[string]int64) scores {
	var m scores
	for k, v := range pairs { // any order gives the same map
		m.Update(k, crdt.MaxOf(v))
	}
	return m
}

func TestLawsOfSamples(t *testing.T) {
	t.Parallel()
	crdttest.CheckLaws(t, []crdt.Max[int64]{
		{}, crdt.MaxOf[int64](0), crdt.MaxOf[int64](-1), crdt.MaxOf[int64](math.MinInt64), crdt.MaxOf[int64](math.MaxInt64),
	})
	crdttest.CheckLaws(t, []crdt.Max[string]{{}, crdt.MaxOf(""), crdt.MaxOf("a"), crdt.MaxOf("a\xff"), crdt.MaxOf("b")})
	crdttest.CheckLaws(t, []crdt.Min[celsius]{{}, crdt.MinOf[celsius](0), crdt.MinOf[celsius](-128), crdt.MinOf[celsius](127)})
	crdttest.CheckLaws(t, []crdt.Min[uint]{{}, crdt.MinOf[uint](0), crdt.MinOf[uint](1), crdt.MinOf[uint](math.MaxUint)})
	saturated := counter("a", math.MaxInt)
	saturated.Add("a", math.MaxUint64)
	crdttest.CheckLaws(t, []crdt.GCounter{
		{},
		counter("a", 1), counter("a", 2), counter("b", 1), counter("", 5), counter("b", 9, "a", 1),
		counter("c", 1, "b", 2, "a", 3), counter("long name of an origin", 300), saturated,
	})
	crdttest.CheckLaws(t, []crdt.GSet[int]{
		{}, crdt.GSetOf(0), crdt.GSetOf(-1), crdt.GSetOf(1), crdt.GSetOf(3, 1, 2), crdt.GSetOf(1, 2), crdt.GSetOf(1000, -1000),
	})
	crdttest.CheckLaws(t, []crdt.GSet[string]{{}, crdt.GSetOf(""), crdt.GSetOf("a", "b"), crdt.GSetOf("b", "", "c")})
	crdttest.CheckLaws(t, []scores{
		{},
		scoresOf(map[string]int64{"a": 1}), scoresOf(map[string]int64{"a": 2, "b": -1}),
		scoresOf(map[string]int64{"": 7}), scoresOf(map[string]int64{"b": 5, "c": 1}),
	})
	crdttest.CheckLaws(t, []members{
		{}, crdt.MapOf("a", crdt.GSetOf[uint16](1)), crdt.MapOf("a", crdt.GSetOf[uint16](2, 3)), crdt.MapOf("b", crdt.GSetOf[uint16](1)),
	})
	crdttest.CheckLaws(t, []nested{
		crdt.MapOf("x", scoresOf(map[string]int64{"a": 1})), crdt.MapOf("x", scoresOf(map[string]int64{"a": 2, "b": 1})),
		crdt.MapOf("y", scoresOf(map[string]int64{"a": 1})),
	})
}

func TestLawsOfRandomValues(t *testing.T) {
	t.Parallel()
	name := func(r *rand.Rand) string { return strconv.Itoa(r.IntN(5)) }
	crdttest.CheckRandom(t, 1, 100, func(r *rand.Rand) crdt.Max[int] { return crdt.MaxOf(r.IntN(5) - 2) })
	crdttest.CheckRandom(t, 2, 100, func(r *rand.Rand) crdt.Min[string] { return crdt.MinOf(name(r)) })
	crdttest.CheckRandom(t, 3, 100, func(r *rand.Rand) (c crdt.GCounter) {
		for range r.IntN(6) {
			c.Add(name(r), r.Uint64N(3))
		}
		return c
	})
	crdttest.CheckRandom(t, 4, 100, func(r *rand.Rand) (s crdt.GSet[uint8]) {
		for range r.IntN(6) {
			s.Add(uint8(r.IntN(8)))
		}
		return s
	})
	crdttest.CheckRandom(t, 5, 100, func(r *rand.Rand) (m counts) {
		for range r.IntN(5) {
			m.Update(int32(r.IntN(4)-2), counter(name(r), r.IntN(3)))
		}
		return m
	})
}

// Large sets keep a second slice: their laws are checked with few samples.
func TestLawsOfLargeSets(t *testing.T) {
	t.Parallel()
	random := func(seed uint64, n int) (s crdt.GSet[uint32]) {
		r := rand.New(rand.NewPCG(seed, 0))
		for s.Len() < n {
			s.Add(r.Uint32N(5000))
		}
		return s
	}
	crdttest.CheckLaws(t, []crdt.GSet[uint32]{random(1, 700), random(2, 300), random(3, 131)})
}

func TestUpSetsAreUpwardClosed(t *testing.T) {
	t.Parallel()
	counters := []crdt.GCounter{counter("a", 1), counter("a", 3), counter("b", 2), counter("a", 1, "b", 1), counter("c", 9)}
	for _, u := range []crdt.UpSet[crdt.GCounter]{
		crdt.AtLeast(0), crdt.AtLeast(1), crdt.AtLeast(3), crdt.AtLeast(9), crdt.All[crdt.GCounter](),
		crdt.All(crdt.AtLeast(2), crdt.AtLeast(3)), crdt.Any(crdt.AtLeast(9), crdt.AtLeast(3)),
	} {
		crdttest.CheckUpSet(t, u, counters)
	}
	crdttest.CheckUpSet(t, crdt.MaxAtLeast(2), []crdt.Max[int]{crdt.MaxOf(1), crdt.MaxOf(2), crdt.MaxOf(3)})
	crdttest.CheckUpSet(t, crdt.MinAtMost("b"), []crdt.Min[string]{crdt.MinOf("a"), crdt.MinOf("b"), crdt.MinOf("c")})
	sets := []crdt.GSet[int]{crdt.GSetOf(1), crdt.GSetOf(1, 2), crdt.GSetOf(3), crdt.GSetOf(4, 5)}
	crdttest.CheckUpSet(t, crdt.Contains(1), sets)
	crdttest.CheckUpSet(t, crdt.SizeAtLeast[int](2), sets)
	maps := []scores{scoresOf(map[string]int64{"a": 1}), scoresOf(map[string]int64{"a": 5}), scoresOf(map[string]int64{"b": 9})}
	crdttest.CheckUpSet(t, crdt.At[string, crdt.Max[int64], *crdt.Max[int64]]("a", crdt.MaxAtLeast[int64](3)), maps)
}
