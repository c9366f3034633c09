package exchange_test

import (
	"errors"
	"slices"
	"testing"

	"github.com/calmstream/calmstream/internal/plan"
	"github.com/calmstream/calmstream/pipeline/internal/exchange"
	"pgregory.net/rapid"
)

// Wherever the receiver and the senders are cut, and whatever comes twice or lies across the cut, what is on its way completes the one up to the other: each
// record once, none of behind the cut, and no more said to be complete than is so there.
func TestWayHoldsWhatWasSentAndNotTaken(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		producers := rapid.IntRange(1, 3).Draw(t, "producers")
		sent, logs := make([][]string, producers), make([][][]byte, producers)
		for p := range producers {
			logs[p] = produce(t, p, &sent[p])
		}
		r, got := exchange.NewReceiver(producers), make([][]string, producers)
		next, until, told := make([]uint64, producers), make([]uint64, producers), make([]int64, producers)
		for p := range producers {
			for _, envelope := range logs[p][:rapid.IntRange(0, len(logs[p])).Draw(t, "taken")] {
				accept(t, r, envelope, got)
			}
			next[p] = r.Next(p)
			until[p] = rapid.Uint64Range(next[p], uint64(len(sent[p]))+1).Draw(t, "sent")
			told[p] = max(r.FrontierOf(p), int64(until[p])-1) // the frontier behind a record is its number
		}
		w := exchange.NewWay(next, until, told)
		for range 2 { // everything comes twice
			for _, log := range logs {
				for _, envelope := range log {
					part, err := w.Take(envelope)
					if err != nil {
						t.Fatal(err)
					}
					if len(part) > 0 {
						accept(t, r, part, got)
					}
				}
			}
		}
		if p, n, missing := w.Missing(); missing {
			t.Fatalf("record %d of producer %d is missing", n, p)
		}
		for p := range producers {
			if r.FrontierOf(p) > told[p] {
				t.Fatalf("producer %d is complete before %d at a cut where it is so before %d", p, r.FrontierOf(p), told[p])
			}
		}
		for _, envelope := range w.Told() {
			accept(t, r, envelope, got)
		}
		for p := range producers {
			if want := sent[p][:until[p]-1]; !slices.Equal(got[p], want) {
				t.Fatalf("producer %d: got %v, want %v", p, got[p], want)
			}
			if r.FrontierOf(p) != told[p] {
				t.Fatalf("producer %d: the frontier is %d, want %d", p, r.FrontierOf(p), told[p])
			}
		}
	})
}

// Records that the log has lost are missing, and what is no envelope is an error.
func TestWayWithAHole(t *testing.T) {
	t.Parallel()
	got := lane{}
	s := exchange.NewSender(0, 1, got.out)
	for _, record := range []string{"a", "b", "c"} {
		s.Send([]byte("k"), []byte(record))
		s.Flush()
	}
	w := exchange.NewWay([]uint64{1}, []uint64{4}, []int64{plan.Beginning})
	for _, i := range []int{0, 2} {
		if _, err := w.Take(got[0][i]); err != nil {
			t.Fatal(err)
		}
	}
	if p, n, missing := w.Missing(); !missing || p != 0 || n != 2 {
		t.Errorf("record %d of producer %d, missing: %t", n, p, missing)
	}
	if _, err := w.Take([]byte("no envelope")); err == nil {
		t.Error("anything is taken")
	}
	other := exchange.NewWay(nil, nil, nil)
	if _, err := other.Take(got[0][0]); !errors.Is(err, exchange.ErrMalformed) {
		t.Errorf("an envelope of nobody: %v", err)
	}
}
