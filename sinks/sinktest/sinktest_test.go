package sinktest_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/calmstream/calmstream/crdt"
	"github.com/calmstream/calmstream/internal/natstest"
	"github.com/calmstream/calmstream/sinks"
	"github.com/calmstream/calmstream/sinks/sinktest"
	"github.com/nats-io/nats.go"
)

// memory is a sink that is right, unless one of its faults is set.
type memory struct {
	fault   string
	release chan struct{} // ends what hangs

	mu     sync.Mutex
	shown  []sinks.Record
	byID   map[string]bool
	byPath map[string]sinks.Record
	back   map[string]bool
	opened int
	writes int
}

func newMemory(fault string) *memory {
	return &memory{fault: fault, byID: map[string]bool{}, byPath: map[string]sinks.Record{}, back: map[string]bool{}}
}

func (m *memory) Target() string {
	m.mu.Lock()
	defer m.mu.Unlock()
	switch m.fault {
	case "no target":
		return ""
	case "target changes":
		return fmt.Sprintf("memory after %d writes", m.writes)
	}
	return "memory"
}

func (m *memory) Open(_ context.Context, env sinks.Env) (sinks.Writer, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.fault == "nothing there" {
		return nil, errors.New("memory: there is none: make one")
	}
	if m.opened++; m.fault == "forgets on reopen" {
		m.byID = map[string]bool{}
	}
	return &memoryWriter{m: m, conn: env.Conn}, nil
}

func (m *memory) read() ([]sinks.Record, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.shown), nil
}

type memoryWriter struct {
	m    *memory
	conn *nats.Conn
}

func (w *memoryWriter) Close() error { return nil }

func (w *memoryWriter) Write(ctx context.Context, records []sinks.Record) error {
	w.m.mu.Lock()
	defer w.m.mu.Unlock()
	if w.m.fault == "hangs" {
		<-w.m.release
	}
	if err := ctx.Err(); err != nil && w.m.fault != "ignores the context" {
		return w.m.cancelled(err)
	}
	if w.conn != nil && w.conn.IsClosed() && w.m.fault != "ignores the connection" {
		if w.m.fault == "waits for the connection" {
			<-ctx.Done()
			return ctx.Err()
		}
		return nats.ErrConnectionClosed
	}
	w.m.writes++
	if len(records) == 0 && w.m.fault == "refuses nothing" {
		return errors.New("memory: nothing to write")
	}
	for i, r := range w.m.arrange(records) {
		if err := w.m.put(i, r); err != nil {
			return err
		}
	}
	if w.m.fault == "changes what is lent" && len(records) > 0 {
		records[0].Key = ""
	}
	return nil
}

func (m *memory) cancelled(err error) error {
	switch m.fault {
	case "cancelled for good":
		return fmt.Errorf("%w: %w", sinks.ErrPermanent, err)
	case "hides the context":
		return errors.New("memory: stopped")
	}
	return err
}

// arrange returns the records in the order in which they are put.
func (m *memory) arrange(records []sinks.Record) []sinks.Record {
	all := slices.Clone(records)
	if n := len(all); m.fault == "swaps" && n > 1 {
		all[n-2], all[n-1] = all[n-1], all[n-2]
	}
	if m.fault == "loses the last" && len(all) > 1 {
		all = all[:len(all)-1]
	}
	if m.fault == "loses beyond 4096" && len(all) > 4096 {
		all = all[:4096]
	}
	return all
}

// put stores one record.
func (m *memory) put(i int, r sinks.Record) error {
	if r.Path == "" && m.fault != "takes no path" {
		if m.fault == "no path, not for good" {
			return errors.New("memory: no path")
		}
		return fmt.Errorf("%w: no path", sinks.ErrPermanent)
	}
	if done, err := m.supersede(r); done {
		return err
	}
	if old, taken := m.byPath[r.Path]; taken && r.Path != "" && (old.ID != r.ID || string(old.Payload) != string(r.Payload)) {
		if done, err := m.conflict(old, r); done {
			return err
		}
	}
	if m.byID[r.ID] && m.fault != "doubles when written again" {
		return nil
	}
	m.byID[r.ID] = true
	if m.fault != "keeps what is lent" {
		r.Payload = slices.Clone(r.Payload)
	}
	m.byPath[r.Path] = r
	r = m.spoil(r)
	m.shown = append(m.shown, r)
	if m.fault == "doubles" && i == 3 {
		m.shown = append(m.shown, r)
	}
	return nil
}

