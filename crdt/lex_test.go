package crdt_test

import (
	"encoding/json"
	"errors"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/calmstream/calmstream/crdt"
	"github.com/calmstream/calmstream/crdt/crdttest"
	"pgregory.net/rapid"
)

type (
	lexSet   = crdt.Lex[int8, crdt.GSet[int], *crdt.GSet[int]]
	lexPoint = crdt.Lex[string, crdt.Point[int], *crdt.Point[int]]
)

func lexOf(k int8, xs ...int) lexSet { return crdt.LexOf(k, crdt.GSetOf(xs...)) }

func TestLex(t *testing.T) {
	t.Parallel()
	check(t, suite[lexSet]{
		samples: []lexSet{
			lexOf(0), lexOf(-128), lexOf(-128, 1), lexOf(1), lexOf(1, 1), lexOf(1, 2), lexOf(1, 1, 2), lexOf(2), lexOf(2, 3),
		},
		random: func(r *rand.Rand) (l lexSet) {
			for range r.IntN(5) {
				l.Update(int8(r.IntN(3)-1), crdt.GSetOf(r.Perm(4)[:r.IntN(3)]...))
			}
			return l
		},
		golden: "lex_int8_gset",
		goldens: map[string]lexSet{
			"bottom": {}, "key alone": lexOf(0), "lowest key alone": lexOf(-128), "values": lexOf(5, 1, -1),
		},
		json: map[string]string{
			"bottom": "null", "key alone": `{"key":0,"value":[]}`, "values": `{"key":5,"value":[-1,1]}`,
		},
	})
}

// TestLexOfIndivisible has values whose type does not come apart. Each counts as one part, although the conflict is the merge of smaller
// values: deltas are right, but not the least.
func TestLexOfIndivisible(t *testing.T) {
	t.Parallel()
	none, clash := crdt.LexOf("b", crdt.Point[int]{}), crdt.LexOf("b", pointOf(1, 2))
	samples := []lexPoint{
		none, clash, crdt.LexOf("b", pointOf(1)), crdt.LexOf("b", pointOf(2)), crdt.LexOf("a", pointOf(1)),
		crdt.LexOf("", pointOf(1, 2)),
	}
	crdttest.CheckLaws(t, samples)
	for _, l := range samples {
		var whole lexPoint
		for part := range l.Decompose() {
			whole.Merge(&part)
		}
		if encode(t, &whole) != encode(t, &l) {
			t.Errorf("the parts of %s merge to %s", asJSON(l), asJSON(whole))
		}
		for _, since := range samples {
			delta, below := l.Delta(&since), crdt.Below(&l, &since)
			if encode(t, &delta) == encode(t, &lexPoint{}) != below {
				t.Errorf("the delta of %s since %s is %s", asJSON(l), asJSON(since), asJSON(delta))
			}
			byDelta, byState := crdt.Clone(&since), crdt.Clone(&since)
			byDelta.Merge(&delta)
			if byState.Merge(&l); encode(t, &byDelta) != encode(t, &byState) {
				t.Errorf("%s and the delta of %s is %s", asJSON(since), asJSON(l), asJSON(byDelta))
			}
		}
	}
}

func FuzzLex(f *testing.F) { fuzz(f, lexOf(5, 1, -1), lexOf(-3), lexOf(0, 7)) }

func FuzzLexOfPoint(f *testing.F) {
	fuzz(f, crdt.LexOf("k", pointOf(300)), crdt.LexOf("", pointOf(1, 2)))
}

func TestLexRefuses(t *testing.T) {
	t.Parallel()
	start := lexOf(1, 1)
	refuse(t, start, crdt.ErrCorrupt, "no version byte", "")
	refuse(t, start, crdt.ErrVersion, "Lex has version 0", "00")
	refuse(t, start, crdt.ErrCorrupt, "does not fit", "01 80 02 02 01 00")
	refuse(t, start, crdt.ErrCorrupt, "cut off", "01 02")
	refuse(t, start, crdt.ErrCorrupt, "more bytes", "01 02 03 01 00")
	refuse(t, start, crdt.ErrCorrupt, "left over", "01 02 02 01 00 00")
	refuse(t, start, crdt.ErrCorrupt, "decode Lex: value of key 1: crdt: corrupt encoding: GSet", "01 02 00")
	refuse(t, start, crdt.ErrCorrupt, "not ascending", "01 02 04 01 02 02 02")
	refuse(t, start, crdt.ErrVersion, "value of key 1", "01 02 02 07 00")
}

