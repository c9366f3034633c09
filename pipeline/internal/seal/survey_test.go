package seal_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/calmstream/calmstream/internal/plan"
	"github.com/calmstream/calmstream/pipeline/internal/seal"
	"pgregory.net/rapid"
)

// stretch makes what a producer publishes as the producers of this module do: a promise stands behind all that it counts, and before all that
// it does not. Between promises records may change places and come twice.
func stretch(t *rapid.T, name string) (log []message) {
	var tally seal.Tally
	for i := range rapid.IntRange(1, 4).Draw(t, name+" promises") {
		var records []message
		for j := range rapid.IntRange(0, 6).Draw(t, "records") {
			payload := fmt.Appendf(nil, "%s %d %d", name, i, j)
			tally.Add(payload)
			records = append(records, message{headers: seal.RecordHeaders(name, tally.Count), payload: payload, count: tally.Count, from: name})
		}
		for range rapid.IntRange(0, 2).Draw(t, "duplicates") {
			if len(records) > 0 {
				records = append(records, records[rapid.IntRange(0, len(records)-1).Draw(t, "again")])
			}
		}
		p := seal.Promise{Tally: tally, Before: int64(i + 1)}
		log = append(append(log, rapid.Permutation(records).Draw(t, "order")...), message{headers: p.Headers(name), before: p.Before})
	}
	end := seal.Promise{Tally: tally, Before: plan.End}
	return append(log, message{headers: end.Headers(name), before: plan.End})
}

// apply tells votes of a message and reports whether it is a fresh record.
func apply(t *rapid.T, v *seal.Votes, seq uint64, m message) (fresh bool) {
	var err error
	if m.payload == nil {
		err = v.Promise(seq, m.headers)
	} else {
		fresh, err = v.Record(m.headers, m.payload)
	}
	if err != nil {
		t.Fatalf("message %d: %v", seq, err)
	}
	if r := v.Refuted(); len(r) > 0 {
		t.Fatalf("message %d: refuted: %v", seq, r[0].Err)
	}
	return fresh
}

// A shard that begins to read at any place of its log, also one that has lost what was before, takes the records that one takes that
// has read it from the beginning, and comes to the same frontiers.
func TestVotesFromTheMiddle(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		names := []string{"a", "b"}[:rapid.IntRange(1, 2).Draw(t, "producers")]
		var log []message
		for _, name := range names {
			at := 0
			for _, m := range stretch(t, name) { // in between what is there
				at = rapid.IntRange(at, len(log)).Draw(t, "place")
				log = slices.Insert(log, at, m)
				at++
			}
		}
		place := rapid.IntRange(0, len(log)).Draw(t, "beginning")
		first := rapid.IntRange(0, place).Draw(t, "first message left")
		whole, want := seal.NewVotes(names), seal.NewSurvey(names, first == 0)
		taken, left := map[string]bool{}, map[string]bool{} // before the place, and what of that is left
		for i, m := range log {
			if i < place && apply(t, whole, uint64(i+1), m) {
				taken[string(m.payload)] = true
			}
			if i == place {
				want.Begin()
			}
			if i >= first {
				left[string(m.payload)] = left[string(m.payload)] || i < place
				want.Message(uint64(i+1), m.headers, m.payload)
			}
		}
		if want.Begin(); len(want.Unknown()) > 0 {
			if first == 0 || slices.ContainsFunc(log[place:], func(m message) bool {
				return m.payload == nil && m.before == plan.End && seal.Producer(m.headers) == want.Unknown()[0]
			}) {
				t.Fatalf("nothing is known of %v", want.Unknown())
			}
			return
		}
		v := seal.NewVotes(names)
		if rest, err := v.RestoreState(want.AppendState(nil)); err != nil || len(rest) > 0 {
			t.Fatal(err)
		}
		if first == 0 && v.Frontier() != whole.Frontier() {
			t.Errorf("it begins at frontier %d, want %d", v.Frontier(), whole.Frontier())
		}
		here := map[string]bool{}
		for i, m := range log[place:] {
			seq := uint64(place + i + 1)
			a, b := apply(t, whole, seq, m), apply(t, v, seq, m)
			// What stood before the place and is gone looks new if it comes again; nothing else does, and that only once.
			if a != b && (left[string(m.payload)] || !taken[string(m.payload)] || here[string(m.payload)]) {
				t.Fatalf("message %d %q: fresh %v, want %v", seq, m.payload, b, a)
			}
			here[string(m.payload)] = true
			if got, want := v.Frontier(), whole.Frontier(); got > want || got < want && first == 0 {
				t.Fatalf("message %d: the frontier is %d, want %d", seq, got, want)
			}
			if rapid.Bool().Draw(t, "restart") {
				v = restart(t, v, names)
			}
		}
		if v.Frontier() != plan.End && place < len(log) {
			t.Fatalf("in the end the frontier is %d", v.Frontier())
		}
	})
}

// A promise that does not count a record before it is an old one that was published again, and tells nothing.
func TestSurveyPassesOldPromises(t *testing.T) {
	t.Parallel()
	for _, begun := range []bool{false, true} {
		s := seal.NewSurvey([]string{"a"}, false)
		if begun {
			s.Begin()
		}
		tally := seal.Tally{Count: 4, Digest: 44}
		old := seal.Promise{Tally: tally, Before: 10}
		tally.Add([]byte("five"))
		s.Message(1, seal.RecordHeaders("a", 5), []byte("five"))
		s.Message(2, old.Headers("a"), nil)
		if len(s.Unknown()) == 0 {
			t.Errorf("begun %v: an old promise counts", begun)
		}
		s.Message(3, seal.RecordHeaders("other", 1), nil)
		s.Message(4, seal.CutHeaders(1), nil)
		s.Message(5, seal.KeyHeaders("a", "ad", tally), []byte("x"))
		if len(s.Unknown()) > 0 {
			t.Errorf("begun %v: a promise about a value tells as well", begun)
		}
	}
}