// supersede takes a version of something that has one already; done is false if it is to be stored like any other record.
func (m *memory) supersede(r sinks.Record) (done bool, err error) {
	old, taken := m.byPath[r.Path]
	if !taken || r.Version == old.Version {
		return false, nil
	}
	switch {
	case m.fault == "refuses the newer", m.fault == "refuses the older" && r.Version < old.Version:
		return false, nil
	case m.fault == "keeps the first", m.back[r.Path], r.Version < old.Version && !m.goesBack(r, old):
		return true, nil
	case m.fault == "keeps both":
		m.byPath[r.Path], m.byID[r.ID], m.shown = r, true, append(m.shown, r)
		return true, nil
	}
	m.shown = append(slices.DeleteFunc(m.shown, func(s sinks.Record) bool { return s.ID == old.ID }), r)
	m.byPath[r.Path], m.byID[r.ID] = r, true
	return true, nil
}

// goesBack says where an older version takes the place of a newer one.
func (m *memory) goesBack(r, old sinks.Record) bool {
	switch m.fault {
	case "takes the last":
		return true
	case "goes back a little": // as one that has slept, and knows only what was there before
		return r.Version > 2 && old.Version == 7
	case "goes back under load":
		m.back[r.Path] = old.Version > 20 && r.Version == 1 // and stays there, so that no reader misses it
		return m.back[r.Path]
	}
	return false
}

// conflict answers for a path that is taken by another result; done is false if the record is to be stored.
func (m *memory) conflict(old, r sinks.Record) (done bool, err error) {
	switch m.fault {
	case "ignores conflict":
		return true, nil
	case "ignores another ID":
		if string(old.Payload) == string(r.Payload) {
			return true, nil
		}
	case "stores conflict":
		m.shown = append(m.shown, r)
	case "overwrites":
		at := slices.IndexFunc(m.shown, func(s sinks.Record) bool { return s.ID == old.ID })
		m.shown[at], m.byPath[r.Path] = r, r
		return true, nil
	case "conflict not for good":
		return true, sinks.ErrConflict
	case "conflict without name":
		return true, sinks.ErrPermanent
	case "stuck after conflict":
		m.fault = "nothing there"
	}
	return true, fmt.Errorf("%w: %w", sinks.ErrPermanent, sinks.ErrConflict)
}

// spoil changes what is shown of a record.
func (m *memory) spoil(r sinks.Record) sinks.Record {
	switch m.fault {
	case "changes the verdict":
		r.Verdict = crdt.Final
	case "drops the window":
		r.Window = ""
	case "another frontier":
		r.Frontier = "end"
	case "another pipeline":
		r.Pipeline = "other"
	case "trims keys":
		r.Key = strings.TrimSpace(r.Key)
	case "trims payloads":
		r.Payload = []byte(strings.TrimSpace(string(r.Payload)))
	case "cuts payloads":
		r.Payload = r.Payload[:min(len(r.Payload), 64<<10)]
	case "invents IDs":
		r.ID += "'"
	}
	return r
}

// config describes a memory with a fault as one that promises everything.
func config(t testing.TB, fault string) sinktest.Config {
	t.Helper()
	server := natstest.Run(t)
	return sinktest.Config{
		New: func(testing.TB) (sinks.Sink, func() ([]sinks.Record, error)) {
			m := newMemory(fault)
			return m, m.read
		},
		Features: sinktest.Features{Durable: true, CreateOnce: true, NeedsPath: true, Supersedes: true},
		Conn:     func(t testing.TB) *nats.Conn { return server.Conn(t) },
		Missing:  []sinks.Sink{newMemory("nothing there")},
	}
}

func TestGoodSinkPasses(t *testing.T) {
	t.Parallel()
	c := config(t, "")
	if err := sinktest.Check(t, c); err != nil {
		t.Error(err)
	}
	sinktest.Run(t, c)
}

