package adclicks

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// The header of a punctuation and the value that ends an input.
const (
	sealHeader = "Calm-Seal"
	sealEnd    = "end"
)

// CreateStreams makes the stream of the events, which keeps them for the given time (0: for ever), and those of the results,
// so that they can be read before there are any. Streams that exist are left as they are.
func CreateStreams(ctx context.Context, js jetstream.JetStream, c Config, keep time.Duration) error {
	c = c.withDefaults()
	for _, stream := range []jetstream.StreamConfig{
		{Name: c.EventStream(), Subjects: []string{c.Name + ".events.*"}, MaxAge: keep, Description: "Ad events"},
		{Name: c.AlertStream(), Subjects: []string{c.alertSink().Name + ".>"}, Description: "Campaigns that reached the threshold, stable"},
		{Name: c.TopStream(), Subjects: []string{c.topSink().Name + ".>"}, Description: "Rankings of sealed windows, final"},
	} {
		stream.Storage, stream.Replicas, stream.AllowDirect = jetstream.FileStorage, c.Replicas, true
		_, err := js.CreateStream(ctx, stream)
		if err != nil && !errors.Is(err, jetstream.ErrStreamNameAlreadyInUse) {
			return fmt.Errorf("adclicks: the stream %s (subjects %v) cannot be made: %w", stream.Name, stream.Subjects, err)
		}
	}
	return nil
}

// End publishes the marker of the end of the input on every partition: the pipeline then seals everything and ends.
func End(ctx context.Context, js jetstream.JetStream, c Config) error {
	for _, subject := range c.subjects() {
		m := nats.NewMsg(subject)
		m.Header.Set(sealHeader, sealEnd)
		if _, err := js.PublishMsg(ctx, m); err != nil {
			return fmt.Errorf("adclicks: the end marker on %s was not stored: %w", subject, err)
		}
	}
	return nil
}
