package pipelinetest_test

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/calmstream/calmstream/operators"
	"github.com/calmstream/calmstream/pipeline"
	"github.com/calmstream/calmstream/pipeline/pipelinetest"
)

// The tables of this file are those by which Kafka Streams documents its joins, in "Kafka Streams Join Semantics",
// https://cwiki.apache.org/confluence/spaces/KAFKA/pages/65876755/Kafka+Streams+Join+Semantics (of version 3.1 for streams, 0.10.2 for
// tables). One key, records in the order of their times, which are milliseconds.

// letter is a record of theirs. Its text is "null" where theirs has no value.
type letter struct {
	At   int64
	Text string
}

func (l letter) time() time.Time { return time.UnixMilli(l.At) }
func (l letter) null() bool      { return l.Text == "null" }

// row is a row of a table: at most one record, and what each kind of join makes of it there, results separated by commas.
type row struct {
	at                 int64
	left, right        string
	inner, outerL, all string
	// ours is what we make of it, if that is something else; why says what for.
	ours *[3]string
	why  string
}

var (
	inner = func(r row) string { return r.inner }
	left  = func(r row) string { return r.outerL }
	outer = func(r row) string { return r.all }
)

// check holds the results of a Write, each of which begins with the time of its row, against a column of a table.
func check(t *testing.T, out pipelinetest.Outcome, write, verdict string, rows []row, column int) {
	t.Helper()
	got := make(map[int64][]string)
	for _, text := range contents(out, write) {
		var at int64
		text, ok := strings.CutPrefix(text, verdict+" ")
		if _, err := fmt.Sscan(text, &at); err != nil || !ok {
			t.Fatalf("%s: %q: %v", write, text, err)
		}
		_, text, _ = strings.Cut(text, " ")
		got[at] = append(got[at], text)
	}
	for _, r := range rows {
		want := []string{inner(r), left(r), outer(r)}[column]
		if r.ours != nil {
			want = r.ours[column]
		}
		slices.Sort(got[r.at])
		if text := strings.Join(got[r.at], ", "); text != want {
			t.Errorf("%s, row %d: got %q, want %q (%s)", write, r.at, text, want, cmp.Or(r.why, "as Kafka Streams"))
		}
		delete(got, r.at)
	}
	if len(got) > 0 {
		t.Errorf("%s: results at no row: %v", write, got)
	}
}

// letters makes the logs of both inputs of a table.
func letters(rows []row) []pipelinetest.Log {
	logs := []pipelinetest.Log{{Read: "left"}, {Read: "right"}}
	for _, r := range rows {
		for i, text := range []string{r.left, r.right} {
			if text != "" {
				data, _ := json.Marshal(letter{r.at, text})
				logs[i].Messages = append(logs[i].Messages, data)
			}
		}
	}
	return logs
}

func readLetters(p *pipeline.Pipeline, name string) operators.Stream[letter] {
	return pipeline.Read(p, name, pipeline.Source[letter]{Stream: name, Decode: pipeline.JSON[letter], Time: letter.time})
}

func byOneKey(in operators.Stream[letter]) operators.Keyed[string, letter] {
	return operators.KeyBy(in, "key", func(letter) string { return "k" })
}

// some drops what Kafka Streams ignores in streams: records without a value. Here whoever has such records says so.
func some(in operators.Stream[letter]) operators.Stream[letter] {
	return operators.Filter(in, func(l letter) bool { return !l.null() })
}

// joined is a result, behind the time of its row: that of the later record.
func joined(a, b *letter) string {
	at, texts := int64(0), [2]string{"null", "null"}
	for i, l := range []*letter{a, b} {
		if l != nil {
			at, texts[i] = max(at, l.At), l.Text
		}
	}
	return fmt.Sprintf("%d %s - %s", at, texts[0], texts[1])
}

