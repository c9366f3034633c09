package seal_test

import (
	"bytes"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/calmstream/calmstream/internal/plan"
	"github.com/calmstream/calmstream/pipeline/internal/seal"
	"pgregory.net/rapid"
)

// message is a record or a punctuation of a producer.
type message struct {
	headers map[string][]string
	payload []byte
	before  int64 // of a punctuation
	count   uint64
	from    string
}

// publish makes what a producer publishes: records, and punctuations with rising times.
func publish(t *rapid.T, name string) (all []message) {
	var tally seal.Tally
	before := int64(0)
	for i := range rapid.IntRange(0, 12).Draw(t, name+" publishes") {
		if rapid.IntRange(0, 3).Draw(t, "what") == 0 {
			before += int64(rapid.IntRange(1, 5).Draw(t, "step"))
			p := seal.Promise{Tally: tally, Before: before}
			all = append(all, message{headers: p.Headers(name), before: before, count: tally.Count, from: name})
			continue
		}
		payload := fmt.Appendf(nil, "%s %d", name, i)
		tally.Add(payload)
		all = append(all, message{headers: seal.RecordHeaders(name, tally.Count), payload: payload, count: tally.Count, from: name})
	}
	return all
}

// naive is the same by its definition: it keeps everything and looks through all of it.
type naive struct {
	producers []string
	records   map[string]map[uint64]bool
	promises  []message
	settled   map[string]int64
}

func (n *naive) prefix(name string) (count uint64) {
	for n.records[name][count+1] {
		count++
	}
	return count
}

func (n *naive) see(m message) {
	if m.payload != nil {
		n.records[m.from][m.count] = true
	} else if m.count >= n.prefix(m.from) { // otherwise its digest cannot be checked any more
		n.promises = append(n.promises, m)
	}
	for _, p := range n.promises {
		if n.prefix(p.from) >= p.count {
			n.settled[p.from] = max(n.settled[p.from], p.before)
		}
	}
}

func (n *naive) frontier() int64 {
	lowest := int64(plan.End)
	for _, name := range n.producers {
		at, ok := n.settled[name]
		if !ok {
			return plan.Beginning
		}
		lowest = min(lowest, at)
	}
	return lowest
}

// However the messages of the producers come, in any order and more than once, and whenever the shard is restarted from a
// checkpoint, a time is complete exactly when all have promised it and what they promised is there.
func TestFrontierIsWhatAllHavePromisedAndDelivered(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		names := []string{"a", "b", "c"}[:rapid.IntRange(1, 3).Draw(t, "producers")]
		var log []message
		want := naive{producers: names, records: map[string]map[uint64]bool{}, settled: map[string]int64{}}
		for _, name := range names {
			log = append(log, publish(t, name)...)
			want.records[name] = map[uint64]bool{}
		}
		for range rapid.IntRange(0, 5).Draw(t, "duplicates") {
			if len(log) > 0 {
				log = append(log, log[rapid.IntRange(0, len(log)-1).Draw(t, "again")])
			}
		}
		v, seen := seal.NewVotes(names), map[string]bool{}
		for i, m := range rapid.Permutation(log).Draw(t, "order") {
			want.see(m)
			if m.payload == nil {
				_ = v.Promise(uint64(i+1), m.headers) // too late for its digest: the naive one leaves it out too
			} else if fresh, err := v.Record(m.headers, m.payload); err != nil || fresh == seen[string(m.payload)] {
				t.Fatalf("record %s: fresh %v, %v", m.payload, fresh, err)
			}
			seen[string(m.payload)] = true
			if r := v.Refuted(); len(r) > 0 {
				t.Fatalf("refuted: %v", r[0].Err)
			}
			if got := v.Frontier(); got != want.frontier() {
				t.Fatalf("after %d messages the frontier is %d, want %d", i+1, got, want.frontier())
			}
			if rapid.Bool().Draw(t, "restart") {
				v = restart(t, v, names)
			}
		}
	})
}

// restart writes the state and reads it back.
func restart(t interface{ Fatalf(string, ...any) }, v *seal.Votes, names []string) *seal.Votes {
	state := v.AppendState(nil)
	other := seal.NewVotes(names) // a shard restores over what it begins with
	_, _ = other.Record(seal.RecordHeaders(names[0], 300), nil)
	_ = other.Promise(1, seal.Promise{Tally: seal.Tally{Count: 300}, Before: 1}.Headers(names[0]))
	next := seal.NewVotes(names)
	if _, err := next.RestoreState(other.AppendState(nil)); err != nil {
		t.Fatalf("%v", err)
	}
	rest, err := next.RestoreState(append(slices.Clone(state), "rest"...))
	if err != nil || string(rest) != "rest" || next.Frontier() != v.Frontier() {
		t.Fatalf("restored with %q left, %v, frontier %d instead of %d", rest, err, next.Frontier(), v.Frontier())
	}
	if again := next.AppendState(nil); !bytes.Equal(again, state) {
		t.Fatalf("written again it is\n%x, not\n%x", again, state)
	}
	return next
}

