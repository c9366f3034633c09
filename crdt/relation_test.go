package crdt_test

import (
	"iter"
	"maps"
	"math"
	"math/big"
	"reflect"
	"slices"
	"testing"

	"github.com/calmstream/calmstream/crdt"
	"pgregory.net/rapid"
)

// numbers is a relation between a state of groups and numbers, beside the simplest way to say what its rows are.
type numbers struct {
	rel   crdt.Relation[groups, int]
	naive func(m *groups) map[int]bool
}

func naiveAt(m *groups, k string) map[int]bool {
	rows := map[int]bool{}
	s, _ := m.Get(k)
	for x := range s.All() {
		rows[x] = true
	}
	return rows
}

func filtered(rows map[int]bool, keep func(int) bool) map[int]bool {
	kept := map[int]bool{}
	for x := range rows {
		if keep(x) {
			kept[x] = true
		}
	}
	return kept
}

func even(x int) bool         { return x%2 == 0 }
func half(x int) int          { return x / 2 }
func third(x int) int         { return x / 3 }
func first(r pair) string     { return r.First }
func keyOrNumber(r pair) int  { return len(r.First) + r.Second }
func both(r twoOfThird) int   { return r.First + 10*r.Second }
func term(x int) uint64       { return uint64(max(x, 0)) }
func signed(x int) int64      { return int64(x) }
func sizeOf(rows []int) int   { return len(rows) }
func sizeOfKeys(r []pair) int { return len(r) }

type (
	pair       = crdt.Row[string, int]
	twoOfThird = crdt.Row[int, int]
)

// drawNumbers draws a query of up to three operators above its sources.
var drawNumbers = rapid.Custom(func(t *rapid.T) numbers { return drawQuery(t, 3) })

func drawQuery(t *rapid.T, depth int) numbers {
	ops := []string{"at", "at", "unnest", "rowsof", "assert", "none"}
	if depth > 0 {
		ops = []string{"at", "select", "project", "union", "intersect", "join", "having"}
	}
	inner := func() numbers { return drawQuery(t, depth-1) }
	switch rapid.SampledFrom(ops).Draw(t, "op") {
	case "unnest":
		return numbers{
			crdt.Project(crdt.Unnest[string](crdt.Elements[int]()), "sum", keyOrNumber),
			func(m *groups) map[int]bool {
				rows := map[int]bool{}
				for k, s := range m.All() {
					for x := range s.All() {
						rows[len(k)+x] = true
					}
				}
				return rows
			},
		}
	case "rowsof":
		return numbers{
			crdt.RowsOf(crdt.MergedValues[string, crdt.GSet[int]]()),
			func(m *groups) map[int]bool {
				rows := map[int]bool{}
				for k := range m.Keys() {
					maps.Copy(rows, naiveAt(m, k))
				}
				return rows
			},
		}
	case "assert":
		return numbers{
			crdt.AssertRelation("each number twice", func(m *groups) iter.Seq[int] {
				s, _ := m.Get("b")
				twice := append(slices.Collect(s.All()), slices.Collect(s.All())...)
				return slices.Values(twice)
			}),
			func(m *groups) map[int]bool { return naiveAt(m, "b") },
		}
	case "none":
		return numbers{naive: func(*groups) map[int]bool { return map[int]bool{} }}
	case "select":
		in := inner()
		return numbers{in.rel.Select("even", even), func(m *groups) map[int]bool { return filtered(in.naive(m), even) }}
	case "project":
		in := inner()
		return numbers{crdt.Project(in.rel, "half", half), func(m *groups) map[int]bool {
			rows := map[int]bool{}
			for x := range in.naive(m) {
				rows[half(x)] = true
			}
			return rows
		}}
	case "union":
		a, b := inner(), inner()
		return numbers{a.rel.Union(b.rel), func(m *groups) map[int]bool {
			rows := a.naive(m)
			maps.Copy(rows, b.naive(m))
			return rows
		}}
	case "intersect":
		a, b := inner(), inner()
		return numbers{a.rel.Intersect(b.rel), func(m *groups) map[int]bool {
			theirs := b.naive(m)
			return filtered(a.naive(m), func(x int) bool { return theirs[x] })
		}}
	case "join":
		a, b := inner(), inner()
		joined := crdt.JoinOn(a.rel, b.rel, "third", third, third)
		return numbers{crdt.Project(joined, "both", both), func(m *groups) map[int]bool {
			rows := map[int]bool{}
			for x := range a.naive(m) {
				for y := range b.naive(m) {
					if third(x) == third(y) {
						rows[both(twoOfThird{x, y})] = true
					}
				}
			}
			return rows
		}}
	case "having":
		in, n := inner(), rapid.IntRange(0, 2).Draw(t, "n")
		return numbers{crdt.GroupsAtLeast(in.rel, "third", third, n), func(m *groups) map[int]bool {
			rows := map[int]bool{}
			for x := range in.naive(m) {
				if len(filtered(in.naive(m), func(y int) bool { return third(x) == third(y) })) >= n {
					rows[third(x)] = true
				}
			}
			return rows
		}}
	default:
		k := rapid.SampledFrom([]string{"a", "b", "c"}).Draw(t, "key")
		return numbers{
			crdt.ComposeRelation(crdt.ValueAt[string, crdt.GSet[int]](k), crdt.Elements[int]()),
			func(m *groups) map[int]bool { return naiveAt(m, k) },
		}
	}
}

