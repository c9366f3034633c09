package producer_test

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
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
)

// totals are the final results by key.
type totals struct {
	mu    sync.Mutex
	final map[string]string
}

func (r *totals) do(_ context.Context, record sinks.Record) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if before, ok := r.final[record.Key]; ok && before != string(record.Payload) || record.Verdict != crdt.Final {
		return fmt.Errorf("%s was %s and is now %s, %s: %w", record.Key, before, record.Payload, record.Verdict, sinks.ErrPermanent)
	}
	r.final[record.Key] = string(record.Payload)
	return nil
}

func (r *totals) all() map[string]string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return maps.Clone(r.final)
}

// byCountry counts the orders of each city, sealed by the promises of the producers about its country.
func byCountry(to *totals, producers ...string) *pipeline.Pipeline {
	p := pipeline.New("orders")
	in := pipeline.Read(p, "orders", pipeline.Source[string]{Stream: "ORDERS", Subjects: shards, Producers: producers, Decode: pipeline.Text})
	cities := operators.KeyBy(in, "city", func(s string) string { return s })
	country := func(city string) string { return city[:2] }
	counts := operators.Count("counts", operators.Determines(cities, "country", country))
	final := operators.Finals(operators.Seal(counts, operators.Keys("country")))
	pipeline.Write(p, "results", final, sinks.Func{Name: "test", Do: to.do}, func(f operators.Final[string, crdt.GCounter]) ([]byte, error) {
		return fmt.Append(nil, f.Value.Value()), nil
	})
	return p
}

// A country is final once both producers have promised it, while the pipeline goes on: also across a restart, of the pipeline and of a
// producer. Each has a certificate, and what comes behind is late.
func TestSealKey(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	got := &totals{final: map[string]string{}}
	start := func() (stop func() error) {
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() {
			done <- byCountry(got, "web", "app").Run(ctx, pipeline.Config{Conn: f.server.Conn(t), Monitor: &f.mon, Logger: slog.New(slog.DiscardHandler)})
		}()
		return func() error { cancel(); return <-done }
	}
	eventually := func(want map[string]string) {
		t.Helper()
		natstest.Eventually(t, fmt.Sprint(want), func() bool { return maps.Equal(got.all(), want) })
	}
	stop := start()
	web, app := f.open("web"), f.open("app")
	for range 3 {
		f.must(web.Publish(t.Context(), "orders.eu.berlin", []byte("de berlin")))
		f.must(app.Publish(t.Context(), "orders.us.bonn", []byte("de bonn")))
		f.must(app.Publish(t.Context(), "orders.us.rome", []byte("it rome")))
	}
	f.must(web.SealKey(t.Context(), "country", "de", "it", "fr"))
	f.must(app.SealKey(t.Context(), "country", "de"))
	eventually(map[string]string{"de berlin": "3", "de bonn": "3"})
	f.must(stop())

	f.must(app.Publish(t.Context(), "orders.us.rome", []byte("it rome")))
	f.must(app.Publish(t.Context(), "orders.eu.bonn", []byte("de bonn"))) // breaks its promise
	f.must(app.Flush(t.Context()))
	again := f.open("app") // goes on where the other one stopped
	f.must(again.SealKey(t.Context(), "country", "it"))
	stop = start()
	eventually(map[string]string{"de berlin": "3", "de bonn": "3", "it rome": "4"})
	f.must(web.Publish(t.Context(), "orders.us.nice", []byte("es madrid")))
	f.must(web.End(t.Context()))
	f.must(again.SealKey(t.Context(), "country", "es")) // and the other one has ended
	eventually(map[string]string{"de berlin": "3", "de bonn": "3", "it rome": "4", "es madrid": "1"})
	f.must(again.End(t.Context()))
	last := f.messages()
	f.must(again.SealKey(t.Context(), "country", "gr")) // which the end includes
	if now := f.messages(); now != last {
		t.Errorf("%d messages were published behind the end", now-last)
	}
	natstest.Eventually(t, "the end of all shards", func() bool {
		return !slices.ContainsFunc(f.mon.Shards(), func(s pipeline.ShardStatus) bool { return !s.Done })
	})
	f.must(stop())
	if late := f.rejected("late"); len(late) != 1 || !strings.Contains(late[0], `late: country "de" was sealed before it came`) {
		t.Errorf("late: %q", late)
	}
	if dead := f.rejected("dead"); len(dead) > 0 {
		t.Errorf("dead letters: %q", dead)
	}
	keys := map[string]int{}
	f.must(pipeline.Certificates(t.Context(), f.server.Conn(t), "orders", func(c pipeline.Certificate) bool {
		keys[c.Attribute+" "+*c.Value] += c.Keys
		if want := fmt.Sprintf("country %q in window global of state counts is sealed", *c.Value); !strings.Contains(c.String(), want) {
			t.Errorf("a certificate says %q, and not %q", c, want)
		}
		return true
	}))
	if want := map[string]int{"country de": 2, "country it": 1, "country es": 1}; !maps.Equal(keys, want) {
		t.Errorf("certificates of %v, want %v", keys, want)
	}
}

// messages returns how many the stream holds.
func (f *fixture) messages() uint64 {
	f.Helper()
	stream, err := f.js.Stream(f.Context(), "ORDERS")
	f.must(err)
	return stream.CachedInfo().State.Msgs
}

// What cannot be promised is refused, and changes nothing.
func TestSealKeyRefuses(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	p := f.open("web")
	for want, err := range map[string]error{
		"must be 1 to 64 letters": p.SealKey(t.Context(), "no name", "de"),
		"has 1025 bytes":          p.SealKey(t.Context(), "country", strings.Repeat("x", 1025)),
	} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want an error with %q, got %v", want, err)
		}
	}
	if n := f.messages(); n != 0 {
		t.Errorf("%d messages were published", n)
	}
	f.must(p.SealKey(t.Context(), "country"))
	f.must(p.SealKey(t.Context(), "country", "", strings.Repeat("x", 1024)))
	if n := f.messages(); n != 4 { // each in both shards, before it returns
		t.Errorf("%d messages were published, want 4", n)
	}
	since, err := producer.Open(t.Context(), producer.Config{Conn: f.server.Conn(t), Name: "web", Stream: "ORDERS", Shards: shards, Since: time.Now().Add(-time.Hour)})
	f.must(err) // a promise about a value says how many records there were
	f.must(since.Seal(t.Context(), noon))
}