func TestStreamStreamJoinsOfKafkaStreams(t *testing.T) {
	t.Parallel()
	const why = "that a record has no match is a fact about its own instant; it leaves when the interval is sealed, where theirs comes with a later record, if there is one"
	rows := []row{
		{at: 1, left: "null"},
		{at: 2, right: "null"},
		{at: 3, left: "A"},
		{at: 4, right: "a", inner: "A - a", outerL: "A - a", all: "A - a"},
		{at: 5, left: "B", inner: "B - a", outerL: "B - a", all: "B - a"},
		{at: 6, right: "b", inner: "A - b, B - b", outerL: "A - b, B - b", all: "A - b, B - b"},
		{at: 7, left: "null"},
		{at: 8, right: "null"},
		{at: 9, left: "C", inner: "C - a, C - b", outerL: "C - a, C - b", all: "C - a, C - b"},
		{at: 10, right: "c", inner: "A - c, B - c, C - c", outerL: "A - c, B - c, C - c", all: "A - c, B - c, C - c"},
		{at: 11, right: "null"},
		{at: 12, left: "null"},
		{at: 13, right: "null"},
		{at: 14, right: "d", inner: "A - d, B - d, C - d", outerL: "A - d, B - d, C - d", all: "A - d, B - d, C - d"},
		{at: 15, left: "D", inner: "D - a, D - b, D - c, D - d", outerL: "D - a, D - b, D - c, D - d", all: "D - a, D - b, D - c, D - d"},
		{at: 40, left: "E", ours: &[3]string{"", "E - null", "E - null"}, why: why},
		{at: 60, left: "F", outerL: "E - null", all: "E - null", ours: &[3]string{"", "F - null", "F - null"}, why: why},
		{at: 80, right: "f", outerL: "F - null", all: "F - null", ours: &[3]string{"", "", "null - f"}, why: why},
		{at: 100, left: "G", all: "null - f", ours: &[3]string{"", "G - null", "G - null"}, why: why},
	}
	within := operators.Interval{Before: 15 * time.Millisecond, After: 15 * time.Millisecond}
	out := pipelinetest.Check(t, func() *pipeline.Pipeline {
		p := pipeline.New("streams")
		l, r := byOneKey(some(readLetters(p, "left"))), byOneKey(some(readLetters(p, "right")))
		pipeline.Write(p, "inner", operators.Join("inners", l, r, within, func(a, b letter) string { return joined(&a, &b) }), nowhere("inner"), pipeline.EncodeText)
		pipeline.Write(p, "left", operators.LeftJoin("lefts", l, r, within, joined), nowhere("left"), pipeline.EncodeText)
		pipeline.Write(p, "outer", operators.OuterJoin("outers", l, r, within, joined), nowhere("outer"), pipeline.EncodeText)
		return p
	}, letters(rows), pipelinetest.Options{Rounds: 20})
	check(t, out, "inner", "stable", rows, 0)
	check(t, out, "left", "stable", rows, 1)
	check(t, out, "outer", "stable", rows, 2)
}

// Theirs looks up what the table has when the record is processed, ours what it has at the time of the record. Where all comes in the
// order of time, as here, these are the same; where it does not, only ours does not depend on it.
func TestStreamTableJoinsOfKafkaStreams(t *testing.T) {
	t.Parallel()
	rows := []row{
		{at: 1, left: "null"},
		{at: 2, right: "null"},
		{at: 3, left: "A", outerL: "A - null"},
		{at: 4, right: "a"},
		{at: 5, left: "B", inner: "B - a", outerL: "B - a"},
		{at: 6, right: "b"},
		{at: 7, left: "null"},
		{at: 8, right: "null"},
		{at: 9, left: "C", outerL: "C - null"},
		{at: 10, right: "c"},
		{at: 11, right: "null"},
		{at: 12, left: "null"},
		{at: 13, right: "null"},
		{at: 14, right: "d"},
		{at: 15, left: "D", inner: "D - d", outerL: "D - d"},
	}
	build := func() *pipeline.Pipeline {
		p := pipeline.New("lookups")
		l, table := byOneKey(some(readLetters(p, "left"))), operators.TableOf(byOneKey(readLetters(p, "right")), letter.null)
		when := operators.Watermark(20 * time.Millisecond)
		pipeline.Write(p, "inner", operators.Lookup("inners", l, table, when, func(a, b letter) string { return joined(&a, &b) }), nowhere("inner"), pipeline.EncodeText)
		pipeline.Write(p, "left", operators.LeftLookup("lefts", l, table, when, func(a letter, b *letter) string { return joined(&a, b) }), nowhere("left"), pipeline.EncodeText)
		return p
	}
	in := letters(rows)
	for _, order := range []string{"in the order of time", "the other way round"} {
		out := pipelinetest.Check(t, build, in, pipelinetest.Options{Rounds: 20})
		check(t, out, "inner", "final", rows, 0)
		check(t, out, "left", "final", rows, 1)
		if t.Failed() {
			t.Fatal(order)
		}
		for _, l := range in {
			slices.Reverse(l.Messages)
		}
	}
}

