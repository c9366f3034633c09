package crdttest_test

import (
	"errors"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/calmstream/calmstream/crdt"
	"github.com/calmstream/calmstream/crdt/crdttest"
)

// cells returns samples of a lattice made of a cell.
func cells[L any](of func(cell) L) []L {
	var samples []L
	for _, c := range []cell{{1, 0}, {1, 5}, {2, 0}, {3, 0}, {3, 7}} {
		samples = append(samples, of(c))
	}
	return samples
}

func sets[L any](of func(bits) L) []L {
	var samples []L
	for _, keys := range []string{"a", "b", "bc", "abcdefgh"} {
		var s bits
		s.add([]byte(keys))
		samples = append(samples, of(s))
	}
	return samples
}

func TestLawsFindsWhatIsBroken(t *testing.T) {
	t.Parallel()
	const (
		enc   = crdttest.LawEncoding
		trip  = crdttest.LawRoundTrip
		canon = crdttest.LawCanonical
		same  = crdttest.LawUntouched
		bot   = crdttest.LawBottom
		idem  = crdttest.LawIdempotent
		comm  = crdttest.LawCommutative
		assoc = crdttest.LawAssociative
		grow  = crdttest.LawGrowth
		order = crdttest.LawOrder
		read  = crdttest.LawReadOnly
		alias = crdttest.LawNoAlias
	)
	tests := []struct {
		name string
		err  error
		want []crdttest.Law
	}{
		{"two maxima", crdttest.Laws(cells(func(c cell) good { return good{c} })), nil},
		{
			"sum as merge", crdttest.Laws(cells(func(c cell) sum { return sum{c} })),
			[]crdttest.Law{idem, order},
		},
		{
			"last writer wins ties", crdttest.Laws(cells(func(c cell) lastWriter { return lastWriter{c} })),
			[]crdttest.Law{comm, order},
		},
		{
			"dominating pair", crdttest.Laws(cells(func(c cell) dominating { return dominating{c} })),
			[]crdttest.Law{assoc, order},
		},
		{
			"grew always", crdttest.Laws(cells(func(c cell) eager { return eager{c} })),
			[]crdttest.Law{grow},
		},
		{
			"grew when equal", crdttest.Laws([]equalGrew{{cell{1, 0}}, {cell{2, 0}}}),
			[]crdttest.Law{grow},
		},
		{
			"grew when above", crdttest.Laws(cells(func(c cell) bragging { return bragging{c} })),
			[]crdttest.Law{grow},
		},
		{
			"grew when merged with itself", crdttest.Laws(cells(func(c cell) selfish { return selfish{c} })),
			[]crdttest.Law{grow},
		},
		{
			"emptied by itself", crdttest.Laws(cells(func(c cell) vain { return vain{c} })),
			[]crdttest.Law{idem},
		},
		{
			"grew never", crdttest.Laws(cells(func(c cell) silent { return silent{c} })),
			[]crdttest.Law{grow},
		},
		{
			"bottom of another order", crdttest.Laws([]bareMin{{cell{1, 0}}, {cell{2, 0}}}),
			[]crdttest.Law{bot},
		},
		{
			"washed out by the bottom", crdttest.Laws(cells(func(c cell) washed { return washed{c} })),
			[]crdttest.Law{bot, comm, assoc, order},
		},
		{
			"keeps its own", crdttest.Laws(cells(func(c cell) stubborn { return stubborn{c} })),
			[]crdttest.Law{bot, comm, order},
		},
		{
			"rock, paper, scissors", crdttest.Laws([]cyclic{{cell{1, 0}}, {cell{2, 0}}, {cell{3, 0}}}),
			[]crdttest.Law{assoc, order},
		},
		{
			"changes other", crdttest.Laws(cells(func(c cell) swapping { return swapping{c} })),
			[]crdttest.Law{read},
		},
		{
			"aliases the map of other", crdttest.Laws(sets(func(s bits) aliasing { return aliasing{s} })),
			[]crdttest.Law{alias},
		},
		{
			"shares a map and writes to it", crdttest.Laws(sets(func(s bits) lending { return lending{bits: s} })),
			[]crdttest.Law{alias},
		},
		{
			"shares a map that other writes to", crdttest.Laws(sets(func(s bits) borrowing { return borrowing{lending{bits: s}} })),
			[]crdttest.Law{alias},
		},
		{
			"shares memory that decoding reuses", crdttest.Laws([]reusing{{[]byte("a")}, {[]byte("b")}}),
			[]crdttest.Law{alias},
		},
		{
			"encodes in map order", crdttest.Laws(sets(func(s bits) unordered { return unordered{s} })),
			[]crdttest.Law{enc},
		},
		{
			"keeps the input", crdttest.Laws([]view{{[]byte("a")}, {[]byte("b")}}),
			[]crdttest.Law{trip},
		},
		{
			"decodes to nothing", crdttest.Laws(cells(func(c cell) forgetful { return forgetful{c} })),
			[]crdttest.Law{trip},
		},
		{
			"decodes onto what is there", crdttest.Laws(cells(func(c cell) joining { return joining{c} })),
			[]crdttest.Law{trip},
		},
		{
			"clobbers the receiver", crdttest.Laws(cells(func(c cell) clobbering { return clobbering{c} })),
			[]crdttest.Law{same},
		},
		{
			"panics on short input", crdttest.Laws(cells(func(c cell) panicking { return panicking{c} })),
			[]crdttest.Law{same, canon},
		},
		{
			"accepts long forms", crdttest.Laws([]lax{{1}, {300}}),
			[]crdttest.Law{canon},
		},
		{
			"ignores trailing bytes", crdttest.Laws(cells(func(c cell) trailing { return trailing{c} })),
			[]crdttest.Law{canon},
		},
		{
			"overwrites the buffer", crdttest.Laws(cells(func(c cell) overwriting { return overwriting{c} })),
			[]crdttest.Law{enc},
		},
		{
			"cannot encode", crdttest.Laws(cells(func(c cell) failing { return failing{c} })),
			[]crdttest.Law{enc},
		},
		{
			"no version byte", crdttest.Laws(cells(func(c cell) empty { return empty{c} })),
			[]crdttest.Law{enc},
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			slices.Sort(test.want)
			if got := broken(t, test.err); !slices.Equal(got, test.want) {
				t.Errorf("broken laws:\n got %q\nwant %q\n%v", got, test.want, test.err)
			}
		})
	}
}

