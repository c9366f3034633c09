package seal_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/calmstream/calmstream/internal/plan"
	"github.com/calmstream/calmstream/pipeline/internal/seal"
	"pgregory.net/rapid"
)

var attributes = []string{"ad", "campaign"}

// valued returns votes that keep promises about values.
func valued(names []string) (*seal.Votes, *seal.Keys) {
	v := seal.NewVotes(names)
	return v, v.Keys(attributes)
}

// publishKeys makes what a producer publishes: records, promises of values, and perhaps an end.
func publishKeys(t *rapid.T, name string) (all []message) {
	var tally seal.Tally
	for i := range rapid.IntRange(0, 14).Draw(t, name+" publishes") {
		if rapid.IntRange(0, 2).Draw(t, "what") > 0 {
			attribute := rapid.SampledFrom(attributes).Draw(t, "attribute")
			value := rapid.SampledFrom([]string{"", "1", "2"}).Draw(t, "value")
			all = append(all, message{headers: seal.KeyHeaders(name, attribute, tally), payload: []byte(value), count: tally.Count, from: name})
			continue
		}
		payload := fmt.Appendf(nil, "%s %d", name, i)
		tally.Add(payload)
		all = append(all, message{headers: seal.RecordHeaders(name, tally.Count), payload: payload, count: tally.Count, from: name})
	}
	if rapid.Bool().Draw(t, "ends") {
		all = append(all, message{headers: seal.Promise{Tally: tally, Before: plan.End}.Headers(name), count: tally.Count, from: name})
	}
	return all
}

// ballots are the values that are complete by their definition: it keeps everything and looks through all of it.
type ballots struct {
	naive
	votes map[string]map[string]bool // by attribute and value, the producers
	said  []message
}

func (b *ballots) see(m message) {
	if m.headers[seal.SequenceHeader] != nil {
		b.records[m.from][m.count] = true
	} else if m.count >= b.prefix(m.from) {
		b.said = append(b.said, m)
	}
	for _, p := range b.said {
		if b.prefix(p.from) < p.count {
			continue
		}
		if p.headers[seal.Header][0] == seal.End {
			b.settled[p.from] = plan.End
			continue
		}
		at := p.headers[seal.AttributeHeader][0] + "=" + string(p.payload)
		if b.votes[at] == nil {
			b.votes[at] = map[string]bool{}
		}
		b.votes[at][p.from] = true
	}
}

func (b *ballots) complete() (values []string) {
	for at, votes := range b.votes {
		all := true
		for _, name := range b.producers {
			all = all && (votes[name] || b.settled[name] == plan.End)
		}
		if all {
			values = append(values, at)
		}
	}
	slices.Sort(values)
	return values
}

// entries is a plan.StateWriter in memory.
type entries [][]byte

func (e *entries) Add(entry []byte) error {
	*e = append(*e, slices.Clone(entry))
	return nil
}

// However the messages of the producers come, in any order and more than once, and whenever the shard is restarted from checkpoints, a
// value is complete exactly when all have promised it, or that nothing comes any more, and what they promised is there.
func TestValuesAreCompleteWhenAllHavePromisedAndDelivered(t *testing.T) {
	t.Parallel()
	ids := map[seal.Decided]string{}
	for _, a := range attributes {
		for _, value := range []string{"", "1", "2"} {
			ids[seal.Decided{Attribute: a, Value: plan.ValuesOf(a).ID(value)}] = a + "=" + value
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		names := []string{"a", "b", "c"}[:rapid.IntRange(1, 3).Draw(t, "producers")]
		want := ballots{naive: naive{producers: names, records: map[string]map[uint64]bool{}, settled: map[string]int64{}}, votes: map[string]map[string]bool{}}
		var log []message
		for _, name := range names {
			log = append(log, publishKeys(t, name)...)
			want.records[name] = map[uint64]bool{}
		}
		for range rapid.IntRange(0, 5).Draw(t, "duplicates") {
			if len(log) > 0 {
				log = append(log, log[rapid.IntRange(0, len(log)-1).Draw(t, "again")])
			}
		}
		v, k := valued(names)
		var stored entries
		var got []string
		for i, m := range rapid.Permutation(log).Draw(t, "order") {
			want.see(m)
			switch {
			case m.headers[seal.SequenceHeader] != nil:
				_, _ = v.Record(m.headers, m.payload)
			case m.headers[seal.Header][0] == seal.Key:
				_ = v.PromiseKey(uint64(i+1), m.headers, m.payload) // too late for its digest: the naive one leaves it out too
			default:
				_ = v.Promise(uint64(i+1), m.headers)
			}
			if r := v.Refuted(); len(r) > 0 {
				t.Fatalf("refuted: %v", r[0].Err)
			}
			for _, d := range k.Decided() {
				if !k.Sealed(d.Value) || slices.Contains(got, ids[d]) {
					t.Fatalf("%v was decided before, or is not sealed", ids[d])
				}
				got = append(got, ids[d])
			}
			slices.Sort(got)
			if right := want.complete(); !slices.Equal(got, right) {
				t.Fatalf("after %d messages %q are complete, want %q", i+1, got, right)
			}
			switch rapid.SampledFrom([]string{"go on", "delta", "twice", "full", "lost", "restart"}).Draw(t, "checkpoint") {
			case "delta":
				snapshot(t, k, &stored, false, true)
			case "twice": // it lost against one that had some of it
				snapshot(t, k, &stored, false, false)
			case "full":
				stored = nil
				snapshot(t, k, &stored, true, true)
			case "lost": // another owner has stored one meanwhile, perhaps with some of the same
				snapshot(t, k, new(entries), false, false)
			case "restart":
				snapshot(t, k, &stored, false, false)
				var all entries
				snapshot(t, k, &all, true, false)
				v, k = restartKeys(t, v, names, stored, all)
				stored = nil
				snapshot(t, k, &stored, true, true)
			}
		}
	})
}