// What is lost, changed, or sent by two who use one name does not pass the digest, and is said of the punctuation.
func TestDigestRefutes(t *testing.T) {
	t.Parallel()
	var tally seal.Tally
	tally.Add([]byte("one"))
	tally.Add([]byte("two"))
	for name, records := range map[string][]string{"changed": {"one", "zwei"}, "of another process": {"eins", "zwei"}} {
		for _, early := range []bool{false, true} {
			v := seal.NewVotes([]string{"p"})
			promise := seal.Promise{Tally: tally, Before: 7}.Headers("p")
			if early && v.Promise(9, promise) != nil {
				t.Fatal("an early punctuation is refused")
			}
			for i, r := range records {
				if fresh, err := v.Record(seal.RecordHeaders("p", uint64(i+1)), []byte(r)); !fresh || err != nil {
					t.Fatal(fresh, err)
				}
			}
			if !early && v.Promise(9, promise) != nil {
				t.Fatal("a punctuation is refused before it is refuted")
			}
			refuted := v.Refuted()
			if len(refuted) != 1 || refuted[0].Seq != 9 || !strings.Contains(refuted[0].Err.Error(), `producer "p"`) || v.Frontier() != plan.Beginning {
				t.Errorf("%s, early %v: %v, frontier %d", name, early, refuted, v.Frontier())
			}
		}
	}
}

// Each message that is worth nothing is refused with a reason that says what to do, and changes nothing.
func TestRefusals(t *testing.T) {
	t.Parallel()
	with := func(h map[string][]string, name, value string) map[string][]string {
		h = maps.Clone(h)
		h[name] = []string{value}
		return h
	}
	record := seal.RecordHeaders("p", 1)
	promise := seal.Promise{Before: 5}.Headers("p")
	for want, h := range map[string]map[string][]string{
		"names no producer":                       nil,
		`"q" is not registered`:                   seal.RecordHeaders("q", 1),
		`Calm-Sequence is ""`:                     {seal.ProducerHeader: {"p"}},
		`Calm-Sequence is "0"`:                    with(record, seal.SequenceHeader, "0"),
		`Calm-Sequence is "-1"`:                   with(record, seal.SequenceHeader, "-1"),
		`Calm-Sequence is "18446744073709551615"`: with(record, seal.SequenceHeader, "18446744073709551615"),
	} {
		v := seal.NewVotes([]string{"p"})
		if fresh, err := v.Record(h, nil); fresh || err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v: %v, %v", h, fresh, err)
		}
	}
	for want, h := range map[string]map[string][]string{
		`"q" is not registered`:             seal.Promise{}.Headers("q"),
		`Calm-Seal is "tomorrow"`:           with(promise, seal.Header, "tomorrow"),
		`outside the years`:                 with(promise, seal.Header, "9999-01-01T00:00:00Z"),
		`Calm-Count is "many"`:              with(promise, seal.CountHeader, "many"),
		`Calm-Digest is "0"`:                with(promise, seal.DigestHeader, "0"),
		`Calm-Digest is "xxxxxxxxxxxxxxxx"`: with(promise, seal.DigestHeader, "xxxxxxxxxxxxxxxx"),
	} {
		v := seal.NewVotes([]string{"p"})
		if err := v.Promise(1, h); err == nil || !strings.Contains(err.Error(), want) || v.Frontier() != plan.Beginning {
			t.Errorf("%v: %v", h, err)
		}
	}
	v := seal.NewVotes([]string{"p"})
	_, _ = v.Record(record, nil)
	if err := v.Promise(2, promise); err == nil || !strings.Contains(err.Error(), "no digest") {
		t.Errorf("a punctuation behind records that it does not count: %v", err)
	}
	_, _ = v.Record(seal.RecordHeaders("p", 3), []byte("three"))
	if fresh, err := v.Record(seal.RecordHeaders("p", 3), []byte("drei")); fresh || err == nil || !strings.Contains(err.Error(), "to two records") {
		t.Errorf("two records with one number: %v, %v", fresh, err)
	}
}

