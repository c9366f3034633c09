package crdt_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/calmstream/calmstream/crdt"
	"github.com/calmstream/calmstream/crdt/crdttest"
	"pgregory.net/rapid"
)

type (
	pairSets   = crdt.Pair[crdt.GSet[int], *crdt.GSet[int], crdt.GSet[string], *crdt.GSet[string]]
	pairPoints = crdt.Pair[crdt.Point[int], *crdt.Point[int], crdt.Point[string], *crdt.Point[string]]
)

func pairOf(ns []int, names ...string) pairSets {
	return crdt.PairOf(crdt.GSetOf(ns...), crdt.GSetOf(names...))
}

// gauge is a Max that is full at 9: it settles, and it comes apart.
type gauge struct{ level crdt.Max[uint8] }

func gaugeOf(level uint8) gauge { return gauge{crdt.MaxOf(min(level, 9))} }

func (g *gauge) Merge(o *gauge) bool { return g.level.Merge(&o.level) }

func (g *gauge) Settled() bool { return *g == gaugeOf(9) }

func (g *gauge) Decompose() iter.Seq[gauge] {
	return func(yield func(gauge) bool) {
		if *g != (gauge{}) {
			yield(*g)
		}
	}
}

func (g *gauge) Delta(since *gauge) gauge {
	if c := *since; !c.Merge(g) {
		return gauge{}
	}
	return *g
}

func (g gauge) MarshalJSON() ([]byte, error) {
	v, _ := g.level.Value()
	return json.Marshal(v)
}

func (g *gauge) AppendBinary(b []byte) ([]byte, error) { return g.level.AppendBinary(b) }

func (g *gauge) UnmarshalBinary(data []byte) error {
	var level crdt.Max[uint8]
	if err := level.UnmarshalBinary(data); err != nil {
		return err
	}
	if v, _ := level.Value(); v > 9 {
		return fmt.Errorf("%w: a gauge shows %d of 9", crdt.ErrCorrupt, v)
	}
	g.level = level
	return nil
}

func TestPair(t *testing.T) {
	t.Parallel()
	type gauges = crdt.Pair[gauge, *gauge, gauge, *gauge]
	of := func(first, second uint8) gauges { return crdt.PairOf(gaugeOf(first), gaugeOf(second)) }
	first := crdt.PairOf(gaugeOf(9), gauge{})
	check(t, suite[gauges]{
		samples: []gauges{first, crdt.PairOf(gauge{}, gaugeOf(0)), of(0, 0), of(1, 2), of(2, 1), of(9, 1), of(9, 9)},
		random:  func(r *rand.Rand) gauges { return of(uint8(r.IntN(10)), uint8(r.IntN(10))) },
		golden:  "pair_gauge_gauge",
		goldens: map[string]gauges{"bottom": {}, "first full": first, "both": of(1, 2)},
		json:    map[string]string{"bottom": `{"first":0,"second":0}`, "both": `{"first":1,"second":2}`},
	})
	crdttest.CheckLaws(t, []pairPoints{ // the parts of a conflict are not irreducible: no CheckDeltas
		crdt.PairOf(pointOf(1), pointOf("a")), crdt.PairOf(pointOf(1, 2), pointOf("a")), crdt.PairOf(pointOf(2), pointOf[string]()),
		crdt.PairOf(pointOf(1), pointOf("a", "b")),
	})
}

func TestPairOfSets(t *testing.T) {
	t.Parallel()
	samples := []pairSets{
		pairOf([]int{1}), pairOf(nil, "a"), pairOf([]int{1}, "a"), pairOf([]int{2}, "a"), pairOf([]int{1, 2}, "b"), pairOf(nil, "a", "b"),
	}
	crdttest.CheckLaws(t, samples)
	crdttest.CheckDeltas(t, samples)
	crdttest.CheckRandom(t, 1, 100, func(r *rand.Rand) pairSets {
		return pairOf(r.Perm(3)[:r.IntN(3)], []string{"a", "b", "c"}[:r.IntN(3)]...)
	})
	goldens := map[string]pairSets{
		"bottom": {}, "first": pairOf([]int{1, -1}), "second": pairOf(nil, "a", ""), "both": pairOf([]int{64}, "ab"),
	}
	checkGolden(t, "pair_gset_gset", goldens)
	if got := asJSON(goldens["both"]); got != `{"first":[64],"second":["ab"]}` {
		t.Errorf("in JSON it is %s", got)
	}
}

