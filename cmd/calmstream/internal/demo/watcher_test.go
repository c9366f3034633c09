package demo_test

import (
	"context"
	"fmt"
	"slices"
	"testing"

	"github.com/calmstream/calmstream/cmd/calmstream/internal/demo"
	"github.com/calmstream/calmstream/internal/natstest"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// Wherever following stops, finishing takes the rest: each message once, in order.
func TestWatcherTakesEachMessageOnce(t *testing.T) {
	t.Parallel()
	js := natstest.Run(t).JetStream(t)
	if _, err := js.CreateStream(t.Context(), jetstream.StreamConfig{Name: "R", Subjects: []string{"r"}}); err != nil {
		t.Fatal(err)
	}
	var want []string
	for i := range 50 {
		m := nats.NewMsg("r")
		m.Header.Set("Calm-Window", "2026-03-14T12:00:00Z/2026-03-14T12:00:02Z")
		m.Data = []byte(fmt.Sprint(i))
		want = append(want, string(m.Data))
		if _, err := js.PublishMsg(t.Context(), m); err != nil {
			t.Fatal(err)
		}
	}
	for _, stop := range []int{0, 1, 20, 49, 50} {
		ctx, cancel := context.WithCancel(t.Context())
		if stop == 0 {
			cancel()
		}
		var got []string
		err := demo.Watch(ctx, js, "R", func(payload string) error {
			if got = append(got, payload); len(got) == stop {
				cancel()
			}
			return nil
		})
		cancel()
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("stopped after %d: error %v, messages %v", stop, err, got)
		}
	}
}
