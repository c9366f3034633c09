package producer_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"time"

	"github.com/calmstream/calmstream/pipeline/embedded"
	"github.com/calmstream/calmstream/pipeline/producer"
	"github.com/nats-io/nats.go/jetstream"
)

// A shop publishes its sales and promises, each hour, that they are complete.
func ExampleProducer() {
	ctx := context.Background()
	dir, err := os.MkdirTemp("", "example")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	server, err := embedded.Start(ctx, embedded.Config{Dir: dir})
	if err != nil {
		log.Fatal(err)
	}
	defer server.Close()
	nc, err := server.Conn()
	if err != nil {
		log.Fatal(err)
	}
	js, err := jetstream.New(nc)
	if err != nil {
		log.Fatal(err)
	}
	if _, err = js.CreateStream(ctx, jetstream.StreamConfig{Name: "SALES", Subjects: []string{"sales.*"}}); err != nil {
		log.Fatal(err)
	}

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
