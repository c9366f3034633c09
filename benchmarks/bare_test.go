package benchmarks_test

import (
	"context"
	"encoding/json"
	"fmt"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// bareRead is the floor: the least that a Go program can do to see every message of a stream in order. It pulls in
// large batches over an ordinary connection, without acknowledgements, and looks at the subject only.
func bareRead(b *testing.B, nc *nats.Conn, stream string, messages int) {
	b.Helper()
	const batch, window = 4096, 2
	js, err := jetstream.New(nc)
	if err != nil {
		b.Fatal(err)
	}
	consumer, err := js.CreateConsumer(context.Background(), stream, jetstream.ConsumerConfig{AckPolicy: jetstream.AckNonePolicy, MemoryStorage: true})
	if err != nil {
		b.Fatal(err)
	}
	name := consumer.CachedInfo().Name
	inbox := nats.NewInbox()
	ch := make(chan *nats.Msg, batch*(window+1))
	sub, err := nc.ChanSubscribe(inbox, ch)
	if err != nil {
		b.Fatal(err)
	}
	request, err := json.Marshal(map[string]any{"batch": batch, "expires": 30_000_000_000})
	if err != nil {
		b.Fatal(err)
	}
	next := fmt.Sprintf("$JS.API.CONSUMER.MSG.NEXT.%s.%s", stream, name)
	for range window {
		if err := nc.PublishRequest(next, inbox, request); err != nil {
			b.Fatal(err)
		}
	}
	bytes := 0
	for got, inBatch := 0, 0; got < messages; {
		m := <-ch
		if len(m.Data) == 0 {
			continue // a status
		}
		bytes += len(m.Subject)
		got++
		if inBatch++; inBatch == batch {
			inBatch = 0
			if err := nc.PublishRequest(next, inbox, request); err != nil {
				b.Fatal(err)
			}
		}
	}
	if bytes == 0 {
		b.Fatal("nothing was read")
	}
	if err := sub.Unsubscribe(); err != nil {
		b.Fatal(err)
	}
	if err := js.DeleteConsumer(context.Background(), stream, name); err != nil {
		b.Fatal(err)
	}
}
