package crdt_test

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/calmstream/calmstream/crdt"
	"pgregory.net/rapid"
)

// opText is the outcome of operations that are written one behind the other: every order shows.
type opText string

func (t *opText) AppendBinary(b []byte) ([]byte, error) { return append(b, *t...), nil }

func (t *opText) UnmarshalBinary(data []byte) error {
	*t = opText(data)
	return nil
}

func appendText(t *opText, op string) { *t += opText(op) }

// logOf makes a log by steps such as "a:x b:y"; each step has heard of those before it.
func logOf(steps string) crdt.OpLog[string] {
	return after(steps, func(l *crdt.OpLog[string], origin, op string) { l.Append(origin, op) })
}

// compacted plays what all members have heard of, where each has heard of all that is in the log.
func compacted(l crdt.OpLog[string]) crdt.OpLog[string] {
	var reports crdt.Reports
	members := []string{"a", "b", "c", "d"}
	for _, member := range members {
		reports.Update(member, l.Heard())
	}
	if n, err := crdt.CompactLog(&l, members, &reports, appendText); err != nil || n == 0 {
		return crdt.OpLog[string]{}
	}
	return l
}

func TestOpLog(t *testing.T) {
	t.Parallel()
	// In all values a dot stands for one operation: a, b, c and d write one after the other, and e by itself.
	const steps = "a:x b:z c:w d:y"
	prefix := func(n int) crdt.OpLog[string] { return logOf(strings.Join(strings.Fields(steps)[:n], " ")) }
	concurrent := join(prefix(2), logOf("e:v"))
	archived := compacted(logOf("a:x b:z"))
	longer := crdt.Clone(&archived)
	longer.Append("c", "w")
	check(t, suite[crdt.OpLog[string]]{
		samples: []crdt.OpLog[string]{
			prefix(1), prefix(3), logOf("e:v"), concurrent, archived, longer, compacted(prefix(3)), compacted(prefix(1)),
		},
		random: func(r *rand.Rand) crdt.OpLog[string] {
			l := prefix(r.IntN(5))
			if r.IntN(3) == 0 {
				l = compacted(l)
			}
			if r.IntN(3) == 0 {
				l = join(l, logOf("e:v"))
			}
			return l
		},
		updates: []func(l *crdt.OpLog[string]) crdt.OpLog[string]{
			func(l *crdt.OpLog[string]) crdt.OpLog[string] { return l.Append("u", "1") },
			func(l *crdt.OpLog[string]) crdt.OpLog[string] { return l.Append("v", "2") },
		},
		upSets: []crdt.UpSet[crdt.OpLog[string]]{
			crdt.OpsAtLeast[string](2), crdt.Logged[string](crdt.DotOf("b", 1)),
		},
		golden:  "oplog_string",
		goldens: map[string]crdt.OpLog[string]{"bottom": {}, "one": prefix(1), "concurrent": concurrent, "archived": longer},
		json: map[string]string{
			"bottom":     `{"operations":[]}`,
			"concurrent": `{"operations":[{"dot":"a:1","op":"x"},{"dot":"e:1","op":"v"},{"dot":"b:1","op":"z"}]}`,
			"archived":   `{"archived":2,"operations":[{"dot":"c:1","op":"w"}]}`,
		},
	})
}

// order is the definition: causes before effects, those that have heard of fewer first, then by origin and number.
func order(known []*event[string]) []*event[string] {
	out := slices.Clone(known)
	past := func(e *event[string]) (n int) {
		seen := map[*event[string]]bool{}
		var walk func(e *event[string])
		walk = func(e *event[string]) {
			for o := range e.saw {
				if !seen[o] {
					seen[o] = true
					walk(o)
				}
			}
		}
		walk(e)
		return len(seen)
	}
	slices.SortFunc(out, func(x, y *event[string]) int {
		if d := past(x) - past(y); d != 0 {
			return d
		}
		if d := strings.Compare(x.origin, y.origin); d != 0 {
			return d
		}
		return int(x.number) - int(y.number)
	})
	return out
}