// exact is what a query says once the state is sealed.
func exact[L, R any, P crdt.Lattice[L]](t fataler, q crdt.NonMonotone[L, R], state *L) R {
	t.Helper()
	a := q.Ask(crdt.AssertSealed[L, P]("a test", state))
	r, known := a.Value()
	if !known || a.Verdict() != crdt.Final {
		t.Fatalf("%s of a sealed state is %s", q, a)
	}
	return r
}

func keysOf(rows map[int]bool) []int { return slices.Sorted(maps.Keys(rows)) }

// TestRelationsAgainstModel holds random queries to what their operators mean, and to being monotone.
func TestRelationsAgainstModel(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		q, x, y := drawNumbers.Draw(t, "query"), drawGroups.Draw(t, "x"), drawGroups.Draw(t, "y")
		above := merged(&x, &y)
		low, high := exact(t, q.rel.Rows(), &x), exact(t, q.rel.Rows(), &above)
		if got, want := slices.Sorted(slices.Values(low)), keysOf(q.naive(&x)); !slices.Equal(got, want) {
			t.Fatalf("%s\nhas %v, want %v", q.rel, got, want)
		}
		for _, row := range low {
			if !slices.Contains(high, row) {
				t.Fatalf("%s\nhas lost row %d when the state grew: %v, then %v", q.rel, row, low, high)
			}
		}
		// The order of the rows depends on the value of the state and not on how it came to be.
		other := merged(&y, &x)
		if again := exact(t, q.rel.Rows(), &other); !slices.Equal(high, again) {
			t.Fatalf("%s\nhas rows %v and, of an equal state, %v", q.rel, high, again)
		}
	})
}

