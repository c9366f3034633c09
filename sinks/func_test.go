package sinks_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"testing"

	"github.com/calmstream/calmstream/sinks"
	"github.com/calmstream/calmstream/sinks/sinktest"
)

// shelf is a destination for Func: it keeps what it is given, and with unique set only once.
type shelf struct {
	mu      sync.Mutex
	unique  bool
	records []sinks.Record
}

func (s *shelf) put(_ context.Context, r sinks.Record) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.unique && slices.ContainsFunc(s.records, func(o sinks.Record) bool { return o.ID == r.ID }) {
		return nil
	}
	r.Payload = slices.Clone(r.Payload)
	s.records = append(s.records, r)
	return nil
}

func (s *shelf) read() ([]sinks.Record, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.records), nil
}

func TestFuncConforms(t *testing.T) {
	t.Parallel()
	for _, unique := range []bool{false, true} {
		t.Run(fmt.Sprintf("unique=%v", unique), func(t *testing.T) {
			t.Parallel()
			sinktest.Run(t, sinktest.Config{
				New: func(testing.TB) (sinks.Sink, func() ([]sinks.Record, error)) {
					s := &shelf{unique: unique}
					return sinks.Func{Name: "shelf", Do: s.put}, s.read
				},
				Features: sinktest.Features{Durable: unique},
				Missing:  []sinks.Sink{sinks.Func{}, sinks.Func{Name: "f"}, sinks.Func{Do: (&shelf{}).put}},
			})
		})
	}
}

func TestFuncPanicIsPermanent(t *testing.T) {
	t.Parallel()
	for _, value := range []any{"boom", io.ErrUnexpectedEOF, nil} {
		var seen []string
		w := open(t, sinks.Func{Name: "shelf", Do: func(_ context.Context, r sinks.Record) error {
			seen = append(seen, r.ID)
			if r.ID == "2" {
				panic(value)
			}
			return nil
		}}, nil)
		err := w.Write(testContext(t), []sinks.Record{result("1", "", ""), result("2", "", ""), result("3", "", "")})
		wantPermanent(t, err, true)
		wantWords(t, err, "func shelf", `"2"`, "panicked", "func_test.go")
		if fmt.Sprint(seen) != "[1 2]" {
			t.Errorf("Do saw %v", seen)
		}
	}
}

func TestFuncErrorKeepsItsKind(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		err       error
		permanent bool
	}{
		{io.ErrClosedPipe, false},
		{fmt.Errorf("bad row: %w", sinks.ErrPermanent), true},
	} {
		w := open(t, sinks.Func{Name: "shelf", Do: func(context.Context, sinks.Record) error { return test.err }}, nil)
		err := w.Write(testContext(t), []sinks.Record{result("the-id", "", "")})
		wantPermanent(t, err, test.permanent)
		wantWords(t, err, "func shelf", `"the-id"`)
		if !errors.Is(err, test.err) {
			t.Errorf("the cause is lost: %v", err)
		}
	}
}

func TestFuncStopsBetweenRecords(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(testContext(t))
	count := 0
	w := open(t, sinks.Func{Name: "shelf", Do: func(context.Context, sinks.Record) error { count++; cancel(); return nil }}, nil)
	err := w.Write(ctx, []sinks.Record{result("1", "", ""), result("2", "", "")})
	if !errors.Is(err, context.Canceled) || count != 1 {
		t.Errorf("after %d records: %v", count, err)
	}
}

func TestWriteAfterClose(t *testing.T) {
	t.Parallel()
	for _, sink := range []sinks.Sink{sinks.Func{Name: "f", Do: (&shelf{}).put}, &sinks.JSONLines{Name: "l", W: io.Discard}} {
		w := open(t, sink, nil)
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		wantWords(t, w.Write(testContext(t), []sinks.Record{result("1", "", "")}), sink.Target(), "closed")
	}
}
