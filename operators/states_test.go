package operators_test

import (
	"cmp"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/calmstream/calmstream/crdt/crdttest"
	"github.com/calmstream/calmstream/operators"
)

type collected = operators.Collected[string]

// one is a record of the model.
type one struct {
	time   int64
	record string
}

func collectOf(limit int, all ...one) (c collected) {
	for _, r := range all {
		c.Take(limit, r.time, r.record)
	}
	return c
}

// Copies of one history are cut out of it: a lattice is of the prefixes of a log.
func TestCollectedIsALattice(t *testing.T) {
	t.Parallel()
	history := []one{{5, "e"}, {3, "c"}, {3, "c"}, {9, ""}, {3, "b"}, {-1, "z"}, {3, "c"}, {5, "e"}, {7, "g"}, {3, "c"}}
	var samples []collected
	for _, limit := range []int{3, 5, 100} {
		for n := range history {
			samples = append(samples, collectOf(limit, history[:n+1]...))
		}
	}
	crdttest.Check(t, crdttest.Suite[collected]{
		Samples: samples[:20],
		Random: func(r *rand.Rand) (c collected) {
			return collectOf(4, history[:r.IntN(len(history)+1)]...)
		},
	})
}

func FuzzCollected(f *testing.F) {
	crdttest.Fuzz[collected](f, collectOf(2, one{5, "e"}, one{3, "c"}, one{3, "c"}), collectOf(100, one{5, "e"}, one{3, "c"}))
}

// What is kept is what a sorted list keeps, whatever the order and the grouping of the records: bounded in number and in bytes.
func TestCollectedAgainstASortedList(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(7, 8))
	bounded := 0
	for range 400 {
		limit, n := 1+rng.IntN(12), rng.IntN(20)
		var all []one
		for range n {
			r := one{int64(rng.IntN(4)), strings.Repeat(string(rune('a'+rng.IntN(3))), rng.IntN(3))}
			if rng.IntN(4) == 0 {
				r.record = strings.Repeat("x", rng.IntN(300<<10))
			}
			all = append(all, r)
		}
		a, b := collectOf(limit, all[:n/2]...), collectOf(limit, all[n/2:]...)
		a.AddAll(&b)
		slices.SortFunc(all, func(a, b one) int { return cmp.Or(cmp.Compare(a.time, b.time), cmp.Compare(a.record, b.record)) })
		plain := collectOf(limit, all...)
		bytes := 0
		var want []string
		for i, r := range all {
			if bytes += len(r.record) + 24; i == limit || bytes > 512<<10 {
				bounded++
				break
			}
			want = append(want, r.record)
		}
		for _, c := range []*collected{&a, &plain} {
			got, err := c.Records()
			if err != nil || !slices.Equal(got, want) && len(want) > 0 || c.Len() != len(want) || c.Total() != uint64(n) || c.Complete() != (len(want) == n) {
				t.Fatalf("kept %d of %d, complete %t, error %v; want %d", c.Len(), c.Total(), c.Complete(), err, len(want))
			}
		}
		x, _ := a.AppendBinary(nil)
		y, _ := plain.AppendBinary(nil)
		if string(x) != string(y) {
			t.Fatalf("two orders of the same records are encoded differently")
		}
		if len(x) > 900<<10 {
			t.Fatalf("the state takes %d bytes", len(x))
		}
	}
	if bounded < 20 {
		t.Errorf("the bounds were met only %d times", bounded)
	}
}

func TestReducedIsALattice(t *testing.T) {
	t.Parallel()
	add := func(a, b squares) squares { return squares{a.Sum + b.Sum, a.Of + b.Of} }
	of := func(all ...squares) (r operators.Reduced[squares]) {
		for _, v := range all {
			r.Take(add, v)
		}
		return r
	}
	crdttest.Check(t, crdttest.Suite[operators.Reduced[squares]]{
		Samples: []operators.Reduced[squares]{
			of(squares{}), of(squares{Sum: 4, Of: 1}), of(squares{Sum: 4, Of: 1}, squares{Sum: -9, Of: 1}), of(squares{}, squares{}, squares{Of: 5}),
			of(squares{Sum: 5, Of: 1}), // a conflict with the second
		},
		Random: func(r *rand.Rand) (x operators.Reduced[squares]) {
			for range r.IntN(4) {
				x.Take(add, squares{r.Int64N(9), 1})
			}
			return x
		},
	})
}

func FuzzReduced(f *testing.F) {
	var r operators.Reduced[squares]
	r.Take(nil, squares{3, 1})
	crdttest.Fuzz[operators.Reduced[squares]](f, r)
}

// The bytes are durable.
func TestGoldenStates(t *testing.T) {
	t.Parallel()
	c := collectOf(2, one{5, "e"}, one{-1, "c"}, one{-1, "c"})
	var r operators.Reduced[int64]
	r.Take(nil, 258)
	r.Take(func(a, b int64) int64 { return a + b }, 1)
	for name, x := range map[string]struct {
		state interface {
			AppendBinary([]byte) ([]byte, error)
			json.Marshaler
		}
		bytes, json string
	}{
		"collected": {&c, "01 03 02 01 0a0165 01 01 0163 02", `{"records":["c","c"],"total":3,"complete":false}`},
		"reduced":   {&r, "01 02 0000000000000103", "259"},
	} {
		got, err := x.state.AppendBinary(nil)
		if err != nil || fmt.Sprintf("%x", got) != strings.ReplaceAll(x.bytes, " ", "") {
			t.Errorf("%s is encoded as %x, error %v", name, got, err)
		}
		if text, err := json.Marshal(x.state); err != nil || string(text) != x.json {
			t.Errorf("%s in JSON is %s, error %v", name, text, err)
		}
	}
}