func TestThresholdsOfRelationsAgainstModel(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		q, x, y := drawNumbers.Draw(t, "query"), drawGroups.Draw(t, "x"), drawGroups.Draw(t, "y")
		above := merged(&x, &y)
		rows := keysOf(q.naive(&x))
		sum, most, least := uint64(0), crdt.Max[int]{}, crdt.Min[int]{}
		for _, row := range rows {
			sum += term(row)
			most.Add(half(row))
			least.Add(half(row))
		}
		ask := func(u crdt.UpSet[groups], want bool) {
			if got := u.Holds(&x); got != want {
				t.Fatalf("%s\nof rows %v: %v, want %v", u, rows, got, want)
			}
			if want && !u.Holds(&above) {
				t.Fatalf("%s\nheld and does no longer", u)
			}
		}
		n := rapid.IntRange(-1, 9).Draw(t, "n")
		ask(q.rel.CountAtLeast(n), len(rows) >= n)
		ask(q.rel.Contains(n), slices.Contains(rows, n))
		ask(q.rel.SumAtLeast("term", term, uint64(n+1)), sum >= uint64(n+1))
		ask(crdt.ComposeUpSet(q.rel.Size(), crdt.MaxAtLeast(uint64(n+1))), len(rows) >= n+1)
		ask(crdt.ComposeUpSet(q.rel.Total("term", term), crdt.MaxAtLeast(uint64(n+1))), sum >= uint64(n+1))
		ask(crdt.ComposeUpSet(crdt.MaxOver(q.rel, "half", half), crdt.MaxAtLeast(n)), crdt.MaxAtLeast(n).Holds(&most))
		ask(crdt.ComposeUpSet(crdt.MinOver(q.rel, "half", half), crdt.MinAtMost(n)), crdt.MinAtMost(n).Holds(&least))
		ask(crdt.ComposeUpSet(crdt.SetOf(q.rel), crdt.Contains(n)), slices.Contains(rows, n))
		pure(t, q.rel.Size().Apply, &x, &y)
		pure(t, crdt.SetOf(q.rel).Apply, &x, &y)
	})
}

func TestExactAggregatesAgainstModel(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		q, other, x := drawNumbers.Draw(t, "query"), drawNumbers.Draw(t, "other"), drawGroups.Draw(t, "x")
		rows, theirs := keysOf(q.naive(&x)), other.naive(&x)
		if got := exact(t, q.rel.Count(), &x); got != len(rows) {
			t.Fatalf("%s\ncounts %d, want %d", q.rel, got, len(rows))
		}
		var sum int64
		var rest []int
		groupsOfRows := map[int]int{}
		for _, row := range rows {
			sum += signed(row)
			groupsOfRows[third(row)]++
			if !theirs[row] {
				rest = append(rest, row)
			}
		}
		if got := exact(t, q.rel.Sum("row", signed), &x); got != sum {
			t.Fatalf("%s\nsums to %d, want %d", q.rel, got, sum)
		}
		if got := exact(t, q.rel.Minus(other.rel), &x); !slices.Equal(slices.Sorted(slices.Values(got)), rest) {
			t.Fatalf("%s\nis %v, want %v", q.rel.Minus(other.rel), got, rest)
		}
		got := map[int]int{}
		for _, g := range exact(t, crdt.GroupBy(q.rel, "third", third, sizeOf), &x) {
			got[g.Key] += g.Value
		}
		if !reflect.DeepEqual(got, groupsOfRows) {
			t.Fatalf("%s\nhas groups %v, want %v", q.rel, got, groupsOfRows)
		}
	})
}

// What is not monotone is not called so without need: here are the states that refute it.
func TestNonMonotoneQueriesTakeBack(t *testing.T) {
	t.Parallel()
	in := crdt.ComposeRelation(crdt.ValueAt[string, crdt.GSet[int]]("in"), crdt.Elements[int]())
	out := crdt.ComposeRelation(crdt.ValueAt[string, crdt.GSet[int]]("out"), crdt.Elements[int]())
	early, late := groupsOf("in", 1, "in", -5), groupsOf("in", 1, "in", -5, "in", -6, "out", 1)
	if a, b := exact(t, in.Minus(out), &early), exact(t, in.Minus(out), &late); !slices.Contains(a, 1) || slices.Contains(b, 1) {
		t.Errorf("the difference has not lost 1: %v, %v", a, b)
	}
	if a, b := exact(t, in.Sum("row", signed), &early), exact(t, in.Sum("row", signed), &late); b >= a {
		t.Errorf("the sum has not fallen: %d, %d", a, b)
	}
	two := crdt.Derive(in.Count(), "is two", func(n int) bool { return n == 2 })
	if a, b := exact(t, two, &early), exact(t, two, &late); !a || b {
		t.Errorf("exactly two: %v, then %v", a, b)
	}
}

