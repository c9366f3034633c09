package sinks_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/calmstream/calmstream/crdt"
	"github.com/calmstream/calmstream/internal/natstest"
	"github.com/calmstream/calmstream/sinks"
	"github.com/nats-io/nats.go"
)

// place is a destination of the table in docs/outputs.md.
type place struct {
	sink sinks.Sink
	// show returns the IDs that it shows.
	show func(t *testing.T) []string
	// lose has the next Write of a writer store what it is given and not know it.
	lose func(t *testing.T, w sinks.Writer)
}

func placeOf(t *testing.T, kind string) (p place, conn *nats.Conn) {
	t.Helper()
	if kind == "JSONLines" || kind == "Func" {
		return placeOfMemory(kind), nil
	}
	conn = natstest.Run(t).Conn(t)
	sink, stream := sinks.Sink(sinks.Subject{Name: "r", Stream: "R"}), "R"
	switch kind {
	case "KeyValue":
		sink, stream = sinks.KeyValue{Bucket: "b"}, "KV_b"
	case "View":
		sink, stream = sinks.View{Bucket: "b"}, "KV_b"
	}
	return place{
		sink: sink,
		show: func(t *testing.T) (ids []string) {
			records, err := readStream(newJetStream(t, conn), stream)
			if err != nil {
				t.Fatal(err)
			}
			for _, r := range records {
				ids = append(ids, r.ID)
			}
			return ids
		},
		lose: func(t *testing.T, w sinks.Writer) {
			sinks.SetPatience(w, 100*time.Millisecond, 1)
			if err := sinks.LoseReplies(w); err != nil {
				t.Fatal(err)
			}
		},
	}, conn
}

var errLost = errors.New("no answer")

// placeOfMemory is one without a server: what it is written to answers, once, that it does not know.
func placeOfMemory(kind string) place {
	var text bytes.Buffer
	var ids []string
	lost := false
	fails := func() error {
		if lost {
			lost = false
			return errLost
		}
		return nil
	}
	p := place{lose: func(*testing.T, sinks.Writer) { lost = true }}
	if kind == "Func" {
		p.sink = sinks.Func{Name: "f", Do: func(_ context.Context, r sinks.Record) error { ids = append(ids, r.ID); return fails() }}
		p.show = func(*testing.T) []string { return ids }
		return p
	}
	p.sink = &sinks.JSONLines{Name: "lines", W: writerFunc(func(b []byte) (int, error) {
		n, _ := text.Write(b)
		return n, fails()
	})}
	p.show = func(*testing.T) (ids []string) {
		for line := range strings.Lines(text.String()) {
			_, id, _ := strings.Cut(line, `{"id":"`)
			id, _, _ = strings.Cut(id, `"`)
			ids = append(ids, id)
		}
		return ids
	}
	return p
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(b []byte) (int, error) { return f(b) }

// Each row of the table in docs/outputs.md: what a destination shows of four results of a kind that are written again, by an owner that
// has slept, and after acknowledgements that were lost.
func TestOutputContract(t *testing.T) {
	t.Parallel()
	once, last := "each once", "the last version"
	for _, row := range []struct{ sink, kind, shows string }{
		{"Subject", "final", once},
		{"Subject", "stable", once},
		{"Subject", "about a record", once}, // within the duplicate window of the stream
		{"Subject", "lower-bound", once},
		{"KeyValue", "final", once},
		{"KeyValue", "stable", once},
		{"KeyValue", "lower-bound", once},
		{"View", "final", once},
		{"View", "lower-bound", last},
		{"JSONLines", "final", "each at least once"},
		{"Func", "final", "each at least once"},
		{"Func", "lower-bound", "each at least once"},
	} {
		t.Run(row.sink+"/"+row.kind, func(t *testing.T) {
			t.Parallel()
			all := four(row.kind)
			want := []string{"0", "1", "2", "3"}
			if row.shows == last {
				want = want[3:]
			}
			for _, event := range []struct {
				name string
				run  func(t *testing.T, p place, owner, other sinks.Writer)
			}{
				{"duplicates", func(t *testing.T, _ place, owner, _ sinks.Writer) {
					put(t, owner, all[:2], all[:2], all, all[1:3], all)
				}},
				{"zombie", func(t *testing.T, _ place, owner, other sinks.Writer) {
					put(t, owner, all[:1])
					put(t, other, all)
					put(t, owner, all[1:2], all[2:3]) // it wakes up
				}},
				{"lost acknowledgements", func(t *testing.T, p place, owner, other sinks.Writer) {
					p.lose(t, owner)
					wantPermanent(t, owner.Write(testContext(t), all[:3]), false)
					if row.sink != "JSONLines" && row.sink != "Func" {
						sinks.SetPatience(owner, time.Minute, 50)
					}
					put(t, other, all)
					put(t, owner, all[:3])
				}},
			} {
				p, conn := placeOf(t, row.sink)
				event.run(t, p, open(t, p.sink, conn), open(t, p.sink, conn))
				got := p.show(t)
				if slices.Sort(got); row.shows == "each at least once" {
					if len(got) <= len(want) {
						t.Errorf("%s: nothing came again: %q", event.name, got)
					}
					got = slices.Compact(got)
				}
				if !slices.Equal(got, want) {
					t.Errorf("%s: it shows %q, want %q", event.name, got, want)
				}
			}
		})
	}
}

// four returns four results of a kind, the lower bounds all of one key.
func four(kind string) []sinks.Record {
	all := numbered(4)
	for i := range all {
		switch r := &all[i]; kind {
		case "stable":
			r.Verdict = crdt.Stable
		case "about a record":
			r.Verdict, r.Path = crdt.Stable, ""
		case "lower-bound":
			r.Verdict, r.Path, r.Version, r.Payload = crdt.LowerBound, "k", uint64(10*(i+1)), fmt.Append(nil, 10*(i+1))
		}
	}
	return all
}

func put(t *testing.T, w sinks.Writer, batches ...[]sinks.Record) {
	t.Helper()
	for _, batch := range batches {
		if err := w.Write(testContext(t), batch); err != nil {
			t.Fatal(err)
		}
	}
}
