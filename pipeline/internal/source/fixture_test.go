package source_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/calmstream/calmstream/internal/natstest"
	"github.com/calmstream/calmstream/internal/plan"
	"github.com/calmstream/calmstream/pipeline/internal/source"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

const streamName = "LOG"

// fixture is a stream LOG on subjects log.> and what is needed to read it.
type fixture struct {
	*testing.T
	ctx    context.Context
	js     jetstream.JetStream
	stream jetstream.Stream
	conn   *nats.Conn // the reader's
	logs   *logs
}

func setup(t *testing.T) (*fixture, *natstest.Server) {
	t.Helper()
	server := natstest.Run(t)
	return on(t, server.JetStream(t), server.Conn(t), 1), server
}

func on(t *testing.T, js jetstream.JetStream, conn *nats.Conn, replicas int) *fixture {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	f := &fixture{T: t, ctx: ctx, js: js, conn: conn, logs: &logs{}}
	f.create(replicas)
	return f
}

func (f *fixture) create(replicas int) {
	f.Helper()
	stream, err := f.js.CreateStream(f.ctx, jetstream.StreamConfig{Name: streamName, Subjects: []string{"log.>"}, Replicas: replicas})
	if err != nil {
		f.Fatal(err)
	}
	f.stream = stream
}

// restart starts the server again and returns when the reader's connection works.
func (f *fixture) restart(server *natstest.Server) {
	f.Helper()
	server.Restart(f)
	natstest.Eventually(f, "the connection works again", func() bool { return f.conn.FlushTimeout(time.Second) == nil })
}

// publish stores n messages on the subjects in turn.
func (f *fixture) publish(n int, subjects ...string) {
	f.Helper()
	for i := range n {
		f.publishData([]byte(fmt.Sprint(i)), subjects[i%len(subjects)])
	}
}

// publishData tries until the message is stored; a message id makes of the tries one message.
func (f *fixture) publishData(data []byte, subject string) {
	f.Helper()
	id := nats.NewInbox()
	for {
		ctx, cancel := context.WithTimeout(f.ctx, 2*time.Second)
		_, err := f.js.Publish(ctx, subject, data, jetstream.WithMsgID(id))
		cancel()
		if err == nil {
			return
		}
		if f.ctx.Err() != nil {
			f.Fatalf("cannot publish: %v", err)
		}
	}
}

func (f *fixture) config() source.Config {
	return source.Config{
		Conn: f.conn, Stream: streamName, ConsumerName: "calm-test", Heartbeat: 100 * time.Millisecond, Timeout: 2 * time.Second,
		Logger: slog.New(f.logs),
	}
}

// open opens a reader that must open, and closes it at the end.
func (f *fixture) open(config source.Config) *source.Reader {
	f.Helper()
	r, err := source.Open(f.ctx, config)
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() {
		// The server of some tests is gone by now: only that Close returns is of interest.
		_ = r.Close()
	})
	return r
}

// read reads until the position has reached until and returns the messages.
func (f *fixture) read(r *source.Reader, until uint64) []plan.Message {
	f.Helper()
	var all, buf []plan.Message
	for r.Position() < until {
		var err error
		if buf, err = r.Next(f.ctx, nil, buf); err != nil {
			f.Fatalf("at position %d of %d: %v", r.Position(), until, err)
		}
		all = append(all, buf...)
	}
	return all
}

// consumer is the name of the reader's consumer; if it has none at the moment, it is let to make one.
func (f *fixture) consumer(r *source.Reader) string {
	f.Helper()
	for source.ConsumerName(r) == "" {
		f.attempt(r)
	}
	return source.ConsumerName(r)
}

// attempt lets the reader work for a moment in which there is nothing to read.
func (f *fixture) attempt(r *source.Reader) {
	f.Helper()
	ctx, cancel := context.WithTimeout(f.ctx, 200*time.Millisecond)
	defer cancel()
	if got, err := r.Next(ctx, nil, nil); len(got) != 0 || err != nil && !errors.Is(err, context.DeadlineExceeded) || f.ctx.Err() != nil {
		f.Fatalf("read %v where nothing was to be read: %v", seqs(got), err)
	}
}

// failure reads until Next fails and returns what it read and the failure.
func (f *fixture) failure(r *source.Reader) ([]plan.Message, error) {
	f.Helper()
	var all, buf []plan.Message
	for {
		var err error
		if buf, err = r.Next(f.ctx, nil, buf); err != nil {
			if f.ctx.Err() != nil {
				f.Fatal("reading went on instead of failing")
			}
			return all, err
		}
		all = append(all, buf...)
	}
}

// wantSeqs fails unless the messages are exactly those of the sequences from to to.
func (f *fixture) wantSeqs(got []plan.Message, from, to uint64) {
	f.Helper()
	var want []uint64
	for seq := from; seq <= to; seq++ {
		want = append(want, seq)
	}
	if have := seqs(got); !slices.Equal(have, want) {
		f.Fatalf("read %d messages, want sequences %d to %d; the first difference is at index %d", len(have), from, to, difference(have, want))
	}
}

func difference(a, b []uint64) int {
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			return i
		}
	}
	return min(len(a), len(b))
}

func seqs(messages []plan.Message) []uint64 {
	var all []uint64
	for _, m := range messages {
		all = append(all, m.Seq)
	}
	return all
}

// created is the incarnation of the stream as the server tells it.
func (f *fixture) created() int64 {
	f.Helper()
	info, err := f.stream.Info(f.ctx)
	if err != nil {
		f.Fatal(err)
	}
	return info.Created.UnixNano()
}

// contains fails unless the text of the error has all the parts.
func (f *fixture) contains(err error, parts ...string) {
	f.Helper()
	for _, part := range parts {
		if !strings.Contains(err.Error(), part) {
			f.Errorf("the error does not say %q: %v", part, err)
		}
	}
}

// logs keeps what was logged.
type logs struct {
	mu      sync.Mutex
	records []slog.Record
	warning func()
}

// onWarning has do called with each warning.
func (l *logs) onWarning(do func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.warning = do
}

func (l *logs) Enabled(context.Context, slog.Level) bool { return true }
func (l *logs) WithAttrs([]slog.Attr) slog.Handler       { return l }
func (l *logs) WithGroup(string) slog.Handler            { return l }

func (l *logs) Handle(_ context.Context, r slog.Record) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.records = append(l.records, r)
	if r.Level == slog.LevelWarn && l.warning != nil {
		l.warning()
	}
	return nil
}

// count counts the records of a level.
func (l *logs) count(level slog.Level) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := 0
	for _, r := range l.records {
		if r.Level == level {
			n++
		}
	}
	return n
}