// What a producer can make a shard keep is bounded, and nothing that was kept is lost at the bound.
func TestBounds(t *testing.T) {
	t.Parallel()
	v := seal.NewVotes([]string{"p"})
	refused, tally := 0, seal.Tally{}
	for n := uint64(2); n < 5000; n++ {
		if _, err := v.Record(seal.RecordHeaders("p", n), nil); err != nil {
			refused++
		}
	}
	for range 5000 - refused - 1 {
		tally.Add(nil)
	}
	if refused != 4998-4096 {
		t.Errorf("%d records were refused", refused)
	}
	if err := v.Promise(1, seal.Promise{Tally: tally, Before: 3}.Headers("p")); err != nil {
		t.Fatal(err)
	}
	if _, err := v.Record(seal.RecordHeaders("p", 1), nil); err != nil || v.Frontier() != 3 {
		t.Errorf("the first record closes the gap: %v, frontier %d", err, v.Frontier())
	}
	v, refused = seal.NewVotes([]string{"p"}), 0
	for i := range 300 {
		if v.Promise(uint64(i+1), seal.Promise{Tally: seal.Tally{Count: 9}, Before: int64(i)}.Headers("p")) != nil {
			refused++
		}
	}
	if refused != 300-256 {
		t.Errorf("%d punctuations were refused", refused)
	}
}

// The order of the records does not show in the digest, their content and number do.
func TestTallyGolden(t *testing.T) {
	t.Parallel()
	var tally seal.Tally
	tally.Add([]byte("one"))
	tally.Add([]byte("two"))
	got := fmt.Sprint(seal.Promise{Tally: tally, Before: 1706695200123456789}.Headers("orders"))
	const want = "map[Calm-Count:[2] Calm-Digest:[3625198674c9e636] Calm-Producer:[orders] Calm-Seal:[2024-01-31T10:00:00.123456789Z]]"
	if got != want {
		t.Errorf("got %s", got)
	}
}

// Any bytes at all are read without a panic and within bounds.
func FuzzRestoreState(f *testing.F) {
	v := seal.NewVotes([]string{"a", "b"})
	_, _ = v.Record(seal.RecordHeaders("a", 2), []byte("x"))
	_ = v.Promise(1, seal.Promise{Tally: seal.Tally{Count: 4}, Before: 9}.Headers("b"))
	f.Add(v.AppendState(nil))
	f.Add(bytes.Repeat([]byte{255}, 40))
	f.Fuzz(func(t *testing.T, data []byte) {
		v := seal.NewVotes([]string{"a", "b"})
		if rest, err := v.RestoreState(data); err == nil {
			if again := v.AppendState(nil); len(again) > len(data)-len(rest) {
				t.Errorf("%d bytes became %d", len(data)-len(rest), len(again))
			}
		}
	})
}

func BenchmarkRecord(b *testing.B) {
	v := seal.NewVotes([]string{"a", "b", "c", "d"})
	payload := make([]byte, 100)
	for i := range payload {
		payload[i] = byte(rand.IntN(256))
	}
	headers := make([]map[string][]string, 1<<10)
	b.ReportAllocs()
	for n := uint64(0); b.Loop(); n++ {
		if n%1024 == 0 {
			b.StopTimer()
			for i := range headers {
				headers[i] = seal.RecordHeaders("c", n+uint64(i)+1)
			}
			b.StartTimer()
		}
		if _, err := v.Record(headers[n%1024], payload); err != nil {
			b.Fatal(err)
		}
	}
}

// However many producers have numbers and promises ahead of what has come, what a checkpoint keeps of them fits into one message
// of the server, and one of them cannot take the room of another.
func TestBoundOfAll(t *testing.T) {
	t.Parallel()
	var names []string
	for i := range 100 {
		names = append(names, fmt.Sprintf("p%02d", i))
	}
	v := seal.NewVotes(names)
	for _, name := range names {
		taken := 0
		for n := uint64(1); n < 5000; n++ {
			if fresh, err := v.Record(seal.RecordHeaders(name, n<<50), nil); fresh && err == nil {
				taken++
			}
		}
		if taken < 100 {
			t.Fatalf("%s had room for %d records", name, taken)
		}
		taken = 0
		for i := range 300 {
			if v.Promise(1<<60, seal.Promise{Tally: seal.Tally{Count: 1 << 62}, Before: int64(i) << 50}.Headers(name)) == nil {
				taken++
			}
		}
		if taken < 8 {
			t.Fatalf("%s had room for %d promises", name, taken)
		}
	}
	if n := len(v.AppendState(nil)); n > 900_000 {
		t.Errorf("the state has %d bytes", n)
	}
	restart(t, v, names)
}
