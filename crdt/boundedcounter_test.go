package crdt_test

import (
	"errors"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/calmstream/calmstream/crdt"
	"pgregory.net/rapid"
)

// deal is an operation on a BoundedCounter: origin adds n, subtracts n, or, with to, transfers n.
type deal struct {
	kind, origin, to string
	n                uint64
}

func (d deal) try(x *crdt.BoundedCounter) (crdt.BoundedCounter, error) {
	switch d.kind {
	case "add":
		return x.Add(d.origin, d.n)
	case "subtract":
		return x.Subtract(d.origin, d.n)
	default:
		return x.Transfer(d.origin, d.to, d.n)
	}
}

func (d deal) apply(x *crdt.BoundedCounter) crdt.BoundedCounter {
	delta, _ := d.try(x) // where it fails it does nothing
	return delta
}

func add(origin string, n uint64) deal      { return deal{kind: "add", origin: origin, n: n} }
func subtract(origin string, n uint64) deal { return deal{kind: "subtract", origin: origin, n: n} }
func transfer(from, to string, n uint64) deal {
	return deal{kind: "transfer", origin: from, to: to, n: n}
}

func dealt(deals ...deal) (x crdt.BoundedCounter) {
	for _, d := range deals {
		d.apply(&x)
	}
	return x
}

// split returns what is seen by who hears of some deltas only.
func split(skip int, deals ...deal) (seen crdt.BoundedCounter) {
	var x crdt.BoundedCounter
	for i, d := range deals {
		if delta := d.apply(&x); i >= skip {
			seen.Merge(&delta)
		}
	}
	return seen
}

func TestBoundedCounter(t *testing.T) {
	t.Parallel()
	type counter = crdt.BoundedCounter
	all := []deal{add("a", 5), transfer("a", "b", 3), subtract("b", 2), add("b", 1), transfer("b", "", 2), subtract("a", 1)}
	check(t, suite[counter]{
		samples: []counter{
			dealt(add("a", 1)), dealt(add("a", 2)), dealt(add("b", 1)), dealt(add("a", 2), subtract("a", 1)),
			dealt(add("a", 2), transfer("a", "b", 1)), dealt(all...), split(1, all...), split(2, all...), dealt(add("", 300), transfer("", "x", 200)),
			dealt(add("a", math.MaxUint64), add("b", math.MaxUint64)),
		},
		random: func(r *rand.Rand) (x counter) {
			origins := []string{"a", "b", ""}
			for range r.IntN(8) {
				kind := []string{"add", "add", "subtract", "transfer"}[r.IntN(4)]
				deal{kind, origins[r.IntN(3)], origins[r.IntN(3)], r.Uint64N(4)}.apply(&x)
			}
			return x
		},
		updates: []func(*counter) counter{
			add("a", 1).apply, subtract("a", 1).apply, transfer("b", "a", 1).apply, subtract("", 100).apply,
		},
		upSets: []crdt.UpSet[counter]{crdt.UsedAtLeast(0), crdt.UsedAtLeast(1), crdt.UsedAtLeast(3)},
		golden: "boundedcounter",
		goldens: map[string]counter{
			"bottom": {}, "added": dealt(add("shard-7", 300)), "all": dealt(all...), "only used": split(2, add("a", 1), transfer("a", "b", 1), subtract("b", 1)),
			"only given": split(1, add("a", 300), transfer("a", "b", 300)),
		},
		json: map[string]string{
			"bottom": `{"value":0,"given":{},"used":{}}`,
			"all":    `{"value":3,"given":{"a":{"a":5,"b":3},"b":{"":2,"b":1}},"used":{"a":1,"b":2}}`,
		},
	})
}

// tally is a naive BoundedCounter: sums over the operations that are known, of those that had the rights when they were made.
type tally struct {
	made map[*event[deal]]bool // whether it had the rights
}

func (y *tally) had(e *event[deal]) bool {
	if had, ok := y.made[e]; ok {
		return had
	}
	var saw []*event[deal]
	for s := range e.saw {
		saw = append(saw, s)
	}
	y.made[e] = e.op.kind == "add" || y.rights(e.origin, saw) >= int64(e.op.n)
	return y.made[e]
}

func (y *tally) rights(origin string, known []*event[deal]) (n int64) {
	for _, e := range known {
		if !y.had(e) {
			continue
		}
		if e.origin == origin && e.op.kind == "add" || e.op.kind == "transfer" && e.op.to == origin {
			n += int64(e.op.n)
		}
		if e.origin == origin && e.op.kind != "add" {
			n -= int64(e.op.n)
		}
	}
	return n
}

