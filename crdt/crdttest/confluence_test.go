package crdttest_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/calmstream/calmstream/crdt"
	"github.com/calmstream/calmstream/crdt/crdttest"
)

// bounded is a set that takes no more than three keys: whatever comes first.
type bounded struct{ bits }

func (s *bounded) Merge(o *bounded) (grew bool) {
	for _, k := range o.keys() {
		if len(s.m) < 3 {
			grew = s.add([]byte{k}) || grew
		}
	}
	return grew
}

func singles(keys string) (samples []bounded) {
	for _, k := range keys {
		samples = append(samples, bounded{letters(string(k))})
	}
	return samples
}

func TestConfluence(t *testing.T) {
	t.Parallel()
	const law = crdttest.LawConfluent
	find(t, []finding{
		{name: "sets", err: crdttest.Confluence(some())},
		{name: "a set of three", err: crdttest.Confluence(singles("abc"))},
		{name: "laws of a set of at most three", err: crdttest.Laws(singles("abcd"))},
		{"a set of at most three", crdttest.Confluence(singles("abcd")), law, "in order giving b"},
		{"last writer", crdttest.Confluence(cells(func(c cell) lastWriter { return lastWriter{c} })), law, "in batches"},
		{"sum", crdttest.Confluence(cells(func(c cell) sum { return sum{c} })), law, "in batches"},
		{"does not encode", crdttest.Confluence([]failing{{}}), crdttest.LawEncoding, "no ink"},
	})
	if err := crdttest.Confluence([]numbers{{}, crdt.GSetOf(1)}); !errors.Is(err, crdttest.ErrVacuous) {
		t.Errorf("want ErrVacuous, got %v", err)
	}
}

// Each of the three ways to go wrong is tried.
func TestConfluenceTriesOrderDuplicationAndBatches(t *testing.T) {
	t.Parallel()
	err := crdttest.Confluence([]logged{{seen: "a"}, {seen: "b"}})
	way := violations(err)[0].Detail
	if !strings.Contains(way, "[") {
		t.Errorf("the schedule is not shown: %s", way)
	}
}

// logged is its history: the keys in the order in which they came.
type logged struct{ seen string }

func (l *logged) Merge(o *logged) bool {
	l.seen += o.seen
	return o.seen != ""
}

func (l *logged) AppendBinary(b []byte) ([]byte, error) {
	return append(append(b, 1), l.seen...), nil
}

func (l *logged) UnmarshalBinary(data []byte) error {
	if len(data) == 0 || data[0] != 1 {
		return errors.New("not a log")
	}
	l.seen = string(data[1:])
	return nil
}
