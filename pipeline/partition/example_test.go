package partition_test

import (
	"context"
	"fmt"
	"log"
	"os"

	"github.com/calmstream/calmstream/pipeline"
	"github.com/calmstream/calmstream/pipeline/embedded"
	"github.com/calmstream/calmstream/pipeline/partition"
	"github.com/nats-io/nats.go/jetstream"
)

// Whoever publishes clicks.<site>.<campaign> need not know of partitions: the server stores each message in the one of its campaign.
func Example() {
	ctx := context.Background()
	dir, err := os.MkdirTemp("", "partition-*")
	if err != nil {
		log.Fatal(err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	server, err := embedded.Start(ctx, embedded.Config{Dir: dir})
	if err != nil {
		log.Fatal(err)
	}
	defer server.Close()
	conn, err := server.Conn()
	if err != nil {
		log.Fatal(err)
	}
	js, err := jetstream.New(conn)
	if err != nil {
		log.Fatal(err)
	}
	layout := partition.Layout{Subject: "clicks.*.*", Tokens: []int{2}, Partitions: 4, Prefix: "parted"}
	stream, err := partition.Create(ctx, js, jetstream.StreamConfig{Name: "CLICKS"}, layout)
	if err != nil {
		log.Fatal(err)
	}
	if _, err := js.Publish(ctx, "clicks.news.shoes", nil); err != nil {
		log.Fatal(err)
	}
	msg, err := stream.GetMsg(ctx, 1)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(msg.Subject, partition.Of(4, "shoes"))

	p := pipeline.New("ads")
	pipeline.Read(p, "clicks", pipeline.Source[string]{Stream: "CLICKS", Subjects: layout.Subjects(), Decode: pipeline.Text})
	// Output: parted.3.news.shoes 3
}
