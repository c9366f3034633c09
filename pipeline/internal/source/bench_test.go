package source_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"runtime"
	"testing"
	"time"

	"github.com/calmstream/calmstream/internal/natstest"
	"github.com/calmstream/calmstream/internal/plan"
	"github.com/calmstream/calmstream/pipeline/internal/source"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// BenchmarkReader reads a stream of 200 000 messages of 128 bytes with the reader and with the least that a client of the server
// can do, in turns, so that both meet the same neighbours. Server and client share the process. An iteration is one whole stream.
func BenchmarkReader(b *testing.B) {
	const messages = 200_000
	server := natstest.Run(b)
	js, conn := server.JetStream(b), server.Conn(b)
	if _, err := js.CreateStream(b.Context(), jetstream.StreamConfig{Name: streamName, Subjects: []string{"log"}}); err != nil {
		b.Fatal(err)
	}
	for range messages {
		if _, err := js.PublishAsync("log", make([]byte, 128)); err != nil {
			b.Fatal(err)
		}
	}
	<-js.PublishAsyncComplete()

	var reader, bare cost
	for b.Loop() {
		bare.measure(func() { readBare(b, js, conn, messages) })
		reader.measure(func() { readAll(b, conn, messages) })
	}
	reader.report(b, "reader", messages)
	bare.report(b, "bare", messages)
	b.ReportMetric(0, "ns/op") // the sum of both means nothing
}

// cost adds up what one way of reading takes.
type cost struct {
	time   time.Duration
	allocs uint64
	runs   int
}

func (c *cost) measure(read func()) {
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	start := time.Now()
	read()
	c.time += time.Since(start)
	runtime.ReadMemStats(&after)
	c.allocs += after.Mallocs - before.Mallocs
	c.runs++
}

func (c *cost) report(b *testing.B, name string, messages int) {
	b.Helper()
	n := float64(c.runs * messages)
	b.ReportMetric(float64(c.time.Nanoseconds())/n, name+"-ns/msg")
	b.ReportMetric(float64(c.allocs)/n, name+"-allocs/msg")
}

func readAll(b *testing.B, conn *nats.Conn, messages uint64) {
	b.Helper()
	r, err := source.Open(b.Context(), source.Config{
		Conn: conn, Stream: streamName, ConsumerName: "bench", Logger: slog.New(slog.NewTextHandler(io.Discard, nil)),
	})
	if err != nil {
		b.Fatal(err)
	}
	var buf []plan.Message
	for r.Position() < messages {
		if buf, err = r.Next(b.Context(), nil, buf); err != nil {
			b.Fatal(err)
		}
	}
	if err := r.Close(); err != nil {
		b.Fatal(err)
	}
}

// readBare counts messages and asks for more when half of what it asked for has come. It looks at nothing.
func readBare(b *testing.B, js jetstream.JetStream, conn *nats.Conn, messages int) {
	b.Helper()
	ctx, cancel := context.WithCancel(b.Context())
	defer cancel()
	consumer, err := js.CreateConsumer(ctx, streamName, jetstream.ConsumerConfig{AckPolicy: jetstream.AckNonePolicy, MemoryStorage: true})
	if err != nil {
		b.Fatal(err)
	}
	const batch = 4096
	inbox, ch := conn.NewInbox(), make(chan *nats.Msg, 4*batch)
	sub, err := conn.ChanSubscribe(inbox, ch)
	if err != nil {
		b.Fatal(err)
	}
	name := consumer.CachedInfo().Name
	ask := func() {
		err = conn.PublishRequest("$JS.API.CONSUMER.MSG.NEXT."+streamName+"."+name, inbox, fmt.Appendf(nil, `{"batch":%d,"expires":30000000000}`, batch))
		if err != nil {
			b.Fatal(err)
		}
	}
	ask()
	for n := 0; n < messages; n++ {
		if n%batch == 0 {
			ask()
		}
		<-ch
	}
	if err := sub.Unsubscribe(); err != nil {
		b.Fatal(err)
	}
	if err := js.DeleteConsumer(ctx, streamName, name); err != nil {
		b.Fatal(err)
	}
}