func snapshot(t *rapid.T, k *seal.Keys, to *entries, full, kept bool) {
	if err := k.Snapshot(to, full); err != nil {
		t.Fatal(err)
	}
	k.Settle(kept)
}

// restartKeys reads the state back from a base and what changed since, which must lead to what all is.
func restartKeys(t *rapid.T, v *seal.Votes, names []string, stored, all entries) (*seal.Votes, *seal.Keys) {
	next, keys := valued(names)
	if _, err := next.RestoreState(v.AppendState(nil)); err != nil {
		t.Fatal(err)
	}
	for _, e := range stored {
		if err := keys.Restore(e); err != nil {
			t.Fatal(err)
		}
	}
	var again entries
	snapshot(t, keys, &again, true, true)
	for _, e := range []entries{again, all} {
		slices.SortFunc(e, slices.Compare)
	}
	if !slices.EqualFunc(again, all, slices.Equal) {
		t.Fatalf("restored it is\n%x, not\n%x", again, all)
	}
	return next, keys
}

// A promise of a value whose digest is another, or that is none, seals nothing, and says why.
func TestRefusedPromisesOfValues(t *testing.T) {
	t.Parallel()
	v, k := valued([]string{"p"})
	good := seal.KeyHeaders("p", "campaign", seal.Tally{})
	long := make([]byte, plan.MaxValueBytes+1)
	for want, m := range map[string]message{
		`"q" is not registered`: {headers: seal.KeyHeaders("q", "campaign", seal.Tally{})},
		"it must name":          {headers: seal.KeyHeaders("p", "no name", seal.Tally{})},
		"1025 bytes":            {headers: good, payload: long},
	} {
		if err := v.PromiseKey(1, m.headers, m.payload); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
	}
	if err := v.PromiseKey(1, seal.KeyHeaders("p", "colour", seal.Tally{}), nil); err != nil {
		t.Errorf("an attribute of another pipeline: %v", err)
	}
	if err := v.PromiseKey(7, seal.KeyHeaders("p", "campaign", seal.Tally{Count: 1, Digest: 3}), []byte("42")); err != nil {
		t.Fatal(err)
	}
	_, _ = v.Record(seal.RecordHeaders("p", 1), []byte("one"))
	if r := v.Refuted(); len(r) != 1 || r[0].Seq != 7 || k.Pending() {
		t.Errorf("refuted %v", r)
	}
	if err := v.PromiseKey(8, good, nil); err == nil || !strings.Contains(err.Error(), "held against no digest") {
		t.Errorf("a punctuation behind records that it does not count: %v", err)
	}
}

// What producers can make a shard keep of values is bounded, and one cannot take the room of another.
func TestBoundsOfValues(t *testing.T) {
	t.Parallel()
	v, k := valued([]string{"p", "q"})
	promise := func(name string, count uint64, from, to int) (taken int) {
		headers := seal.KeyHeaders(name, "campaign", seal.Tally{Count: count})
		for i := from; i < to; i++ {
			if v.PromiseKey(uint64(i+1), headers, fmt.Append(nil, i)) == nil {
				taken++
			}
		}
		return taken
	}
	if got := promise("p", 9, 0, 5000); got != 4096 {
		t.Errorf("%d promises wait", got)
	}
	if got := promise("q", 0, 0, 70_000); got != 1<<16 {
		t.Errorf("%d values are open", got)
	}
	var all entries
	if err := k.Snapshot(&all, true); err != nil {
		t.Fatal(err)
	}
	v, k = valued([]string{"p", "q"})
	for _, e := range all {
		if err := k.Restore(e); err != nil {
			t.Fatal(err)
		}
	}
	if p, q := promise("p", 9, 5000, 5001), promise("q", 0, 70_000, 70_001); p+q != 0 {
		t.Errorf("a restart makes room for %d and %d", p, q)
	}
	v, k = valued([]string{"p"})
	k.Limit(10)
	if got := promise("p", 0, 0, 20); got != 10 || len(k.Decided()) != 10 {
		t.Errorf("%d values are complete", got)
	}
}

// Any bytes at all are read without a panic and within bounds.
func FuzzRestoreKeys(f *testing.F) {
	v, k := valued([]string{"a", "b"})
	_ = v.PromiseKey(3, seal.KeyHeaders("a", "campaign", seal.Tally{Count: 4}), []byte("1"))
	_ = v.PromiseKey(4, seal.KeyHeaders("b", "ad", seal.Tally{}), []byte("2"))
	_ = v.PromiseKey(5, seal.KeyHeaders("a", "ad", seal.Tally{}), []byte("2"))
	k.Decided()
	var all entries
	if err := k.Snapshot(&all, false); err != nil {
		f.Fatal(err)
	}
	for _, e := range all {
		f.Add(e)
	}
	f.Add([]byte{3, 255, 255})
	f.Fuzz(func(t *testing.T, data []byte) {
		_, k := valued([]string{"a", "b"})
		if k.Restore(data) != nil {
			return
		}
		var again entries
		if err := k.Snapshot(&again, true); err != nil {
			t.Fatal(err)
		}
		for _, e := range again {
			if len(e) > len(data) {
				t.Errorf("%x became %x", data, e)
			}
		}
	})
}
