package producer_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"time"

	"github.com/calmstream/calmstream/pipeline/embedded"
	"github.com/calmstream/calmstream/pipeline/producer"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// startStream starts a server in the process, and makes a stream.
func startStream(ctx context.Context, stream jetstream.StreamConfig) (nc *nats.Conn, js jetstream.JetStream, stop func()) {
	dir, err := os.MkdirTemp("", "example")
	if err != nil {
		log.Fatal(err)
	}
	server, err := embedded.Start(ctx, embedded.Config{Dir: dir})
	if err != nil {
		log.Fatal(err)
	}
	if nc, err = server.Conn(); err != nil {
		log.Fatal(err)
	}
	if js, err = jetstream.New(nc); err != nil {
		log.Fatal(err)
	}
	if _, err = js.CreateStream(ctx, stream); err != nil {
		log.Fatal(err)
	}
	return nc, js, func() {
		server.Close()
		_ = os.RemoveAll(dir)
	}
}

// A shop publishes its sales and promises, each hour, that they are complete.
func ExampleProducer() {
	ctx := context.Background()
	nc, js, stop := startStream(ctx, jetstream.StreamConfig{Name: "SALES", Subjects: []string{"sales.*"}})
	defer stop()

	shop, err := producer.Open(ctx, producer.Config{Conn: nc, Name: "north", Stream: "SALES"})
	if err != nil {
		log.Fatal(err)
	}
	for _, fruit := range []string{"apples", "pears"} {
		if err := shop.Publish(ctx, "sales.fruit", []byte(fruit)); err != nil {
			log.Fatal(err)
		}
	}
	if err := shop.Seal(ctx, time.Date(2024, 1, 31, 12, 0, 0, 0, time.UTC)); err != nil {
		log.Fatal(err)
	}

	stream, err := js.Stream(ctx, "SALES")
	if err != nil {
		log.Fatal(err)
	}
	for seq := range uint64(3) {
		m, err := stream.GetMsg(ctx, seq+1)
		if err != nil {
			log.Fatal(err)
		}
		if seal := m.Header.Get("Calm-Seal"); seal != "" {
			fmt.Println(m.Header.Get("Calm-Producer"), "has published", m.Header.Get("Calm-Count"), "records, all before", seal)
			continue
		}
		fmt.Println(m.Header.Get("Calm-Producer"), m.Header.Get("Calm-Sequence"), string(m.Data))
	}
	// Output:
	// north 1 apples
	// north 2 pears
	// north has published 2 records, all before 2024-01-31T12:00:00Z
}

// A shop that does not know whether its last sales arrived sends everything since its last promise again. Of two sales one was there.
func ExampleConfig_replay() {
	ctx := context.Background()
	nc, js, stop := startStream(ctx, jetstream.StreamConfig{Name: "SALES", Subjects: []string{"sales.*"}})
	defer stop()
	var sealed time.Time // of the last promise that is known to have succeeded; there was none yet
	for _, sales := range [][]string{{"apples"}, {"apples", "pears"}} {
		shop, err := producer.Open(ctx, producer.Config{Conn: nc, Name: "north", Stream: "SALES", Replay: true, Sealed: sealed})
		if err != nil {
			log.Fatal(err)
		}
		for _, fruit := range sales {
			if err := shop.Publish(ctx, "sales.fruit", []byte(fruit)); err != nil {
				log.Fatal(err)
			}
		}
		if err := shop.Flush(ctx); err != nil {
			log.Fatal(err)
		}
	}
	stream, err := js.Stream(ctx, "SALES")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(stream.CachedInfo().State.Msgs, "records")
	// Output: 2 records
}

// What Positions says, kept where the stream cannot forget it, lets a producer come back after any time.
func ExampleProducer_Positions() {
	ctx := context.Background()
	nc, js, stop := startStream(ctx, jetstream.StreamConfig{Name: "SALES", Subjects: []string{"sales.*"}})
	defer stop()
	cfg := producer.Config{Conn: nc, Name: "north", Stream: "SALES"}
	shop, err := producer.Open(ctx, cfg)
	if err != nil {
		log.Fatal(err)
	}
	if err := shop.Publish(ctx, "sales.fruit", []byte("apples")); err != nil {
		log.Fatal(err)
	}
	if err := shop.Flush(ctx); err != nil {
		log.Fatal(err)
	}
	if cfg.Known, err = shop.Positions(ctx); err != nil {
		log.Fatal(err)
	}
	stream, err := js.Stream(ctx, "SALES")
	if err != nil {
		log.Fatal(err)
	}
	if err := stream.Purge(ctx); err != nil {
		log.Fatal(err)
	}
	if shop, err = producer.Open(ctx, cfg); err != nil {
		log.Fatal(err)
	}
	at, err := shop.Positions(ctx)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(at[0].Count, "record has been published")
	// Output: 1 record has been published
}