func TestLexReportsValuesThatDoNotEncode(t *testing.T) {
	t.Parallel()
	l := crdt.LexOf("k", mute{Max: crdt.MaxOf(1)})
	b, err := l.AppendBinary([]byte("before"))
	if !errors.Is(err, errMute) || err.Error() != `crdt: encode Lex: value of key "k": mute` || string(b) != "before" {
		t.Errorf("got %q, %v", b, err)
	}
}

// put is an operation of a history: x under the key k.
type put struct {
	k int8
	x int
}

func puts(k, x int) *rapid.Generator[put] {
	return rapid.Custom(func(t *rapid.T) put {
		return put{int8(rapid.IntRange(0, k).Draw(t, "k")), rapid.IntRange(0, x).Draw(t, "x")}
	})
}

func TestLexHistory(t *testing.T) {
	t.Parallel()
	checkHistory(t, history[lexSet, put, string]{
		op: puts(2, 3),
		apply: func(l *lexSet, _ string, op put) lexSet {
			if op.x == 0 {
				return l.Update(op.k, crdt.GSet[int]{}) // the key alone
			}
			return l.Update(op.k, crdt.GSetOf(op.x))
		},
		read: func(l *lexSet) string { return asJSON(l) },
		reference: func(known []*event[put]) string {
			if len(known) == 0 {
				return "null"
			}
			top := slices.MaxFunc(known, func(a, b *event[put]) int { return int(a.op.k) - int(b.op.k) }).op.k
			all := []int{}
			for _, e := range known {
				if e.op.k == top && e.op.x != 0 {
					all = append(all, e.op.x)
				}
			}
			slices.Sort(all)
			return asJSON(map[string]any{"key": top, "value": slices.Compact(all)})
		},
	})
}

func asJSON(x any) string {
	b, err := json.Marshal(x)
	if err != nil {
		return err.Error()
	}
	return string(b)
}

func TestLexReads(t *testing.T) {
	t.Parallel()
	var l lexSet
	if _, ok := l.Key(); ok {
		t.Error("the zero Lex has a key")
	}
	if _, ok := l.Value(); ok {
		t.Error("the zero Lex has a value")
	}
	in := crdt.GSetOf(4, 5, 6) // has room for one more in place
	l.Update(-1, in)
	in.Add(2)
	out, ok := l.Value()
	made := crdt.LexOf(int8(-1), out)
	out.Add(3)
	if k, _ := l.Key(); !ok || k != -1 || asJSON(l) != `{"key":-1,"value":[4,5,6]}` {
		t.Errorf("got key %d, %v, in all %s", k, ok, asJSON(l))
	}
	if asJSON(made) != asJSON(l) {
		t.Errorf("LexOf kept memory: it became %s", asJSON(made))
	}
	for _, op := range []put{{-2, 9}, {-1, 4}} {
		if delta := l.Update(op.k, crdt.GSetOf(op.x)); encode(t, &delta) != encode(t, &lexSet{}) {
			t.Errorf("an update that changed nothing returned %s", asJSON(delta))
		}
	}
}

func TestLexPartsStop(t *testing.T) {
	t.Parallel()
	l := lexOf(1, 1, 2)
	for part := range l.Decompose() {
		if asJSON(part) != `{"key":1,"value":[1]}` {
			t.Fatalf("the first part is %s", asJSON(part))
		}
		break
	}
}

func TestLexUpSets(t *testing.T) {
	t.Parallel()
	samples := []lexSet{lexOf(0), lexOf(1), lexOf(1, 7), lexOf(1, 8), lexOf(2), lexOf(2, 7)}
	key, reached := crdt.KeyAtLeast[int8, crdt.GSet[int]](1), crdt.Reached(int8(1), crdt.Contains(7))
	crdttest.CheckUpSet(t, key, samples)
	crdttest.CheckUpSet(t, reached, samples)
	for _, c := range []struct {
		l            lexSet
		key, reached bool
	}{
		{lexSet{}, false, false},
		{lexOf(0, 7), false, false},
		{lexOf(1, 8), true, false},
		{lexOf(1, 7), true, true},
		{lexOf(2), true, true}, // passed
	} {
		holds(t, key, c.l, c.key)
		holds(t, reached, c.l, c.reached)
	}
	holds(t, crdt.KeyAtLeast[int8, crdt.GSet[int]](-128), lexSet{}, false) // no key is not the lowest
	checkNames(t, map[string]named{"key >= 1": key, "key > 1, or equal with (contains 7)": reached})
}
