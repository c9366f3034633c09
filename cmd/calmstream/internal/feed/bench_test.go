package feed_test

import (
	"fmt"
	"testing"

	"github.com/calmstream/calmstream/cmd/calmstream/internal/feed"
	"github.com/calmstream/calmstream/internal/natstest"
)

// BenchmarkFeed stores text over the loopback; BenchmarkFeedAgain compares what is stored.
func BenchmarkFeed(b *testing.B) {
	server := natstest.Run(b)
	conn := server.Conn(b)
	text := prose(1, 32<<20)
	b.SetBytes(int64(len(text)))
	for i := 0; b.Loop(); i++ {
		config := feed.Config{Stream: fmt.Sprintf("W%d", i), Subject: fmt.Sprintf("w.%d", i), Shards: 4, Inputs: texts(text)}
		if _, err := feed.Feed(b.Context(), conn, config); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkFeedAgain(b *testing.B) {
	conn := natstest.Run(b).Conn(b)
	text := prose(1, 32<<20)
	config := feed.Config{Stream: "W", Subject: "w", Shards: 4, Inputs: texts(text)}
	if _, err := feed.Feed(b.Context(), conn, config); err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		if _, err := feed.Feed(b.Context(), conn, config); err != nil {
			b.Fatal(err)
		}
	}
}