// Every copy plays what it knows in the order that the definition says, however it came to know it.
func TestOpLogHistory(t *testing.T) {
	t.Parallel()
	play := crdt.Play("text", appendText)
	checkHistory(t, history[crdt.OpLog[string], string, string]{
		op:    rapid.SampledFrom([]string{"x", "y", "z"}),
		apply: func(l *crdt.OpLog[string], origin, op string) crdt.OpLog[string] { return l.Append(origin, op) },
		read: func(l *crdt.OpLog[string]) string {
			p, _ := play.Ask(crdt.AssertSealed("test", l)).Value()
			return string(p.Value)
		},
		reference: func(known []*event[string]) (all string) {
			for _, e := range order(known) {
				all += e.op
			}
			return all
		},
	})
}

// logMember is one member: two logs with the same operations, of which one is compacted now and then.
type logMember struct {
	name           string
	whole, compact crdt.OpLog[string]
	reports        crdt.Reports
}

// Compaction does not show, whenever and wherever it happens, and archives never diverge.
func TestCompactionDoesNotShow(t *testing.T) {
	t.Parallel()
	members := []string{"a", "b", "c"}
	forgotten := 0
	rapid.Check(t, func(t *rapid.T) {
		var all []*logMember
		for _, name := range members {
			all = append(all, &logMember{name: name})
		}
		var deltas []crdt.OpLog[string]
		for step := range rapid.IntRange(1, 60).Draw(t, "steps") {
			at := rapid.SampledFrom(all).Draw(t, "at")
			switch rapid.SampledFrom([]string{"append", "append", "hear", "sync", "sync", "sync", "report", "compact"}).Draw(t, "step") {
			case "append":
				op := fmt.Sprint(step, " ")
				at.whole.Append(at.name, op)
				deltas = append(deltas, at.compact.Append(at.name, op))
			case "hear": // late, twice, or never
				if len(deltas) > 0 {
					d := rapid.SampledFrom(deltas).Draw(t, "delta")
					at.whole.Merge(&d)
					at.compact.Merge(&d)
				}
			case "sync":
				from := rapid.SampledFrom(all).Draw(t, "from")
				at.whole.Merge(&from.whole)
				at.compact.Merge(&from.compact)
				at.reports.Merge(&from.reports)
			case "report":
				for _, m := range all[rapid.IntRange(0, 1).Draw(t, "without the first"):] {
					m.reports.Update(m.name, m.compact.Heard())
				}
			case "compact":
				for _, from := range all {
					at.reports.Merge(&from.reports)
				}
				n, err := crdt.CompactLog(&at.compact, members, &at.reports, appendText)
				if err != nil {
					t.Fatal(err)
				}
				forgotten += n
			}
			if got, want := played(t, &at.compact), played(t, &at.whole); got != want {
				t.Fatalf("%s: the compacted log amounts to %q, the whole one to %q", at.name, got, want)
			}
			if at.compact.Diverged() || at.compact.Count() != at.whole.Count() {
				t.Fatalf("%s: %d operations of %d, diverged: %v", at.name, at.compact.Count(), at.whole.Count(), at.compact.Diverged())
			}
		}
	})
	if forgotten == 0 {
		t.Error("nothing was ever compacted")
	}
}

func played(t *rapid.T, l *crdt.OpLog[string]) string {
	t.Helper()
	p, known := crdt.Play("text", appendText).Ask(crdt.AssertSealed("test", l)).Value()
	if !known || p.Err != nil {
		t.Fatalf("known: %v, error: %v", known, p.Err)
	}
	return string(p.Value)
}