func (y *tally) sum(kind string, known []*event[deal]) (n int64) {
	for _, e := range known {
		if e.op.kind == kind && y.had(e) {
			n += int64(e.op.n)
		}
	}
	return n
}

func TestBoundedCounterHistory(t *testing.T) {
	t.Parallel()
	type shown struct {
		value, used int64
		rights      [3]int64
	}
	origins := [3]string{"a", "b", "c"}
	checkHistory(t, history[crdt.BoundedCounter, deal, shown]{
		carries: func(op, earlier deal) bool { return op.kind == earlier.kind && op.to == earlier.to },
		op: rapid.Custom(func(t *rapid.T) deal {
			d := deal{kind: rapid.SampledFrom([]string{"add", "subtract", "transfer"}).Draw(t, "kind"), n: rapid.Uint64Range(0, 4).Draw(t, "n")}
			if d.kind == "transfer" {
				d.to = rapid.SampledFrom(origins[:]).Draw(t, "to")
			}
			return d
		}),
		apply: func(x *crdt.BoundedCounter, origin string, op deal) crdt.BoundedCounter {
			op.origin = origin
			return op.apply(x)
		},
		read: func(x *crdt.BoundedCounter) shown {
			s := shown{value: int64(x.Value()), used: int64(x.Used())}
			for i, origin := range origins {
				s.rights[i] = int64(x.Rights(origin))
			}
			return s
		},
		reference: func(known []*event[deal]) shown {
			y := tally{made: map[*event[deal]]bool{}}
			added, used := y.sum("add", known), y.sum("subtract", known)
			s := shown{value: max(0, added-used), used: used} // what was added may not be known yet
			for i, origin := range origins {
				s.rights[i] = max(0, y.rights(origin, known))
			}
			return s
		},
	})
}

// TestBoundedCounterStaysAboveZero is what the type is for. Replicas that hear of each other now and then, or not, spend
// what they believe to have; what all of them spent is never more than what all of them added. All that is there can be spent.
func TestBoundedCounterStaysAboveZero(t *testing.T) {
	t.Parallel()
	origins := []string{"a", "b", "c"}
	rapid.Check(t, func(t *rapid.T) {
		replicas := make([]crdt.BoundedCounter, len(origins))
		var deltas []crdt.BoundedCounter
		var added, used uint64
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			i := rapid.IntRange(0, 2).Draw(t, "replica")
			if len(deltas) > 0 && rapid.Bool().Draw(t, "hear") {
				replicas[i].Merge(&deltas[rapid.IntRange(0, len(deltas)-1).Draw(t, "delta")])
				continue
			}
			d := deal{rapid.SampledFrom([]string{"add", "subtract", "subtract", "transfer"}).Draw(t, "kind"), origins[i], origins[(i+1)%3], rapid.Uint64Range(1, 5).Draw(t, "n")}
			rights, before := replicas[i].Rights(d.origin), encode(t, &replicas[i])
			delta, err := d.try(&replicas[i])
			switch fails := d.kind != "add" && d.n > rights; {
			case fails != errors.Is(err, crdt.ErrRights), fails != (err != nil):
				t.Fatalf("%v with rights for %d: %v", d, rights, err)
			case fails && (encode(t, &replicas[i]) != before || encode(t, &delta) != encode(t, new(crdt.BoundedCounter))):
				t.Fatalf("%v failed and changed something", d)
			case fails:
				continue
			case d.kind == "add":
				added += d.n
			case d.kind == "subtract":
				used += d.n
			}
			deltas = append(deltas, delta)
		}
		if used > added {
			t.Fatalf("%d were used of %d", used, added)
		}
		var all crdt.BoundedCounter
		for _, d := range deltas {
			all.Merge(&d)
		}
		sum := uint64(0)
		for _, origin := range origins {
			sum += all.Rights(origin)
		}
		if all.Value() != added-used || sum != added-used || all.Used() != used {
			t.Fatalf("%d is left, with rights for %d, after %d of %d were used", all.Value(), sum, used, added)
		}
	})
}

