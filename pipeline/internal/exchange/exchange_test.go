package exchange_test

import (
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/calmstream/calmstream/internal/plan"
	"github.com/calmstream/calmstream/pipeline/internal/exchange"
	"pgregory.net/rapid"
)

// lane collects the envelopes of a sender by partition.
type lane map[int][][]byte

func (l lane) out(partition int, envelope []byte) { l[partition] = append(l[partition], envelope) }

// Format 1 of the envelope. It must not change: what is stored must be read by later versions.
func TestEnvelopeGolden(t *testing.T) {
	t.Parallel()
	got := lane{}
	s := exchange.NewSender(3, 1, got.out)
	s.Send([]byte("k"), []byte("first"))
	s.Send([]byte("k"), []byte("second"))
	s.Complete(1000)
	s.Flush()
	s.Complete(plan.End)
	s.Flush()
	want := []string{
		"01030102d00f0566697273740673" + "65636f6e64",
		"01030300feffffffffffffffff01",
	}
	for i, w := range want {
		if h := hex.EncodeToString(got[0][i]); h != w {
			t.Errorf("envelope %d: %s, want %s", i, h, w)
		}
	}
	if len(got[0]) != len(want) {
		t.Errorf("%d envelopes", len(got[0]))
	}
}

// Whatever is lost and sent again, doubled or late, a receiver takes the records of each producer once and in order, and
// knows a frontier only when it has everything before it.
func TestReceiverTakesEachRecordOnceInOrder(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		producers := rapid.IntRange(1, 3).Draw(t, "producers")
		var log [][]byte
		sent := make([][]string, producers)
		for p := range producers {
			log = append(log, produce(t, p, &sent[p])...)
		}
		r := exchange.NewReceiver(producers)
		got := make([][]string, producers)
		for _, envelope := range rapid.Permutation(log).Draw(t, "order") { // too early ones are discarded
			accept(t, r, envelope, got)
			holds(t, r, sent, got)
		}
		for range len(log) { // sent again until everything has arrived
			for _, envelope := range log {
				accept(t, r, envelope, got)
			}
		}
		for p := range producers {
			if !slices.Equal(got[p], sent[p]) {
				t.Fatalf("producer %d: got %v, want %v", p, got[p], sent[p])
			}
		}
		if r.Frontier() != plan.End {
			t.Fatalf("the frontier is %d", r.Frontier())
		}
	})
}

// produce sends records "producer number" with the number as frontier behind it, cut anywhere.
func produce(t *rapid.T, producer int, sent *[]string) (log [][]byte) {
	s := exchange.NewSender(producer, 1, func(_ int, e []byte) { log = append(log, e) })
	for i := range rapid.IntRange(0, 8).Draw(t, "records") {
		record := fmt.Sprintf("%d %d", producer, i)
		*sent = append(*sent, record)
		s.Send([]byte("key"), []byte(record))
		s.Complete(int64(i))
		if rapid.Bool().Draw(t, "cut") {
			s.Flush()
		}
	}
	s.Complete(plan.End)
	s.Flush()
	return log
}