// A sum may pass through what an int64 cannot hold, in any order of the rows, and ends at the nearest it can.
func TestExactSumsDoNotWrap(t *testing.T) {
	t.Parallel()
	drawTerm := rapid.OneOf(rapid.Int64(), rapid.SampledFrom([]int64{math.MinInt64, math.MaxInt64, -1, 1}))
	rapid.Check(t, func(t *rapid.T) {
		terms := rapid.SliceOfNDistinct(drawTerm, 0, 8, func(x int64) int64 { return x }).Draw(t, "terms")
		sum := new(big.Int)
		for _, x := range terms {
			sum.Add(sum, big.NewInt(x))
		}
		want := sum.Int64()
		if !sum.IsInt64() {
			want = math.MaxInt64
			if sum.Sign() < 0 {
				want = math.MinInt64
			}
		}
		set := crdt.GSetOf(terms...)
		if got := exact(t, crdt.Elements[int64]().Sum("row", func(x int64) int64 { return x }), &set); got != want {
			t.Fatalf("sum %d, want %d of %v", got, want, sum)
		}
	})
}

func TestMonotoneSumsSaturate(t *testing.T) {
	t.Parallel()
	set := crdt.GSetOf[uint64](1, math.MaxUint64, math.MaxUint64-1)
	same := func(x uint64) uint64 { return x }
	rel := crdt.Elements[uint64]()
	holds(t, rel.SumAtLeast("row", same, math.MaxUint64), set, true)
	total := exact(t, crdt.Exact(rel.Total("row", same)), &set)
	if n, _ := total.Value(); n != math.MaxUint64 {
		t.Errorf("the total is %d", n)
	}
}

func TestKeysAndPairs(t *testing.T) {
	t.Parallel()
	state := groupsOf("a", 1, "b", 1, "b", 2)
	keys := crdt.MapKeys[string, crdt.GSet[int]]()
	if got := exact(t, keys.Rows(), &state); !slices.Equal(got, []string{"a", "b"}) {
		t.Errorf("keys %v", got)
	}
	holds(t, keys.CountAtLeast(2), state, true)
	holds(t, keys.CountAtLeast(1), state, true) // stops early
	pairs := crdt.Unnest[string](crdt.Elements[int]())
	if got := exact(t, pairs.Rows(), &state); !slices.Equal(got, []pair{{"a", 1}, {"b", 1}, {"b", 2}}) {
		t.Errorf("rows %v", got)
	}
	holds(t, pairs.Contains(pair{"b", 1}), state, true)
	holds(t, pairs.Contains(pair{"a", 2}), state, false)
	want := []crdt.Grouped[string, int]{{Key: "a", Value: 1}, {Key: "b", Value: 2}}
	if got := exact(t, crdt.GroupBy(pairs, "key", first, sizeOfKeys), &state); !slices.Equal(got, want) {
		t.Errorf("groups %v", got)
	}
	// A set is another source: rows that repeat count once.
	keyed := crdt.Project(pairs, "key", first)
	holds(t, keyed.CountAtLeast(2), state, true)
	holds(t, keyed.CountAtLeast(3), state, false)
}

// Results are the caller's own.
func TestResultsShareNothing(t *testing.T) {
	t.Parallel()
	state := crdt.GSetOf(1, 2, 3)
	seal := crdt.AssertSealed("a test", &state)
	rows := crdt.Elements[int]().Rows()
	mine, _ := rows.Ask(seal).Value()
	mine[0] = 99
	if again, _ := rows.Ask(seal).Value(); !slices.Equal(again, []int{1, 2, 3}) {
		t.Errorf("the sealed state shows %v after a result was changed", again)
	}
	copied, _ := crdt.Snapshot[crdt.GSet[int]]().Ask(seal).Value()
	copied.Add(0)
	if again, _ := rows.Ask(seal).Value(); !slices.Equal(again, []int{1, 2, 3}) {
		t.Errorf("the sealed state shows %v after a snapshot was changed", again)
	}
	if n := state.Len(); n != 3 {
		t.Errorf("the state has %d elements", n)
	}
}
