package sinks_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/calmstream/calmstream/internal/natstest"
	"github.com/calmstream/calmstream/sinks"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

const (
	ackStored     = `{"stream":"R","seq":1}`
	ackConcurrent = `{"error":{"code":400,"err_code":10164,"description":"wrong last sequence"},"stream":"R","seq":0}`
	ackDuplicate  = `{"error":{"code":409,"err_code":10158,"description":"duplicate message id is in process"},"stream":"R","seq":0}`
	ackFull       = `{"error":{"code":503,"err_code":10077,"description":"full"},"stream":"R","seq":0}`
)

// fake answers publishes in place of stream R, to say what a real stream says only by accident. The stream is there, and
// empty, but no longer takes r.>, so that reads of what is stored are answered by the server: there is none.
type fake struct {
	conn   *nats.Conn // of the sink
	self   *nats.Conn // of the fake
	writer sinks.Writer
	// publish answers the n-th publish (from 1). Empty is no answer.
	publish func(n int, m *nats.Msg) string

	mu               sync.Mutex
	publishes, reads int
}

func newFake(t testing.TB) *fake {
	t.Helper()
	s := natstest.Run(t)
	f := &fake{conn: s.Conn(t), self: s.Conn(t)}
	f.writer = open(t, sinks.Subject{Name: "r", Stream: "R"}, f.conn)
	config := jetstream.StreamConfig{Name: "R", Subjects: []string{"elsewhere"}}
	if _, err := newJetStream(t, f.self).UpdateStream(testContext(t), config); err != nil {
		t.Fatal(err)
	}
	for subject, answer := range map[string]func(*nats.Msg) string{
		"r.>": func(m *nats.Msg) string { return f.publish(f.count(&f.publishes), m) },
		"$JS.API.STREAM.MSG.GET.R": func(*nats.Msg) string { // the server answers
			f.count(&f.reads)
			return ""
		},
	} {
		_, err := f.self.Subscribe(subject, func(m *nats.Msg) {
			if text := answer(m); text != "" {
				if err := m.Respond([]byte(text)); err != nil {
					t.Error(err)
				}
			}
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := f.self.Flush(); err != nil {
		t.Fatal(err)
	}
	return f
}

func (f *fake) count(counter *int) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	*counter++
	return *counter
}

func (f *fake) counts() (publishes, reads int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.publishes, f.reads
}

// In a cluster a write of the same subject may be under way: it is refused, and there is nothing to read yet.
func TestWriteAgainstOneUnderWay(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	f.publish = func(n int, _ *nats.Msg) string {
		if n <= 4 {
			return ackConcurrent
		}
		return ackStored
	}
	if err := f.writer.Write(testContext(t), numbered(1)); err != nil {
		t.Fatal(err)
	}
	natstest.Eventually(t, "5 publishes and 4 reads are seen", func() bool {
		publishes, reads := f.counts()
		return publishes == 5 && reads == 4
	})
}

func TestWriteGivesUpOnOneUnderWay(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	f.publish = func(int, *nats.Msg) string { return ackConcurrent }
	w := f.writer
	sinks.SetPatience(w, time.Minute, 3)
	err := w.Write(testContext(t), numbered(1))
	wantPermanent(t, err, false)
	wantWords(t, err, "subject r", `"r.final.k0"`, "under way for 3 attempts")
}

func TestWriteWaitsForDuplicateUnderWay(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	f.publish = func(n int, m *nats.Msg) string {
		if m.Header.Get("Nats-Msg-Id") != "1" {
			return `{"error":{"err_code":1,"description":"no Nats-Msg-Id"}}`
		}
		if n == 1 {
			return ackDuplicate
		}
		return ackStored
	}
	if err := f.writer.Write(testContext(t), []sinks.Record{result("1", "", "p")}); err != nil {
		t.Fatal(err)
	}
}

func TestWriteReportsBadReplies(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ publish, words string }{
		"no JSON":      {"+OK", `"+OK" is not one of JetStream`},
		"other stream": {`{"stream":"S","seq":1}`, `taken by stream "S"`},
		"full":         {ackFull, "full (10077)"},
		"both":         {`{"stream":"R","seq":0,"error":{"err_code":10077,"description":"full"}}`, "full (10077)"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFake(t)
			f.publish = func(int, *nats.Msg) string { return test.publish }
			err := f.writer.Write(testContext(t), numbered(1))
			wantPermanent(t, err, false)
			wantWords(t, err, "subject r", test.words)
		})
	}
}

func TestReadOfStoredReportsBadReplies(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	for reply, words := range map[string]string{
		`{"error":{"err_code":10008,"description":"no leader"}}`: `no leader (10008)`,
		"-":  "not one of JetStream",
		"":   "not one of JetStream",
		"{}": "holds no message",
		`{"message":{"seq":1,"hdrs":"eA==","data":""}}`: "the headers stored on",
	} {
		err := sinks.Compare(f.writer, result("1", "k0", "p"), "r.final.k0", []byte(reply))
		wantPermanent(t, err, false)
		wantWords(t, err, "subject r", `"r.final.k0"`, words)
	}
}

func TestReadOfStoredWithoutStream(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	f.publish = func(int, *nats.Msg) string { return ackConcurrent }
	if err := newJetStream(t, f.self).DeleteStream(testContext(t), "R"); err != nil {
		t.Fatal(err)
	}
	err := f.writer.Write(testContext(t), numbered(1))
	wantPermanent(t, err, false)
	wantWords(t, err, `reading what is stored on "r.final.k0": stream not found`)
}