// A tombstone that theirs sends down is a change that deletes. Theirs joins what the tables have when a change is processed, ours what
// they have at its time.
func TestTableTableJoinsOfKafkaStreams(t *testing.T) {
	t.Parallel()
	rows := []row{
		{at: 1, left: "null"},
		{at: 2, right: "null"},
		{at: 3, left: "A", outerL: "A - null", all: "A - null"},
		{at: 4, right: "a", inner: "A - a", outerL: "A - a", all: "A - a"},
		{at: 5, left: "B", inner: "B - a", outerL: "B - a", all: "B - a"},
		{at: 6, right: "b", inner: "B - b", outerL: "B - b", all: "B - b"},
		{at: 7, left: "null", inner: "null", outerL: "null", all: "null - b"},
		{at: 8, right: "null", all: "null"},
		{at: 9, left: "C", outerL: "C - null", all: "C - null"},
		{at: 10, right: "c", inner: "C - c", outerL: "C - c", all: "C - c"},
		{at: 11, right: "null", inner: "null", outerL: "C - null", all: "C - null"},
		{at: 12, left: "null", outerL: "null", all: "null"},
		{at: 13, right: "null"},
		{at: 14, right: "d", all: "null - d"},
		{at: 15, left: "D", inner: "D - d", outerL: "D - d", all: "D - d"},
	}
	names := func(a, b *letter) string {
		_, text, _ := strings.Cut(joined(a, b), " ")
		return text
	}
	build := func() *pipeline.Pipeline {
		p := pipeline.New("tables")
		l, r := operators.TableOf(byOneKey(readLetters(p, "left")), letter.null), operators.TableOf(byOneKey(readLetters(p, "right")), letter.null)
		when := operators.Watermark(20 * time.Millisecond)
		rowAt := func(c operators.Change[string, string]) ([]byte, error) {
			if c.Deleted {
				return []byte("null"), nil
			}
			return []byte(c.Value), nil
		}
		pipeline.Write(p, "inner", operators.JoinTables("inners", l, r, when, func(a, b letter) string { return names(&a, &b) }), nowhere("inner"), rowAt)
		pipeline.Write(p, "left", operators.LeftJoinTables("lefts", l, r, when, func(a letter, b *letter) string { return names(&a, b) }), nowhere("left"), rowAt)
		pipeline.Write(p, "outer", operators.OuterJoinTables("outers", l, r, when, names), nowhere("outer"), rowAt)
		return p
	}
	in := letters(rows)
	for _, order := range []string{"in the order of time", "the other way round"} {
		out := pipelinetest.Check(t, build, in, pipelinetest.Options{Rounds: 20})
		for i := range out.Results { // the row of a change is the instant that it is about
			r := &out.Results[i]
			start, _, _ := strings.Cut(r.Identity, "/")
			at, err := time.Parse(time.RFC3339Nano, start)
			if err != nil {
				t.Fatal(err)
			}
			r.Payload = fmt.Sprintf("%d %s", at.UnixMilli(), r.Payload)
		}
		check(t, out, "inner", "final", rows, 0)
		check(t, out, "left", "final", rows, 1)
		check(t, out, "outer", "final", rows, 2)
		if t.Failed() {
			t.Fatal(order)
		}
		for _, l := range in {
			slices.Reverse(l.Messages)
		}
	}
}
