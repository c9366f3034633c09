package source

import (
	"testing"
	"time"

	"github.com/nats-io/nats.go"
)

// Arrived says how many messages and statuses wait for Next.
func Arrived(r *Reader) int {
	if r.consumer == nil {
		return 0
	}
	return len(r.consumer.ch)
}

// Steal takes away the oldest message that waits for Next, as a network that loses it would.
func Steal(t testing.TB, r *Reader) *nats.Msg {
	t.Helper()
	select {
	case m := <-r.consumer.ch:
		return m
	case <-time.After(20 * time.Second):
		t.Fatal("nothing arrived that could be stolen")
		return nil
	}
}

// Inject makes a message arrive as if the older of the first two requests had brought it. No client may send such a message.
func Inject(r *Reader, m *nats.Msg) {
	m.Sub = r.consumer.pulls[0].sub
	r.consumer.ch <- m
}

// ConsumerName is the name of the present consumer, "" while there is none.
func ConsumerName(r *Reader) string {
	if r.consumer == nil {
		return ""
	}
	return r.consumer.name
}