func TestWriteNoticesSilence(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	f.publish = func(n int, _ *nats.Msg) string {
		if n > 2 {
			return ""
		}
		return ackStored
	}
	w := f.writer
	sinks.SetPatience(w, 200*time.Millisecond, 1)
	err := w.Write(testContext(t), numbered(5))
	wantPermanent(t, err, false)
	wantWords(t, err, "no acknowledgement for 200ms", "2 of 5 records")
}

// pending starts a Write that gets no answer, and returns when its last record has arrived.
func (f *fake) pending(t *testing.T, ctx context.Context, w sinks.Writer, n int) <-chan error {
	t.Helper()
	arrived := make(chan struct{})
	f.publish = func(i int, _ *nats.Msg) string {
		if i == n {
			close(arrived)
		}
		return ""
	}
	ended := make(chan error, 1)
	go func() { ended <- w.Write(ctx, numbered(n)) }()
	select {
	case <-arrived:
	case err := <-ended:
		t.Fatalf("Write ended early: %v", err)
	}
	return ended
}

func TestWriteObeysContextOnTheWay(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	w := f.writer
	sinks.SetPatience(w, time.Hour, 1)
	ctx, cancel := context.WithCancel(testContext(t))
	ended := f.pending(t, ctx, w, 3)
	cancel()
	err := <-ended
	if !errors.Is(err, context.Canceled) || errors.Is(err, sinks.ErrPermanent) {
		t.Errorf("Write returned %v", err)
	}
	wantWords(t, err, "0 of 3 records")
}

func TestWriteNoticesClosedConnectionOnTheWay(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	w := f.writer
	sinks.SetPatience(w, time.Hour, 1)
	ended := f.pending(t, testContext(t), w, 3)
	f.conn.Close()
	err := <-ended
	wantPermanent(t, err, false)
	wantWords(t, err, "the connection is closed", "0 of 3 records")
}

// The acknowledgements of a call that was given up do not count for the next.
func TestLateRepliesDoNotCount(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	w := f.writer
	ctx, cancel := context.WithCancel(testContext(t))
	var late []*nats.Msg
	ended := make(chan error, 1)
	f.publish = func(n int, m *nats.Msg) string {
		if late = append(late, m); n < 3 {
			return ""
		}
		for _, m := range late[:2] { // for the first call, before the second is refused
			if err := m.Respond([]byte(ackStored)); err != nil {
				t.Error(err)
			}
		}
		return ackFull
	}
	go func() { ended <- w.Write(ctx, numbered(2)) }()
	natstest.Eventually(t, "both records arrive", func() bool { n, _ := f.counts(); return n == 2 })
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Fatalf("a Write that was given up returned %v", err)
	}
	err := w.Write(testContext(t), numbered(1))
	wantPermanent(t, err, false)
	wantWords(t, err, "full")
}

// Answers that nobody asked for change nothing, not even those for a record that has not been published yet.
func TestStrayRepliesDoNotCount(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	f.publish = func(n int, m *nats.Msg) string {
		inbox := m.Reply[:strings.LastIndexByte(m.Reply, '.')+1]
		for _, token := range []string{"p2", "p7", "p-1", "p", "x", "r0", "r2", "pp", "p99999999999999999999"} {
			if n < 3 || token != "p2" {
				if err := f.self.Publish(inbox+token, []byte(ackStored)); err != nil {
					t.Error(err)
				}
			}
		}
		if n < 3 {
			return ackStored
		}
		return ackFull
	}
	sinks.SetWindow(f.writer, 1, 1<<20, 1)
	err := f.writer.Write(testContext(t), numbered(3))
	wantPermanent(t, err, false)
	wantWords(t, err, `record "2"`, "full")
}

// No more is on the way than the limits allow.
func TestWriteStaysInWindow(t *testing.T) {
	t.Parallel()
	t.Run("count", func(t *testing.T) { t.Parallel(); testWindow(t, 4, 1<<20) })
	t.Run("bytes", func(t *testing.T) { t.Parallel(); testWindow(t, 1000, 36) }) // "payload 7" has 9, "payload 17" 10
}

// testWindow expects that the limits let four of the numbered records be on the way.
func testWindow(t *testing.T, count, bytes int) {
	f := newFake(t)
	var held []*nats.Msg
	most := 0
	f.publish = func(_ int, m *nats.Msg) string {
		if held = append(held, m); len(held) < 4 {
			return ""
		}
		// The window is full. Whatever was published beyond it waits behind this message now.
		if err := errors.Join(f.conn.Flush(), f.self.Flush()); err != nil {
			t.Error(err)
		}
		beyond, _, err := m.Sub.Pending()
		if err != nil {
			t.Error(err)
		}
		most = max(most, len(held)+beyond-1) // this message itself is still pending
		for _, m := range held {
			if err := m.Respond([]byte(ackStored)); err != nil {
				t.Error(err)
			}
		}
		held = nil
		return ""
	}
	w := f.writer
	sinks.SetWindow(w, count, bytes, 1)
	if err := w.Write(testContext(t), numbered(40)); err != nil {
		t.Fatal(err)
	}
	if n, _ := f.counts(); n != 40 || most != 4 {
		t.Errorf("%d publishes, at most %d at once", n, most)
	}
}
