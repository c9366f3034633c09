package producer_test

import (
	"context"
	"fmt"
	"log"
	"os"

	"github.com/calmstream/calmstream/pipeline/embedded"
	"github.com/calmstream/calmstream/pipeline/producer"
	"github.com/nats-io/nats.go/jetstream"
)

// A server publishes clicks and promises a campaign when it is over: every shard is told how many clicks the server had there.
func ExampleProducer_SealKey() {
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
	if _, err = js.CreateStream(ctx, jetstream.StreamConfig{Name: "CLICKS", Subjects: []string{"clicks.*"}}); err != nil {
		log.Fatal(err)
	}

	north, err := producer.Open(ctx, producer.Config{Conn: nc, Name: "north", Stream: "CLICKS", Shards: []string{"clicks.red", "clicks.blue"}})
	if err != nil {
		log.Fatal(err)
	}
	if err := north.Publish(ctx, "clicks.red", []byte("cars/red")); err != nil {
		log.Fatal(err)
	}
	if err := north.SealKey(ctx, "campaign", "cars"); err != nil {
		log.Fatal(err)
	}

	stream, err := js.Stream(ctx, "CLICKS")
	if err != nil {
		log.Fatal(err)
	}
	for seq := range uint64(3) {
		m, err := stream.GetMsg(ctx, seq+1)
		if err != nil {
			log.Fatal(err)
		}
		if m.Header.Get("Calm-Seal") == "key" {
			fmt.Printf("%s: %s has published %s records, with all of %s %s\n", m.Subject, m.Header.Get("Calm-Producer"), m.Header.Get("Calm-Count"), m.Header.Get("Calm-Attribute"), m.Data)
			continue
		}
		fmt.Printf("%s: %s %s %s\n", m.Subject, m.Header.Get("Calm-Producer"), m.Header.Get("Calm-Sequence"), m.Data)
	}
	// Output:
	// clicks.red: north 1 cars/red
	// clicks.red: north has published 1 records, with all of campaign cars
	// clicks.blue: north has published 0 records, with all of campaign cars
}