func FuzzPair(f *testing.F) { fuzz(f, pairOf([]int{5, -300}, "a"), pairOf(nil, ""), pairOf([]int{0})) }

func TestPairRefuses(t *testing.T) {
	t.Parallel()
	start := pairOf([]int{1}, "a")
	refuse(t, start, crdt.ErrCorrupt, "no version byte", "")
	refuse(t, start, crdt.ErrVersion, "Pair has version 3", "03")
	refuse(t, start, crdt.ErrCorrupt, "cut off", "01")
	refuse(t, start, crdt.ErrCorrupt, "cut off", "01 02 01 00")
	refuse(t, start, crdt.ErrCorrupt, "more bytes", "01 02 01 00 03 01 00")
	refuse(t, start, crdt.ErrCorrupt, "left over", "01 02 01 00 02 01 00 00")
	refuse(t, start, crdt.ErrCorrupt, "Pair: first: crdt: corrupt encoding: GSet at byte 0", "01 00 02 01 00")
	refuse(t, start, crdt.ErrCorrupt, "Pair: second: crdt: corrupt encoding: GSet at byte 0", "01 02 01 00 00")
	refuse(t, start, crdt.ErrVersion, "first", "01 02 02 00 02 01 00")
	refuse(t, start, crdt.ErrVersion, "second", "01 02 01 00 02 02 00")
}

func TestPairReportsComponentsThatDoNotEncode(t *testing.T) {
	t.Parallel()
	loud, quiet := crdt.MaxOf(1), mute{Max: crdt.MaxOf(1)}
	first, second := crdt.PairOf(quiet, loud), crdt.PairOf(loud, quiet)
	for want, appendBinary := range map[string]func([]byte) ([]byte, error){
		"crdt: encode Pair: first: mute": first.AppendBinary, "crdt: encode Pair: second: mute": second.AppendBinary,
	} {
		b, err := appendBinary([]byte("before"))
		if !errors.Is(err, errMute) || err.Error() != want || string(b) != "before" {
			t.Errorf("got %q, %v; want %s", b, err, want)
		}
	}
}

func TestPairHistory(t *testing.T) {
	t.Parallel()
	checkHistory(t, history[pairSets, put, [2][]int]{
		op: puts(1, 3),
		apply: func(p *pairSets, _ string, op put) pairSets {
			if op.k == 0 {
				return p.UpdateFirst(func(s *crdt.GSet[int]) crdt.GSet[int] { return s.Add(op.x) })
			}
			return p.UpdateSecond(func(s *crdt.GSet[string]) crdt.GSet[string] { return s.Add(string(rune(op.x))) })
		},
		read: func(p *pairSets) (sides [2][]int) {
			sides[0] = slices.Collect(p.First().All())
			for s := range p.Second().All() {
				sides[1] = append(sides[1], int([]rune(s)[0]))
			}
			return sides
		},
		reference: func(known []*event[put]) (sides [2][]int) {
			for _, e := range known {
				sides[e.op.k] = append(sides[e.op.k], e.op.x)
			}
			for i := range sides {
				slices.Sort(sides[i])
				sides[i] = slices.Compact(sides[i])
			}
			return sides
		},
	})
}

