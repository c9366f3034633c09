package crdt_test

import (
	"fmt"
	"testing"

	"github.com/calmstream/calmstream/crdt"
)

// queryState has n numbers under each of two keys.
func queryState(n int) groups {
	var in, out crdt.GSet[int]
	for i := range n {
		in.Add(i)
		out.Add(i * 3)
	}
	state := crdt.MapOf[string, crdt.GSet[int]]("in", in)
	state.Update("out", out)
	return state
}

func querySizes() []int {
	if testing.Short() {
		return []int{10, 1_000, 100_000}
	}
	return []int{10, 1_000, 1_000_000}
}

// A threshold is asked after each update: it must not cost more as the state grows.
func BenchmarkAskThreshold(b *testing.B) {
	in := crdt.RowsOf(crdt.ValueAt[string, crdt.GSet[int]]("in"))
	inSize := crdt.ComposeMonotone(crdt.ValueAt[string, crdt.GSet[int]]("in"), crdt.Size[int]())
	outSize := crdt.ComposeMonotone(crdt.ValueAt[string, crdt.GSet[int]]("out"), crdt.Size[int]())
	for _, q := range []struct {
		name string
		u    crdt.UpSet[groups]
	}{
		{"sum of sizes", crdt.ComposeUpSet(crdt.Plus(inSize, outSize), crdt.MaxAtLeast[uint64](20))},
		{"count", in.CountAtLeast(10)},
		{"projected count", crdt.Project(in, "half", half).CountAtLeast(5)},
	} {
		for _, n := range querySizes() {
			b.Run(fmt.Sprintf("%s/n=%d", q.name, n), func(b *testing.B) {
				b.ReportAllocs()
				state := queryState(n)
				for b.Loop() {
					if _, known := q.u.Ask(&state).Value(); !known {
						b.Fatal("unknown")
					}
				}
			})
		}
	}
}

func BenchmarkAskChoice(b *testing.B) {
	choice, err := crdt.NewChoice(crdt.When("one", crdt.MapOf[string, once]("a", onceOf(1))), crdt.When("two", crdt.MapOf[string, once]("a", onceOf(2))))
	if err != nil {
		b.Fatal(err)
	}
	for _, n := range querySizes()[:2] {
		b.Run(fmt.Sprintf("n=%d", n), func(b *testing.B) {
			b.ReportAllocs()
			var state ballots
			for i := range n {
				state.Update(fmt.Sprint(i), onceOf(1))
			}
			for b.Loop() {
				_, _ = choice.Ask(&state)
			}
		})
	}
}

// What is exact reads the whole state once.
func BenchmarkAskExact(b *testing.B) {
	in := crdt.RowsOf(crdt.ValueAt[string, crdt.GSet[int]]("in"))
	out := crdt.RowsOf(crdt.ValueAt[string, crdt.GSet[int]]("out"))
	minus := crdt.Derive(in.Minus(out), "length", sizeOf)
	join := crdt.JoinOn(in, out, "number", half, half).Count()
	for _, n := range querySizes() {
		seal := crdt.AssertSealed("a benchmark", ptr(queryState(n)))
		for name, q := range map[string]crdt.NonMonotone[groups, int]{"count": in.Count(), "minus": minus, "join": join} {
			b.Run(fmt.Sprintf("%s/n=%d", name, n), func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					_ = q.Ask(seal)
				}
			})
		}
	}
}

func BenchmarkSeal(b *testing.B) {
	for _, n := range querySizes() {
		b.Run(fmt.Sprintf("n=%d", n), func(b *testing.B) {
			b.ReportAllocs()
			state := queryState(n)
			for b.Loop() {
				_ = crdt.AssertSealed("a benchmark", &state)
			}
		})
	}
}
