package producer_test

import (
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/calmstream/calmstream/pipeline/producer"
	"github.com/nats-io/nats.go"
)

// A producer that dies leaves a gap among its numbers. Its successor fills it and goes on, and nothing is counted twice.
func TestResume(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	first := f.open("web")
	f.must(first.Publish(t.Context(), "orders.us.sf", text(1, "us")))
	f.must(first.Seal(t.Context(), noon.Add(time.Minute)))
	f.must(first.Publish(t.Context(), "orders.us.sf", text(2, "us")))
	f.must(first.Flush(t.Context()))
	// The third record never arrives, the fourth does, twice.
	lost := &nats.Msg{Subject: "orders.us.sf", Data: text(4, "us"), Header: nats.Header{"Calm-Producer": {"web"}, "Calm-Sequence": {"4"}}}
	for range 2 {
		_, err := f.js.PublishMsg(t.Context(), lost)
		f.must(err)
	}
	for range 2 { // the second time there is no gap any more
		second := f.open("web")
		f.must(second.Publish(t.Context(), "orders.us.sf", text(5, "us")))
		f.must(second.Flush(t.Context()))
	}
	last, err := producer.Open(t.Context(), producer.Config{Conn: f.server.Conn(t), Name: "web", Stream: "ORDERS", Shards: shards, Since: time.Now().Add(-time.Hour)})
	f.must(err)
	f.must(last.End(t.Context()))
	f.run("web")()
	if got, want := f.got.all(), map[string]string{"12:00 us": "5"}; !maps.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if dead := f.rejected("dead"); len(dead) > 0 {
		t.Errorf("dead letters: %q", dead)
	}
	repeated := uint64(0)
	for _, s := range f.mon.Shards() {
		repeated += s.Repeated
	}
	if repeated != 1 {
		t.Errorf("%d records came again", repeated)
	}
	_, err = producer.Open(t.Context(), producer.Config{Conn: f.server.Conn(t), Name: "web", Stream: "ORDERS", Shards: shards, Since: time.Now().Add(time.Hour)})
	if err == nil || !strings.Contains(err.Error(), "Config.Since") {
		t.Errorf("opened without knowing what was published: %v", err)
	}
}

// What takes the place of a record counts as empty for a shard, whatever it holds, and so for the successor of who published it.
func TestResumeBehindAVoidThatHoldsSomething(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	void := &nats.Msg{Subject: "orders.us.sf", Data: []byte("something"), Header: nats.Header{"Calm-Producer": {"web"}, "Calm-Sequence": {"1"}, "Calm-Seal": {"void"}}}
	_, err := f.js.PublishMsg(t.Context(), void)
	f.must(err)
	p := f.open("web")
	f.must(p.Publish(t.Context(), "orders.us.sf", text(1, "us")))
	f.must(p.End(t.Context()))
	f.run("web")()
	if got, want := f.got.all(), map[string]string{"12:00 us": "1"}; !maps.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if dead := f.rejected("dead"); len(dead) > 0 {
		t.Errorf("dead letters: %q", dead)
	}
}