// TestPairMergesWhatAnUpdateMakes has updates that only make a delta.
func TestPairMergesWhatAnUpdateMakes(t *testing.T) {
	t.Parallel()
	var p pairSets
	d := p.UpdateFirst(func(*crdt.GSet[int]) crdt.GSet[int] { return crdt.GSetOf(1) })
	e := p.UpdateSecond(func(*crdt.GSet[string]) crdt.GSet[string] { return crdt.GSetOf("a") })
	d.Merge(&e)
	if got, want := asJSON(p), `{"first":[1],"second":["a"]}`; got != want || asJSON(d) != want {
		t.Errorf("the pair is %s and its deltas are %s", got, asJSON(d))
	}
}

func TestPairOfSharesNoMemory(t *testing.T) {
	t.Parallel()
	ns, names := crdt.GSetOf(4, 5, 6), crdt.GSetOf("d", "e", "f") // have room for one more in place
	p := crdt.PairOf(ns, names)
	ns.Add(1)
	names.Add("a")
	if got := asJSON(p); got != `{"first":[4,5,6],"second":["d","e","f"]}` {
		t.Errorf("the pair became %s", got)
	}
}

func TestPairSettlesWithBothSides(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		p                 pairPoints
		settled, conflict bool
	}{
		{crdt.PairOf(pointOf[int](), pointOf[string]()), false, false},
		{crdt.PairOf(pointOf(1), pointOf[string]()), false, false},
		{crdt.PairOf(pointOf[int](), pointOf("a")), false, false},
		{crdt.PairOf(pointOf(1), pointOf("a")), true, false},
		{crdt.PairOf(pointOf(1, 2), pointOf[string]()), false, true},
		{crdt.PairOf(pointOf(1), pointOf("a", "b")), true, true},
	} {
		if got := c.p.Settled(); got != c.settled {
			t.Errorf("%s: settled %v", asJSON(c.p), got)
		}
		if got := c.p.Conflict(); got != c.conflict {
			t.Errorf("%s: conflict %v", asJSON(c.p), got)
		}
	}
	growing := crdt.PairOf(pointOf(1), crdt.GSetOf(1))
	turned := crdt.PairOf(crdt.GSetOf(1), pointOf(1))
	if growing.Settled() || turned.Settled() || growing.Conflict() || turned.Conflict() {
		t.Error("a set that grows is settled, or in conflict")
	}
}

func TestPairPartsStop(t *testing.T) {
	t.Parallel()
	for _, p := range []pairSets{pairOf([]int{1, 2}, "a"), pairOf(nil, "a", "b")} {
		n := 0
		for range p.Decompose() {
			n++
			break
		}
		if n != 1 {
			t.Errorf("%d parts, want to stop after one", n)
		}
	}
}

func TestPairUpSets(t *testing.T) {
	t.Parallel()
	first := crdt.First[crdt.GSet[int], crdt.GSet[string]](crdt.Contains(1))
	second := crdt.Second[crdt.GSet[int]](crdt.Contains("a"))
	samples := []pairSets{pairOf([]int{1}), pairOf(nil, "a"), pairOf([]int{2}, "b")}
	for _, u := range []crdt.UpSet[pairSets]{first, second, crdt.All(first, second), crdt.Any(first, second)} {
		crdttest.CheckUpSet(t, u, append(samples, pairOf([]int{1}, "a")))
	}
	holds(t, first, samples[0], true)
	holds(t, first, samples[1], false)
	holds(t, second, samples[0], false)
	holds(t, second, samples[1], true)
	checkNames(t, map[string]named{"first (contains 1)": first, `second (contains "a")`: second})
}

// TestLexOfPair nests the two.
func TestLexOfPair(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var l, m crdt.Lex[int8, pairSets, *pairSets]
		for range rapid.IntRange(0, 8).Draw(t, "updates") {
			op, side := puts(2, 3).Draw(t, "op"), pairOf(nil, "a")
			if rapid.Bool().Draw(t, "first") {
				side = pairOf([]int{op.x})
			}
			d := l.Update(op.k, side)
			m.Merge(&d)
		}
		if encode(t, &l) != encode(t, &m) {
			t.Fatalf("deltas merge to %s, want %s", asJSON(m), asJSON(l))
		}
	})
}
