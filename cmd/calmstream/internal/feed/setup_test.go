package feed_test

import (
	"context"
	"reflect"
	"testing"
	"time"

	"github.com/calmstream/calmstream/cmd/calmstream/internal/feed"
	"github.com/calmstream/calmstream/internal/natstest"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// bundle is a server and a feed into it. Tests change config.
type bundle struct {
	server *natstest.Server
	conn   *nats.Conn
	js     jetstream.JetStream
	config feed.Config
}

func setup(t *testing.T) *bundle {
	t.Helper()
	server := natstest.Run(t)
	return &bundle{server: server, conn: server.Conn(t), js: server.JetStream(t), config: config()}
}

func config() feed.Config {
	return feed.Config{Stream: "WORDS", Subject: "words.in", Shards: 3, Patience: 20 * time.Second}
}

// feed feeds the texts on the connection of the bundle.
func (b *bundle) feed(t *testing.T, texts []feed.Input) (feed.Result, error) {
	t.Helper()
	config := b.config
	config.Inputs = texts
	return feed.Feed(t.Context(), b.conn, config)
}

// outcome is how a feed ended.
type outcome struct {
	result feed.Result
	err    error
}

// start feeds the texts on a connection of its own, if none is given, at the same time as the rest of the test.
func (b *bundle) start(t *testing.T, conn *nats.Conn, inputs []feed.Input) <-chan outcome {
	t.Helper()
	if conn == nil {
		conn = b.server.Conn(t)
	}
	config := b.config
	config.Inputs = inputs
	done := make(chan outcome, 1)
	go func() {
		result, err := feed.Feed(t.Context(), conn, config)
		done <- outcome{result, err}
	}()
	return done
}

// mustFeed is feed for an input that has to be taken.
func (b *bundle) mustFeed(t *testing.T, texts []feed.Input) feed.Result {
	t.Helper()
	result, err := b.feed(t, texts)
	if err != nil {
		t.Fatalf("feeding failed: %v", err)
	}
	return result
}

// feedUntil feeds until n messages are stored and then ends the context, as a process that is told to stop would.
func (b *bundle) feedUntil(t *testing.T, n uint64, inputs []feed.Input) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	config := b.config
	config.Inputs = inputs
	config.Progress = func(p feed.Progress) {
		if p.Stored >= n {
			cancel()
		}
	}
	if _, err := feed.Feed(ctx, b.conn, config); err != nil && ctx.Err() == nil {
		t.Fatalf("feeding until message %d failed: %v", n, err)
	}
	if got := len(b.content(t)); uint64(got) != n {
		t.Fatalf("feeding was stopped at message %d, and the stream holds %d", n, got)
	}
}

// content is everything that the stream holds, in order, with sequences from 1 and without gaps.
func (b *bundle) content(t *testing.T) []stored {
	t.Helper()
	return content(t, b.js, b.config.Stream)
}

func content(t *testing.T, js jetstream.JetStream, name string) []stored {
	t.Helper()
	stream, err := js.Stream(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	var messages []stored
	for seq := uint64(1); seq <= stream.CachedInfo().State.LastSeq; seq++ {
		m, err := stream.GetMsg(t.Context(), seq)
		if err != nil {
			t.Fatalf("message %d: %v", seq, err)
		}
		messages = append(messages, stored{
			Subject: m.Subject, Digest: m.Header.Get("Calm-Digest"),
			Seal: m.Header.Get("Calm-Seal"), Count: m.Header.Get("Calm-Count"), Data: m.Data,
		})
	}
	return messages
}

// wantContent fails unless the stream is exactly the model.
func (b *bundle) wantContent(t *testing.T, want []stored) {
	t.Helper()
	sameContent(t, b.content(t), want)
}

func sameContent(t *testing.T, got, want []stored) {
	t.Helper()
	for i := range min(len(got), len(want)) {
		g, w := got[i], want[i] // several tests share what they want
		if len(g.Data) == 0 && len(w.Data) == 0 {
			g.Data, w.Data = nil, nil
		}
		if !reflect.DeepEqual(g, w) {
			t.Fatalf("message %d: got %s %s seal %q count %q, %d bytes; want %s %s seal %q count %q, %d bytes", i+1,
				g.Subject, g.Digest, g.Seal, g.Count, len(g.Data), w.Subject, w.Digest, w.Seal, w.Count, len(w.Data))
		}
	}
	if len(got) != len(want) {
		t.Fatalf("the stream holds %d messages, want %d", len(got), len(want))
	}
}
