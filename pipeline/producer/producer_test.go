package producer_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/calmstream/calmstream/crdt"
	"github.com/calmstream/calmstream/internal/natstest"
	"github.com/calmstream/calmstream/operators"
	"github.com/calmstream/calmstream/pipeline"
	"github.com/calmstream/calmstream/pipeline/producer"
	"github.com/calmstream/calmstream/sinks"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

var noon = time.Date(2024, 1, 31, 12, 0, 0, 0, time.UTC)

// order is "minutes after noon, country".
type order struct {
	at      time.Time
	country string
}

func text(minute int, country string) []byte { return fmt.Appendf(nil, "%d %s", minute, country) }

func decode(m *pipeline.Message) (o order, err error) {
	var minute int
	if _, err = fmt.Sscan(string(m.Data), &minute, &o.country); err != nil {
		return o, fmt.Errorf("no order: %w", err)
	}
	o.at = noon.Add(time.Duration(minute) * time.Minute)
	return o, nil
}

// results are the final results of a run, "window country" to count.
type results struct {
	mu    sync.Mutex
	final map[string]string
	more  chan struct{}
}

func (r *results) do(_ context.Context, record sinks.Record) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	at := record.Window[11:16] + " " + record.Key
	if before, ok := r.final[at]; ok && before != string(record.Payload) {
		return fmt.Errorf("%s was %s and is now %s: %w", at, before, record.Payload, sinks.ErrPermanent)
	}
	r.final[at] = string(record.Payload)
	select {
	case r.more <- struct{}{}:
	default:
	}
	return nil
}

func (r *results) all() map[string]string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return maps.Clone(r.final)
}

// orders counts the orders of each country in windows of ten minutes, sealed by the promises of the producers.
func orders(to *results, producers ...string) *pipeline.Pipeline {
	p := pipeline.New("orders")
	in := pipeline.Read(p, "orders", pipeline.Source[order]{
		Stream: "ORDERS", Subjects: shards, Producers: producers, Decode: decode, MaxAhead: 100 * 365 * 24 * time.Hour,
		Time: func(o order) time.Time { return o.at },
	})
	byCountry := operators.KeyBy(in, "country", func(o order) string { return o.country })
	counts := operators.Count("counts", operators.Window(byCountry, operators.Tumbling(10*time.Minute)))
	final := operators.Finals(operators.Seal(counts, operators.Punctuation()))
	pipeline.Write(p, "results", final, sinks.Func{Name: "test", Do: to.do}, func(f operators.Final[string, crdt.GCounter]) ([]byte, error) {
		return fmt.Append(nil, f.Value.Value()), nil
	})
	return p
}

var shards = []string{"orders.eu.>", "orders.us.*"}

type fixture struct {
	*testing.T
	server *natstest.Server
	js     jetstream.JetStream
	got    *results
	mon    pipeline.Monitor
}

func newFixture(t *testing.T) *fixture {
	t.Helper()
	f := &fixture{T: t, server: natstest.Run(t), got: &results{final: map[string]string{}, more: make(chan struct{}, 1)}}
	f.js = f.server.JetStream(t)
	if _, err := f.js.CreateStream(t.Context(), jetstream.StreamConfig{Name: "ORDERS", Subjects: []string{"orders.>"}}); err != nil {
		t.Fatal(err)
	}
	return f
}

// run runs the pipeline until its inputs have ended; the returned function waits for that.
func (f *fixture) run(producers ...string) (wait func()) {
	f.Helper()
	done := make(chan error, 1)
	go func() {
		done <- orders(f.got, producers...).Run(f.Context(), pipeline.Config{Conn: f.server.Conn(f.T), Monitor: &f.mon, Logger: slog.New(slog.DiscardHandler)})
	}()
	return func() {
		f.Helper()
		if err := <-done; err != nil {
			f.Fatal(err)
		}
	}
}

func (f *fixture) open(name string) *producer.Producer {
	f.Helper()
	p, err := producer.Open(f.Context(), producer.Config{Conn: f.server.Conn(f.T), Name: name, Stream: "ORDERS", Shards: shards})
	if err != nil {
		f.Fatal(err)
	}
	return p
}

func (f *fixture) must(err error) {
	f.Helper()
	if err != nil {
		f.Fatal(err)
	}
}