// A member that has not reported blocks compaction, and so does an operation that is reported and missing.
func TestCompactionWaits(t *testing.T) {
	t.Parallel()
	l := logOf("a:x b:y")
	members := []string{"a", "b"}
	var reports crdt.Reports
	reports.Update("a", l.Heard())
	if n, err := crdt.CompactLog(&l, members, &reports, appendText); n != 0 || err != nil {
		t.Errorf("without a report of b: %d compacted, %v", n, err)
	}
	ahead := crdt.Clone(&l)
	ahead.Append("b", "z")
	reports.Update("b", ahead.Heard())
	if n, err := crdt.CompactLog(&l, members, &reports, appendText); n != 0 || err != nil {
		t.Errorf("with an operation of b missing: %d compacted, %v", n, err)
	}
	l.Merge(&ahead)
	if n, err := crdt.CompactLog(&l, members, &reports, appendText); n != 2 || err != nil || l.Len() != 1 {
		t.Errorf("%d compacted, %v, %d left; want 2 and 1, since a has not heard of the last", n, err, l.Len())
	}
	if n, err := crdt.CompactLog(&l, nil, &reports, appendText); n != 0 || err != nil {
		t.Errorf("without members: %d compacted, %v", n, err)
	}
	late := logOf("a:x")
	if l.Merge(&late) || l.Len() != 1 {
		t.Error("an operation that was archived came back")
	}
}

// opCount is the outcome of a counter.
type opCount int64

func (c *opCount) AppendBinary(b []byte) ([]byte, error) {
	return binary.AppendVarint(b, int64(*c)), nil
}

func (c *opCount) UnmarshalBinary(data []byte) error {
	v, n := binary.Varint(data)
	if n != len(data) {
		return errors.New("no count")
	}
	*c = opCount(v)
	return nil
}

// An archive of another type is an error, for Play and for CompactLog, and copies that were played with different functions diverge.
func TestArchivesThatDoNotFit(t *testing.T) {
	t.Parallel()
	l := compacted(logOf("a:xx b:y"))
	add := func(c *opCount, op string) { *c += opCount(len(op)) }
	if p, _ := crdt.Play("count", add).Ask(crdt.AssertSealed("test", &l)).Value(); p.Err == nil {
		t.Error("a text was read as a count")
	}
	more := crdt.Clone(&l)
	more.Append("c", "z")
	var reports crdt.Reports
	for _, member := range []string{"a", "b", "c"} {
		reports.Update(member, more.Heard())
	}
	if _, err := crdt.CompactLog(&more, []string{"a", "b", "c"}, &reports, add); err == nil {
		t.Error("a count was archived on top of a text")
	}
	other := logOf("a:xx b:y")
	reports = crdt.Reports{}
	for _, member := range []string{"a", "b", "c"} {
		reports.Update(member, other.Heard())
	}
	if _, err := crdt.CompactLog(&other, []string{"a", "b", "c"}, &reports, add); err != nil {
		t.Fatal(err)
	}
	if l.Merge(&other); !l.Diverged() {
		t.Error("two archives of the same operations differ, and it does not show")
	}
}

func FuzzOpLog(f *testing.F) { fuzz(f, logOf("a:x b:y"), compacted(logOf("a:x b:z"))) }

func TestOpLogRefuses(t *testing.T) {
	t.Parallel()
	start := logOf("a:x")
	refuse(t, start, crdt.ErrCorrupt, "no version byte", "")
	refuse(t, start, crdt.ErrVersion, "version 2", "02")
	refuse(t, start, crdt.ErrCorrupt, "of a kind that does not exist", "01 03")
	refuse(t, start, crdt.ErrCorrupt, "an archive is empty", "01 01 02 01 00 00 00")
	refuse(t, start, crdt.ErrCorrupt, "no number", "01 00 01 01 61 00 01 78 02 01 00")
	refuse(t, start, crdt.ErrCorrupt, "not ascending", "01 00 02 01 62 01 01 78 02 01 00 01 61 01 01 78 02 01 00")
	refuse(t, start, crdt.ErrCorrupt, "context ending", "01 00 01 01 61 01 01 78 02 01 01")
	refuse(t, start, crdt.ErrCorrupt, "left over", "01 00 00 00")
	refuse(t, start, crdt.ErrCorrupt, "more items", "01 00 7f 01")
}