// Each bad sink is caught by the check that is there for it.
func TestBadSinksAreCaught(t *testing.T) {
	t.Parallel()
	for fault, check := range map[string]string{
		"no target":                  "target",
		"target changes":             "target",
		"loses the last":             "arrive",
		"changes the verdict":        "arrive",
		"drops the window":           "arrive",
		"another frontier":           "arrive",
		"another pipeline":           "arrive",
		"invents IDs":                "arrive",
		"doubles":                    "arrive",
		"swaps":                      "order",
		"loses beyond 4096":          "order",
		"refuses nothing":            "empty-batch",
		"trims payloads":             "payloads",
		"cuts payloads":              "payloads",
		"trims keys":                 "keys",
		"keeps what is lent":         "lent-memory",
		"changes what is lent":       "lent-memory",
		"doubles when written again": "again",
		"forgets on reopen":          "reopen",
		"ignores the context":        "cancelled",
		"hides the context":          "cancelled",
		"cancelled for good":         "cancelled",
		"ignores the connection":     "closed-connection",
		"ignores conflict":           "conflict",
		"ignores another ID":         "conflict",
		"stores conflict":            "conflict",
		"overwrites":                 "conflict",
		"conflict not for good":      "conflict",
		"conflict without name":      "conflict",
		"stuck after conflict":       "conflict",
		"takes no path":              "needs-path",
		"no path, not for good":      "needs-path",
		"refuses the newer":          "newer",
		"keeps the first":            "newer",
		"keeps both":                 "newer",
		"refuses the older":          "older",
		"takes the last":             "older",
		"goes back a little":         "zombie",
		"goes back under load":       "never-back",
	} {
		t.Run(fault, func(t *testing.T) {
			t.Parallel()
			wantCaught(t, sinktest.Check(t, config(t, fault)), check)
		})
	}
}

func wantCaught(t *testing.T, err error, check string) {
	t.Helper()
	if err == nil || !strings.Contains(err.Error(), "sinktest: "+check+": ") {
		t.Errorf("the check %q does not catch it: %v", check, err)
	}
}

// Of two owners that decide without a lock, both may store.
func TestRaceIsCaught(t *testing.T) {
	t.Parallel()
	for _, fault := range []string{"ignores conflict", "overwrites"} {
		wantCaught(t, sinktest.Check(t, config(t, fault)), "race")
	}
	wantCaught(t, sinktest.Check(t, config(t, "doubles when written again")), "owners")
}

// A call that does not return is reported, and does not hold up the test for ever.
func TestHangingSinksAreCaught(t *testing.T) {
	t.Parallel()
	for fault, check := range map[string]string{"waits for the connection": "closed-connection", "hangs": "arrive"} {
		c := config(t, fault)
		release := make(chan struct{})
		t.Cleanup(func() { close(release) })
		c.New = func(testing.TB) (sinks.Sink, func() ([]sinks.Record, error)) {
			m := newMemory(fault)
			m.release = release
			return m, func() ([]sinks.Record, error) { return nil, nil }
		}
		c.Limit = 100 * time.Millisecond
		err := sinktest.Check(t, c)
		wantCaught(t, err, check)
		if fault == "hangs" && !strings.Contains(err.Error(), "has not returned after 100ms") {
			t.Errorf("it is not said that the call hangs: %v", err)
		}
	}
}

func TestSinkThatOpensWithNothingIsCaught(t *testing.T) {
	t.Parallel()
	c := config(t, "")
	c.Missing = append(c.Missing, newMemory(""))
	wantCaught(t, sinktest.Check(t, c), "missing")
}

func TestConfigWithoutNewIsCaught(t *testing.T) {
	t.Parallel()
	wantCaught(t, sinktest.Check(t, sinktest.Config{}), "target")
}

func TestReadErrorIsReported(t *testing.T) {
	t.Parallel()
	c := config(t, "")
	good := c.New
	c.New = func(t testing.TB) (sinks.Sink, func() ([]sinks.Record, error)) {
		sink, _ := good(t)
		return sink, func() ([]sinks.Record, error) { return nil, errors.New("unreadable") }
	}
	err := sinktest.Check(t, c)
	wantCaught(t, err, "arrive")
	wantCaught(t, err, "owners")
}