func TestLawsSaysHowEncodingsAreWrong(t *testing.T) {
	t.Parallel()
	const law = crdttest.LawRoundTrip
	find(t, []finding{
		{"encodes once", crdttest.Laws(cells(func(c cell) tiring { return tiring{cell: c} })), crdttest.LawEncoding, "failed the second time"},
		{"decodes onto zero only", crdttest.Laws(cells(func(c cell) fresh { return fresh{c} })), law, "refuses the encoding of a"},
		{"zeroes its input", crdttest.Laws(cells(func(c cell) scribbling { return scribbling{c} })), law, "changed its input to b"},
		{"decodes to nothing", crdttest.Laws(cells(func(c cell) forgetful { return forgetful{c} })), law, "a was decoded as b"},
		{"keeps the input", crdttest.Laws([]view{{[]byte("a")}, {[]byte("b")}}), law, "a became b when the bytes"},
		{"does not decode", crdttest.UpwardClosed(crdt.All[refusing](), []refusing{{cell{1, 1}}}), law, "not today"},
	})
}

func TestViolationShowsItsWitnesses(t *testing.T) {
	t.Parallel()
	err := crdttest.Laws([]lastWriter{{cell{1, 5}}, {cell{1, 6}}})
	var v *crdttest.Violation
	if !errors.As(err, &v) || v.Law != crdttest.LawCommutative {
		t.Fatalf("want the commutative law first, got %v", err)
	}
	want := `crdttest: broken law "merge is commutative": merging b into a gives c, merging a into b gives d
	a = 0x010105
	b = 0x010106
	c = 0x010106
	d = 0x010105`
	if v.Error() != want {
		t.Errorf("message:\n got %s\nwant %s", v.Error(), want)
	}
}