// A window is final once all producers have promised it, for every shard, and not before, however far one of them is.
func TestAllMustPromise(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	wait := f.run("web", "app")
	web, app := f.open("web"), f.open("app")
	for minute := range 20 {
		f.must(web.Publish(t.Context(), "orders.eu.berlin", text(minute, "de")))
		f.must(app.Publish(t.Context(), "orders.us.nyc", text(minute, "us")))
		f.must(app.Publish(t.Context(), "orders.eu.nice.old", text(minute, "fr")))
	}
	f.must(web.Seal(t.Context(), noon.Add(time.Hour)))
	f.must(app.Flush(t.Context()))
	natstest.Eventually(t, "both shards to read everything and to wait for app", func() bool {
		read, waiting := uint64(0), 0
		for _, s := range f.mon.Shards() {
			if s.Stage == "orders" {
				read += s.Messages
			}
			if slices.Equal(s.Awaited, []string{"app"}) {
				waiting++
			}
		}
		return read == 62 && waiting == 2
	})
	if got := f.got.all(); len(got) > 0 {
		t.Fatalf("results before all have promised: %v", got)
	}
	f.must(app.Seal(t.Context(), noon.Add(15*time.Minute)))
	natstest.Eventually(t, "the first window", func() bool { return len(f.got.all()) == 3 })
	f.must(app.Publish(t.Context(), "orders.us.sf", text(12, "us"))) // not before 12:15, as it has promised
	f.must(web.End(t.Context()))
	f.must(app.End(t.Context()))
	wait()
	want := map[string]string{"12:00 de": "10", "12:00 fr": "10", "12:00 us": "10", "12:10 de": "10", "12:10 fr": "10", "12:10 us": "11"}
	if got := f.got.all(); !maps.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

// What comes after the promise that all have made goes to the late stream, and is in no result.
func TestBrokenPromise(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	p := f.open("web")
	f.must(p.Publish(t.Context(), "orders.us.sf", text(1, "us")))
	f.must(p.Seal(t.Context(), noon.Add(10*time.Minute)))
	f.must(p.Publish(t.Context(), "orders.us.sf", text(2, "us")))
	f.must(p.End(t.Context()))
	f.run("web")()
	if got, want := f.got.all(), map[string]string{"12:00 us": "1"}; !maps.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if late := f.rejected("late"); len(late) != 1 || !strings.Contains(late[0], "punctuation of the registered producers") {
		t.Errorf("late: %q", late)
	}
	if err := p.Publish(t.Context(), "orders.us.sf", text(3, "us")); err == nil || !strings.Contains(err.Error(), "nothing comes any more") {
		t.Errorf("a record after the end: %v", err)
	}
}

// rejected returns the reasons in the dead-letter stream of a kind, "late" or "dead".
func (f *fixture) rejected(kind string) (reasons []string) {
	f.Helper()
	stream, err := f.js.Stream(f.Context(), "CALM_DLQ_orders")
	f.must(err)
	info, err := stream.Info(f.Context())
	f.must(err)
	for seq := uint64(1); seq <= info.State.LastSeq; seq++ {
		m, err := stream.GetMsg(f.Context(), seq)
		f.must(err)
		if strings.HasPrefix(m.Subject, "calm."+kind+".") {
			reasons = append(reasons, m.Header.Get("Calm-Error"))
		}
	}
	return reasons
}

// Two processes with one name find out, and what they publish is sealed by neither.
func TestNameInUse(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	one, two := f.open("web"), f.open("web")
	f.must(one.Publish(t.Context(), "orders.us.sf", text(1, "us")))
	f.must(one.Flush(t.Context()))
	f.must(two.Publish(t.Context(), "orders.us.sf", text(1, "ca")))
	err := two.Seal(t.Context(), noon.Add(time.Hour))
	if !errors.Is(err, producer.ErrNameInUse) {
		t.Fatalf("got %v", err)
	}
	if again := two.Publish(t.Context(), "orders.us.sf", text(1, "ca")); !errors.Is(again, producer.ErrNameInUse) {
		t.Errorf("afterwards: %v", again)
	}
}

// The server goes away and comes back; the records are stored once each.
func TestServerRestarts(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	p := f.open("web")
	for i := range 300 {
		f.must(p.Publish(t.Context(), "orders.eu.rome", text(i%30, "it")))
		if i == 100 {
			f.server.Shutdown()
			f.server.Restart(t)
		}
	}
	f.must(p.End(t.Context()))
	f.run("web")()
	want := map[string]string{"12:00 it": "100", "12:10 it": "100", "12:20 it": "100"}
	if got := f.got.all(); !maps.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

// Everything that is wrong with a configuration or a record is refused with what to do.
func TestMistakes(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	conn := f.server.Conn(t)
	for want, cfg := range map[string]producer.Config{
		"Conn is nil":          {Name: "web", Stream: "ORDERS"},
		`Name "we b"`:          {Conn: conn, Name: "we b", Stream: "ORDERS"},
		"must not be negative": {Conn: conn, Name: "web", Stream: "ORDERS", MaxPending: -1},
		"above 4096":           {Conn: conn, Name: "web", Stream: "ORDERS", MaxPending: 4097},
		"not take":             {Conn: conn, Name: "web", Stream: "ORDERS", Shards: []string{"*.eu"}},
		"stream not found":     {Conn: conn, Name: "web", Stream: "ELSEWHERE"},
		"Shards[1] is empty":   {Conn: conn, Name: "web", Stream: "ORDERS", Shards: []string{"orders.eu.>", ""}},
	} {
		if _, err := producer.Open(t.Context(), cfg); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
	}
	p := f.open("web")
	for want, msg := range map[string]*nats.Msg{
		"none of the shards": {Subject: "orders.jp.tokyo"},
		"Calm-Sequence":      {Subject: "orders.us.sf", Header: nats.Header{"Calm-Sequence": {"7"}}},
		"Nats-Msg-Id":        {Subject: "orders.us.sf", Header: nats.Header{"Nats-Msg-Id": {"7"}}},
	} {
		if err := p.PublishMsg(t.Context(), msg); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
	}
	if _, err := f.js.CreateStream(t.Context(), jetstream.StreamConfig{Name: "BILLS", Subjects: []string{"bills.>"}}); err != nil {
		t.Fatal(err)
	}
	whole, err := producer.Open(t.Context(), producer.Config{Conn: conn, Name: "whole", Stream: "ORDERS"})
	f.must(err)
	for _, subject := range []string{"bills.us", "orders.*", "orders.>", "orders..us", "orders.a b", "orders.", ""} {
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		err := whole.Publish(ctx, subject, text(1, "us"))
		if err == nil {
			err = whole.Flush(ctx)
		}
		if err == nil || !strings.Contains(err.Error(), "does not take") || ctx.Err() != nil {
			t.Errorf("subject %q: %v", subject, err)
		}
		cancel()
	}
	f.must(whole.Seal(t.Context(), noon))
	if err := p.Seal(t.Context(), time.Time{}); err == nil {
		t.Error("the zero time is promised")
	}
	f.must(p.End(t.Context())) // refused records have no number: there is no gap
}

// Calls wait for each other, but none longer than its own context. One that has not had its turn has changed nothing.
func TestCallsDoNotWaitForEver(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	p := f.open("web")
	f.server.Shutdown()
	f.must(p.Publish(t.Context(), "orders.eu.rome", text(1, "it")))
	flushed := make(chan error, 1)
	go func() { flushed <- p.Flush(t.Context()) }()
	for p.TryEnter() { // until it is the turn of the other call
		runtime.Gosched()
	}
	ctx, cancel := context.WithCancel(t.Context())
	returned := make(chan error, 4)
	go func() { returned <- p.Publish(ctx, "orders.eu.rome", text(1, "it")) }()
	go func() { returned <- p.Seal(ctx, noon) }()
	go func() { returned <- p.End(ctx) }()
	go func() { returned <- p.Flush(ctx) }()
	cancel()
	for range 4 {
		select {
		case err := <-returned:
			if !errors.Is(err, context.Canceled) {
				t.Errorf("got %v", err)
			}
		case <-time.After(20 * time.Second):
			t.Fatal("a call waits for another one, whose context goes on")
		}
	}
	f.server.Restart(t)
	f.must(<-flushed)
	f.must(p.Publish(t.Context(), "orders.eu.rome", text(2, "it")))
	f.must(p.End(t.Context()))
	f.run("web")()
	if got, want := f.got.all(), (map[string]string{"12:00 it": "2"}); !maps.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}