func accept(t *rapid.T, r *exchange.Receiver, envelope []byte, got [][]string) {
	err := r.Accept(envelope, func(_ uint32, record []byte) error {
		p := int(record[0] - '0')
		got[p] = append(got[p], string(record))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// holds checks what is true at every moment: a prefix, and a frontier that it covers.
func holds(t *rapid.T, r *exchange.Receiver, sent, got [][]string) {
	for p := range sent {
		if len(got[p]) > len(sent[p]) || !slices.Equal(got[p], sent[p][:len(got[p])]) {
			t.Fatalf("producer %d: got %v of %v", p, got[p], sent[p])
		}
		if f := r.Frontier(); f >= 0 && f != plan.End && int64(len(got[p])) <= f && len(got[p]) < len(sent[p]) {
			t.Fatalf("the frontier is %d, but of producer %d only %v came", f, p, got[p])
		}
	}
}

// A sender that continues from a checkpoint numbers on, and a receiver that does takes up where it was.
func TestStateSurvives(t *testing.T) {
	t.Parallel()
	before, after := lane{}, lane{}
	a := exchange.NewSender(0, 2, before.out)
	for i := range 10 {
		a.Send([]byte{byte(i)}, []byte{byte(i)})
	}
	a.Complete(5)
	a.Flush()
	b := exchange.NewSender(0, 2, after.out)
	if rest, err := b.RestoreState(append(a.AppendState(nil), "rest"...)); err != nil || string(rest) != "rest" {
		t.Fatalf("%q, %v", rest, err)
	}
	b.Flush()
	if len(after) != 0 {
		t.Errorf("a frontier came back with the state: %v", after)
	}
	b.Send([]byte{1}, []byte("more"))
	b.Complete(plan.End)
	b.Flush()
	for partition := range 2 {
		r := exchange.NewReceiver(1)
		count := 0
		take := func(uint32, []byte) error { count++; return nil }
		for _, e := range before[partition] {
			if err := r.Accept(e, take); err != nil {
				t.Fatal(err)
			}
		}
		next := exchange.NewReceiver(1)
		if rest, err := next.RestoreState(r.AppendState(nil)); err != nil || len(rest) != 0 {
			t.Fatalf("%q, %v", rest, err)
		}
		if next.Frontier() != 5 {
			t.Errorf("the frontier is %d", next.Frontier())
		}
		for _, e := range after[partition] {
			if err := next.Accept(e, take); err != nil {
				t.Fatal(err)
			}
		}
		if next.Frontier() != plan.End || len(next.Waiting()) != 0 {
			t.Errorf("partition %d: %d records, frontier %d, waits for %v", partition, count, next.Frontier(), next.Waiting())
		}
	}
}

func TestLargeBatchesAreCut(t *testing.T) {
	t.Parallel()
	got := lane{}
	s := exchange.NewSender(0, 1, got.out)
	record := []byte(strings.Repeat("r", 1000))
	for range 500 {
		s.Send([]byte("k"), record)
	}
	s.Send([]byte("k"), make([]byte, exchange.MaxRecord))
	s.Flush()
	total := 0
	r := exchange.NewReceiver(1)
	for _, e := range got[0] {
		if len(e) > exchange.MaxRecord+100 {
			t.Errorf("an envelope of %d bytes", len(e))
		}
		if err := r.Accept(e, func(uint32, []byte) error { total++; return nil }); err != nil {
			t.Fatal(err)
		}
	}
	if total != 501 || len(got[0]) < 10 {
		t.Errorf("%d records in %d envelopes", total, len(got[0]))
	}
}

func TestErrorsOfTheCallerEndTheEnvelope(t *testing.T) {
	t.Parallel()
	got := lane{}
	s := exchange.NewSender(0, 1, got.out)
	s.Send([]byte("k"), []byte("a"))
	s.Flush()
	planted := errors.New("planted")
	if err := exchange.NewReceiver(1).Accept(got[0][0], func(uint32, []byte) error { return planted }); !errors.Is(err, planted) {
		t.Errorf("got %v", err)
	}
	if err := exchange.NewReceiver(0).Accept(got[0][0], nil); !errors.Is(err, exchange.ErrMalformed) {
		t.Errorf("a producer that does not exist: %v", err)
	}
	newer := append([]byte{2}, got[0][0][1:]...)
	if err := exchange.NewReceiver(1).Accept(newer, nil); err == nil || !strings.Contains(err.Error(), "newer calmstream") {
		t.Errorf("a newer version: %v", err)
	}
}

// Hostile bytes end in an error or are an envelope; they neither crash nor take memory beyond their length.
func FuzzAccept(f *testing.F) {
	got := lane{}
	s := exchange.NewSender(0, 1, got.out)
	s.Send([]byte("k"), []byte("record"))
	s.Flush()
	f.Add(got[0][0])
	f.Add([]byte{1, 0, 1, 255, 255, 255, 255, 255, 255, 255, 255, 255, 1, 0})
	f.Fuzz(func(t *testing.T, data []byte) {
		bytes := 0
		r := exchange.NewReceiver(2)
		_ = r.Accept(data, func(_ uint32, record []byte) error {
			bytes += len(record)
			return nil
		})
		if bytes > len(data) {
			t.Errorf("%d bytes of records out of %d", bytes, len(data))
		}
		_, _ = r.RestoreState(data)
		_, _ = exchange.NewSender(0, 2, got.out).RestoreState(data)
	})
}