func TestBoundedCounterErrors(t *testing.T) {
	t.Parallel()
	x := dealt(add("a", 3), transfer("a", "b", 1))
	for _, c := range []struct {
		deal deal
		want error
		says string
	}{
		{subtract("a", 3), crdt.ErrRights, `crdt: not enough rights: "a" has rights for 2 and needs 3`},
		{subtract("nobody", 1), crdt.ErrRights, `"nobody" has rights for 0 and needs 1`},
		{transfer("b", "a", 2), crdt.ErrRights, `"b" has rights for 1 and needs 2`},
		{transfer("b", "b", 2), crdt.ErrRights, `"b" has rights for 1 and needs 2`},
		{add("a", math.MaxUint64-2), crdt.ErrRange, `crdt: sum out of range: 18446744073709551613 more than 3, of "a"`},
		{subtract("nobody", 0), nil, ""},
		{add("a", 0), nil, ""},
		{transfer("b", "b", 1), nil, ""},
	} {
		before := encode(t, &x)
		delta, err := c.deal.try(&x)
		if !errors.Is(err, c.want) || err != nil && !strings.Contains(err.Error(), c.says) {
			t.Errorf("%v: got %v, want %v that says %q", c.deal, err, c.want, c.says)
		}
		if encode(t, &x) != before || encode(t, &delta) != encode(t, new(crdt.BoundedCounter)) {
			t.Errorf("%v changed something", c.deal)
		}
	}
}

// Sums beyond uint64 are exact inside, and shown as the largest uint64.
func TestBoundedCounterBeyondUint64(t *testing.T) {
	t.Parallel()
	const most = math.MaxUint64
	x := dealt(add("a", most), add("b", most), transfer("b", "a", most))
	if x.Value() != most || x.Rights("a") != most || x.Rights("b") != 0 {
		t.Errorf("value %d, rights of a %d", x.Value(), x.Rights("a"))
	}
	if _, err := x.Subtract("a", most); err != nil || x.Value() != most || x.Rights("a") != most {
		t.Errorf("of twice the largest uint64, half is used: value %d, rights %d, %v", x.Value(), x.Rights("a"), err)
	}
	if _, err := x.Subtract("a", 1); !errors.Is(err, crdt.ErrRange) {
		t.Errorf("a used more than the largest uint64: %v", err)
	}
	if _, err := x.Transfer("a", "c", most); err != nil || x.Rights("a") != 0 || x.Rights("c") != most {
		t.Errorf("rights of a %d, of c %d, %v", x.Rights("a"), x.Rights("c"), err)
	}
	if _, err := x.Subtract("c", most); err != nil {
		t.Error(err)
	}
	if x.Value() != 0 || x.Rights("c") != 0 {
		t.Errorf("all is used, and %d left, with rights for %d", x.Value(), x.Rights("c"))
	}
}

func TestBoundedCounterDecoderRefuses(t *testing.T) {
	t.Parallel()
	x := dealt(add("x", 3), transfer("x", "y", 2), subtract("y", 1))
	refuse(t, x, crdt.ErrCorrupt, "no version byte", "")
	refuse(t, x, crdt.ErrVersion, "version 2", "02 00 00")
	refuse(t, x, crdt.ErrCorrupt, "cut off", "01")
	refuse(t, x, crdt.ErrCorrupt, "cut off", "01 00")
	refuse(t, x, crdt.ErrCorrupt, "gave nothing", "01 01 01 61 00 00 00")
	refuse(t, x, crdt.ErrCorrupt, "givers are not ascending", "01 02 01 62 01 01 62 01 01 61 01 01 61 01 00")
	refuse(t, x, crdt.ErrCorrupt, "givers are not ascending", "01 02 01 61 01 01 62 01 01 61 01 01 61 01 00")
	refuse(t, x, crdt.ErrCorrupt, "origins are not ascending", "01 01 01 61 02 01 62 01 01 61 01 00")
	refuse(t, x, crdt.ErrCorrupt, "origins are not ascending", "01 00 02 01 62 01 01 62 01")
	refuse(t, x, crdt.ErrCorrupt, "count is 0", "01 01 01 61 01 01 61 00 00")
	refuse(t, x, crdt.ErrCorrupt, "count is 0", "01 00 01 01 62 00")
	refuse(t, x, crdt.ErrCorrupt, "more items", "01 7f 01 61 01 01 61 01 00")
	refuse(t, x, crdt.ErrCorrupt, "more bytes", "01 01 7f 61 01 01 61 01 00")
	refuse(t, x, crdt.ErrCorrupt, "left over", "01 00 00 00")
}

func FuzzBoundedCounter(f *testing.F) {
	fuzz(f, dealt(add("b", 300), transfer("b", "a", 200), subtract("a", 7)), dealt(add("", 1)), split(1, add("a", 1), subtract("a", 1)))
}
