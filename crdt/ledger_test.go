package crdt_test

import (
	"maps"
	"math"
	"math/big"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/calmstream/calmstream/crdt"
	"github.com/calmstream/calmstream/crdt/crdttest"
	"pgregory.net/rapid"
)

// amount is an operation of a Ledger and of a Tally.
type amount struct {
	id string
	n  int64
}

func ledgerOf(all ...amount) (l crdt.Ledger[string]) {
	for _, a := range all {
		l.Record(a.id, a.n)
	}
	return l
}

func ledgerSamples() []crdt.Ledger[string] {
	return []crdt.Ledger[string]{
		ledgerOf(amount{"b", 3}, amount{"a", 1}, amount{"a", -1}, amount{"c", 0}),
		ledgerOf(amount{"a", 1}), ledgerOf(amount{"a", -1}), ledgerOf(amount{"a", 0}), ledgerOf(amount{"a", 1}, amount{"a", 5}),
		ledgerOf(amount{"a", 1}, amount{"b", -1}), ledgerOf(amount{"", math.MaxInt64}, amount{"z", 1}), ledgerOf(amount{"", math.MinInt64}),
	}
}

func TestLedger(t *testing.T) {
	t.Parallel()
	check(t, suite[crdt.Ledger[string]]{
		samples: ledgerSamples(),
		random: func(r *rand.Rand) (l crdt.Ledger[string]) {
			for range r.IntN(8) {
				l.Record(string(rune('a'+r.IntN(4))), int64(r.IntN(4)-2))
			}
			return l
		},
		updates: []func(*crdt.Ledger[string]) crdt.Ledger[string]{
			func(l *crdt.Ledger[string]) crdt.Ledger[string] { return l.Record("a", 1) },
			func(l *crdt.Ledger[string]) crdt.Ledger[string] { return l.Record("d", -2) },
		},
		golden: "ledger_string",
		goldens: map[string]crdt.Ledger[string]{
			"bottom": {}, "two": ledgerOf(amount{"b", -3}, amount{"a", 1}), "nothing": ledgerOf(amount{"", 0}),
			"conflicts": ledgerOf(amount{"b", 3}, amount{"b", -3}, amount{"b", 0}, amount{"a", 7}),
			"too much":  ledgerOf(amount{"a", math.MaxInt64}, amount{"b", 1}),
		},
		json: map[string]string{
			"bottom":    `{"sum":0,"records":[]}`,
			"two":       `{"sum":-2,"records":[["a",1],["b",-3]]}`,
			"conflicts": `{"sum":null,"records":[["a",7],["b",-3]],"conflicts":[["b",-3,3]]}`,
			"too much":  `{"sum":null,"records":[["a",9223372036854775807],["b",1]]}`,
		},
	})
}

// amounts draws amounts some of which leave the range of int64 when they are added.
func amounts(ids ...string) *rapid.Generator[amount] {
	return rapid.Custom(func(t *rapid.T) amount {
		n := rapid.OneOf(rapid.Int64Range(-3, 3), rapid.SampledFrom([]int64{math.MinInt64, math.MinInt64 + 1, math.MaxInt64, math.MaxInt64 - 1}))
		return amount{rapid.SampledFrom(ids).Draw(t, "id"), n.Draw(t, "n")}
	})
}

// nearest is the int64 that is nearest to n.
func nearest(n *big.Int) (sum int64, exact bool) {
	switch {
	case n.IsInt64():
		return n.Int64(), true
	case n.Sign() < 0:
		return math.MinInt64, false
	default:
		return math.MaxInt64, false
	}
}

