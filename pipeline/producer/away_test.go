package producer_test

import (
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/calmstream/calmstream/internal/natstest"
	"github.com/calmstream/calmstream/pipeline/producer"
	"github.com/nats-io/nats.go/jetstream"
)

// A producer that was away for longer than its stream keeps messages is not taken for a new one: its numbers would begin again at 1, and a
// pipeline that has read the old ones would pass over its records. It comes back with what it has kept.
func TestAwayForLongerThanTheStreamRemembers(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	open := func(change func(*producer.Config)) (*producer.Producer, error) {
		cfg := producer.Config{Conn: f.server.Conn(t), Name: "web", Stream: "ORDERS", Shards: shards}
		change(&cfg)
		return producer.Open(t.Context(), cfg)
	}
	wait := f.run("web")
	begun := time.Now().Add(-time.Hour)
	first, err := open(func(c *producer.Config) { c.Begun = begun })
	f.must(err)
	for minute := range 10 {
		f.must(first.Publish(t.Context(), "orders.us.sf", text(minute, "us")))
	}
	f.must(first.Seal(t.Context(), noon.Add(10*time.Minute)))
	kept, err := first.Positions(t.Context())
	f.must(err)
	for _, subject := range []string{"orders.eu.rome", "orders.us.sf"} { // which no producer has published: 13 and 14
		_, err := f.js.Publish(t.Context(), subject, []byte("not an order"))
		f.must(err)
	}
	natstest.Eventually(t, "the first window, and checkpoints behind what will be gone", func() bool {
		behind := 0
		for _, s := range f.mon.Shards() {
			if s.Stage == "orders" && s.Committed >= 13 {
				behind++
			}
		}
		return behind == 2 && len(f.got.all()) == 1
	})
	stream, err := f.js.Stream(t.Context(), "ORDERS")
	f.must(err)
	f.must(stream.Purge(t.Context(), jetstream.WithPurgeSequence(13)))
	for want, change := range map[string]func(*producer.Config){
		"Config.Begun does not say":                     func(*producer.Config) {},
		"it has begun before that, says Config.Begun: ": func(c *producer.Config) { c.Begun = begun },
	} {
		if _, err := open(change); err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "must not begin again") {
			t.Errorf("got %v", err)
		}
	}
	fresh, err := open(func(c *producer.Config) { c.Name, c.Begun = "app", time.Now().Add(time.Minute) }) // it cannot be what is lost
	f.must(err)
	if at, err := fresh.Positions(t.Context()); err != nil || at[0].Count+at[1].Count != 0 {
		t.Errorf("a new producer has published %v, %v", at, err)
	}
	for range 2 { // the second time the stream says more than what was kept
		back, err := open(func(c *producer.Config) { c.Known = kept })
		f.must(err)
		f.must(back.Publish(t.Context(), "orders.us.sf", text(12, "us")))
		f.must(back.Flush(t.Context()))
	}
	back, err := open(func(c *producer.Config) { c.Known = kept })
	f.must(err)
	if at, err := back.Positions(t.Context()); err != nil || at[1].Count != 12 || at[0].Count != 0 {
		t.Errorf("it has published %v, %v", at, err)
	}
	f.must(back.End(t.Context()))
	wait()
	if got, want := f.got.all(), map[string]string{"12:00 us": "10", "12:10 us": "2"}; !maps.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	for _, reason := range f.rejected("dead") {
		if !strings.Contains(reason, "names no producer") {
			t.Errorf("dead letter: %s", reason)
		}
	}
	// What was kept is not what was promised.
	ended, err := back.Positions(t.Context())
	f.must(err)
	ended[1].Digest++
	if _, err := open(func(c *producer.Config) { c.Known = ended }); err == nil || !strings.Contains(err.Error(), "another digest than Config.Known has") {
		t.Errorf("got %v", err)
	}
}

// On a stream that has all it ever had nobody needs to say since when it is there, whatever its first number is. One that is empty
// because it has forgotten is another matter.
func TestEmptyStreams(t *testing.T) {
	t.Parallel()
	srv := natstest.Run(t)
	js := srv.JetStream(t)
	stream, err := js.CreateStream(t.Context(), jetstream.StreamConfig{Name: "LATER", Subjects: []string{"later"}, FirstSeq: 1000})
	if err != nil {
		t.Fatal(err)
	}
	cfg := producer.Config{Conn: srv.Conn(t), Name: "web", Stream: "LATER"}
	if _, err := producer.Open(t.Context(), cfg); err != nil {
		t.Error(err)
	}
	if _, err := js.Publish(t.Context(), "later", nil); err != nil {
		t.Fatal(err)
	}
	if err := stream.Purge(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := producer.Open(t.Context(), cfg); err == nil || !strings.Contains(err.Error(), "has lost messages") {
		t.Errorf("got %v", err)
	}
	cfg.Begun = time.Now().Add(time.Minute)
	if _, err := producer.Open(t.Context(), cfg); err != nil {
		t.Error(err)
	}
}