func TestVacuousChecksFail(t *testing.T) {
	t.Parallel()
	never := crdt.Any[good]()
	for name, err := range map[string]error{
		"no samples":        crdttest.Laws([]good{}),
		"only the bottom":   crdttest.Laws([]good{{}, {}}),
		"no rounds":         crdttest.RandomLaws(1, 0, randomGood),
		"random bottoms":    crdttest.RandomLaws(1, 3, func(*rand.Rand) good { return good{} }),
		"a set never holds": crdttest.UpwardClosed(never, []good{{cell{1, 1}}}),
	} {
		if !errors.Is(err, crdttest.ErrVacuous) {
			t.Errorf("%s: want ErrVacuous, got %v", name, err)
		}
	}
}

func randomGood(r *rand.Rand) good { return good{cell{byte(r.IntN(4)), byte(r.IntN(4))}} }

func TestRandomLaws(t *testing.T) {
	t.Parallel()
	if err := crdttest.RandomLaws(7, 50, randomGood); err != nil {
		t.Errorf("a lattice was refuted: %v", err)
	}
	find := func() error {
		return crdttest.RandomLaws(7, 50, func(r *rand.Rand) dominating {
			return dominating{cell{byte(r.IntN(4)), byte(r.IntN(4))}}
		})
	}
	err := find()
	var v *crdttest.Violation
	if !errors.As(err, &v) || v.Law != crdttest.LawAssociative {
		t.Fatalf("want the associative law broken, got %v", err)
	}
	if !strings.HasPrefix(err.Error(), "seed 7, round ") {
		t.Errorf("the message does not begin with the seed: %v", err)
	}
	if again := find(); again == nil || again.Error() != err.Error() {
		t.Errorf("the same seed found something else: %v", again)
	}
}

func TestUpwardClosed(t *testing.T) {
	t.Parallel()
	samples := cells(func(c cell) good { return good{c} })
	var last *good
	tests := []struct {
		name string
		set  crdt.UpSet[good]
		ok   bool
	}{
		{"at least two", crdt.AssertUpSet("x>=2", func(g *good) bool { return g.x >= 2 }), true},
		{"always", crdt.All[good](), true},
		{"exactly two", crdt.AssertUpSet("x==2", func(g *good) bool { return g.x == 2 }), false},
		{"at most two", crdt.AssertUpSet("x<=2", func(g *good) bool { return g.x <= 2 }), false},
		{"moving", crdt.AssertUpSet("moving", func(g *good) bool { g.x++; return true }), false},
		{"moody", crdt.AssertUpSet("moody", func(g *good) bool {
			again := g == last
			last = g
			return !again
		}), false},
	}
	for _, test := range tests {
		err := crdttest.UpwardClosed(test.set, samples)
		var v *crdttest.Violation
		switch {
		case test.ok && err != nil:
			t.Errorf("%s: %v", test.name, err)
		case !test.ok && (!errors.As(err, &v) || v.Law != crdttest.LawUpwardClosed):
			t.Errorf("%s: want the set refuted, got %v", test.name, err)
		}
	}
}

func TestUpwardClosedNeedsEncodings(t *testing.T) {
	t.Parallel()
	err := crdttest.UpwardClosed(crdt.All[failing](), []failing{{cell{1, 1}}})
	if got := broken(t, err); !slices.Equal(got, []crdttest.Law{crdttest.LawEncoding}) {
		t.Errorf("want the encoding law, got %v", err)
	}
}