func TestLedgerHistory(t *testing.T) {
	t.Parallel()
	type shown struct {
		amounts  map[string]int64
		disputed []string
		sum      int64
		exact    bool
		conflict bool
	}
	ids := []string{"", "p", "q", "r"}
	checkHistory(t, history[crdt.Ledger[string], amount, shown]{
		op: rapid.Custom(func(t *rapid.T) amount {
			a := amounts(ids...).Draw(t, "amount")
			if a.n > 3 || rapid.IntRange(0, 4).Draw(t, "lie") > 0 {
				a.n = map[string]int64{"": math.MaxInt64, "p": -5, "q": 0, "r": math.MaxInt64 - 2}[a.id]
			}
			return a
		}),
		apply: func(l *crdt.Ledger[string], _ string, op amount) crdt.Ledger[string] { return l.Record(op.id, op.n) },
		read: func(l *crdt.Ledger[string]) shown {
			s := shown{amounts: map[string]int64{}, disputed: slices.Collect(l.Conflicts()), conflict: l.Conflict()}
			for _, id := range ids {
				if n, ok := l.Amount(id); ok {
					s.amounts[id] = n
				}
			}
			s.sum, s.exact = l.Sum()
			return s
		},
		reference: func(known []*event[amount]) shown {
			s := shown{amounts: map[string]int64{}}
			all := map[string][]int64{}
			for _, e := range known {
				all[e.op.id] = append(all[e.op.id], e.op.n)
			}
			total := new(big.Int)
			for _, id := range slices.Sorted(maps.Keys(all)) {
				total.Add(total, big.NewInt(slices.Min(all[id])))
				if slices.Min(all[id]) == slices.Max(all[id]) {
					s.amounts[id] = all[id][0]
				} else {
					s.disputed = append(s.disputed, id)
				}
			}
			s.conflict = len(s.disputed) > 0
			s.sum, s.exact = nearest(total)
			s.exact = s.exact && !s.conflict
			return s
		},
	})
}

func TestLedgerRecordedIsUpwardClosed(t *testing.T) {
	t.Parallel()
	crdttest.CheckUpSet(t, crdt.Recorded("a"), ledgerSamples())
	crdttest.CheckUpSet(t, crdt.Recorded(""), ledgerSamples())
}

// A sum of signed amounts is not monotone, though it may look so for a while: that is why there is no UpSet over it.
func TestLedgerSumIsNotMonotone(t *testing.T) {
	t.Parallel()
	naive := crdt.AssertUpSet("balance of 100 or more", func(l *crdt.Ledger[string]) bool {
		sum, ok := l.Sum()
		return ok && sum >= 100
	})
	samples := []crdt.Ledger[string]{ledgerOf(amount{"payday", 100}), ledgerOf(amount{"rent", -60})}
	if crdttest.UpwardClosed(naive, samples) == nil {
		t.Error("it was not refuted")
	}
}

func TestLedgerRefuses(t *testing.T) {
	t.Parallel()
	l := ledgerOf(amount{"x", 1})
	refuse(t, l, crdt.ErrCorrupt, "no version byte", "")
	refuse(t, l, crdt.ErrVersion, "version 2", "02 00 00")
	refuse(t, l, crdt.ErrCorrupt, "cut off", "01 00")
	refuse(t, l, crdt.ErrCorrupt, "more items", "01 02 01 61 02")
	refuse(t, l, crdt.ErrCorrupt, "not ascending", "01 02 01 62 02 01 61 02 00")
	refuse(t, l, crdt.ErrCorrupt, "not ascending", "01 02 01 61 02 01 61 04 00")
	refuse(t, l, crdt.ErrCorrupt, "not ascending", "01 02 00 02 00 04 00")
	refuse(t, l, crdt.ErrCorrupt, "not assigned", "01 01 01 61 02 01 01 62 04")
	refuse(t, l, crdt.ErrCorrupt, "not above the smallest", "01 01 01 61 02 01 01 61 02")
	refuse(t, l, crdt.ErrCorrupt, "more items", "01 00 7f")
	refuse(t, l, crdt.ErrCorrupt, "left over", "01 00 00 00")
}

func FuzzLedger(f *testing.F) { fuzz(f, ledgerSamples()...) }
