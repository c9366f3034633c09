package feed_test

import (
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/calmstream/calmstream/cmd/calmstream/internal/feed"
	"github.com/calmstream/calmstream/internal/natstest"
	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
)

// at returns a Progress that calls do once, when message n has been stored.
func at(n uint64, do func()) func(feed.Progress) {
	done := false
	return func(p feed.Progress) {
		if p.Stored >= n && !done {
			done = true
			do()
		}
	}
}

func TestTheServerIsRestarted(t *testing.T) {
	t.Parallel()
	text := prose(1, 600_000)
	for _, n := range []uint64{1, 5, 11} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			b.config.Progress = at(n, func() { b.server.Restart(t) })
			b.mustFeed(t, texts(text))
			b.wantContent(t, model("words.in", 3, text))
		})
	}
}

// The server goes down while messages are on their way, and not between two of them.
func TestTheServerIsRestartedUnderWay(t *testing.T) {
	t.Parallel()
	b := setup(t)
	text := prose(1, 4_000_000)
	half := make(chan struct{})
	b.config.Progress = at(20, func() { close(half) })
	done := b.start(t, nil, texts(text))
	<-half
	b.server.Restart(t)
	if o := <-done; o.err != nil {
		t.Fatal(o.err)
	}
	b.wantContent(t, model("words.in", 3, text))
}

// viaProxy is a connection that soon connects again when the proxy has cut it.
func viaProxy(t *testing.T, p *proxy) *nats.Conn {
	t.Helper()
	conn, err := nats.Connect(p.url(), nats.MaxReconnects(-1), nats.ReconnectWait(10*time.Millisecond), nats.ReconnectJitter(0, 0))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(conn.Close)
	return conn
}

func TestTheConnectionIsCutAnywhere(t *testing.T) {
	t.Parallel()
	text := prose(1, 400_000)
	for _, cut := range []int64{3000, 65_000, 66_300, 131_072, 200_001, 399_999, 402_000} {
		t.Run(fmt.Sprint(cut), func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			b.conn = viaProxy(t, runProxy(t, b.server.URL(), cut))
			b.mustFeed(t, texts(text))
			b.wantContent(t, model("words.in", 3, text))
			if got := b.conn.Stats().Reconnects; got != 1 {
				t.Errorf("the connection was cut %d times", got)
			}
		})
	}
}

// A message is stored and its acknowledgement is lost: it is found, and not stored again.
func TestAcknowledgementsAreLost(t *testing.T) {
	t.Parallel()
	text := prose(1, 400_000)
	want := model("words.in", 3, text)
	for n := uint64(1); n < uint64(len(want)); n++ {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			p := runProxy(t, b.server.URL(), 1<<40)
			var logged strings.Builder
			b.config.Logger = slog.New(slog.NewTextHandler(&logged, nil))
			muted := make(chan struct{})
			b.config.Progress = at(n, func() {
				p.mute.Store(true)
				close(muted)
			})
			done := b.start(t, viaProxy(t, p), texts(text))
			<-muted
			natstest.Eventually(t, "the next message is stored", func() bool {
				stream, err := b.js.Stream(t.Context(), b.config.Stream)
				return err == nil && stream.CachedInfo().State.LastSeq == n+1
			})
			p.cut()
			o := <-done
			if o.err != nil {
				t.Fatal(o.err)
			}
			b.wantContent(t, want)
			if lost := n < o.result.Chunks; lost != (o.result.Skipped == 1) {
				t.Errorf("%d of %d chunks were found stored", o.result.Skipped, o.result.Chunks)
			}
			if !strings.Contains(logged.String(), nats.ErrDisconnected.Error()) {
				t.Errorf("that the connection was lost is not in the log: %q", logged.String())
			}
		})
	}
}

func TestLeadersStepDown(t *testing.T) {
	t.Parallel()
	cluster := natstest.RunCluster(t, 3)
	b := &bundle{conn: cluster.Conn(t), js: cluster.JetStream(t), config: config()}
	b.config.Replicas = 3
	text := prose(1, 1_000_000)
	b.config.Progress = func(p feed.Progress) {
		if p.Stored%8 == 5 {
			cluster.StepDown(t, b.config.Stream)
		}
	}
	b.mustFeed(t, texts(text))
	b.wantContent(t, model("words.in", 3, text))
	stream, err := b.js.Stream(t.Context(), b.config.Stream)
	if err != nil || stream.CachedInfo().Config.Replicas != 3 {
		t.Errorf("got %+v, %v", stream.CachedInfo().Config, err)
	}
}

func TestPatienceEnds(t *testing.T) {
	t.Parallel()
	b := setup(t)
	text := prose(1, 400_000)
	var logged strings.Builder
	b.config.Patience = 300 * time.Millisecond
	b.config.Logger = slog.New(slog.NewTextHandler(&logged, nil))
	b.config.Progress = at(3, b.server.Shutdown)
	_, err := b.feed(t, texts(text))
	if !errors.Is(err, feed.ErrNoAnswer) || !strings.Contains(err.Error(), "WORDS has not grown for 300ms") {
		t.Fatalf("got error %v", err)
	}
	if !strings.Contains(logged.String(), "feeding is held up") {
		t.Errorf("logged %q", logged.String())
	}
	b.server.Restart(t)
	b.config.Patience = 20 * time.Second
	b.mustFeed(t, texts(text))
	b.wantContent(t, model("words.in", 3, text))
}

func TestServersWithoutJetStream(t *testing.T) {
	t.Parallel()
	plain := natstest.Run(t, func(o *server.Options) { o.JetStream = false })
	config := config()
	config.Patience = 100 * time.Millisecond
	if _, err := feed.Feed(t.Context(), plain.Conn(t), config); !errors.Is(err, feed.ErrNoAnswer) || !errors.Is(err, nats.ErrNoResponders) {
		t.Errorf("got error %v", err)
	}
}

func TestClosedConnections(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.config.Progress = at(2, b.conn.Close)
	if _, err := b.feed(t, texts(prose(1, 400_000))); !errors.Is(err, nats.ErrConnectionClosed) {
		t.Errorf("got error %v", err)
	}
	if _, err := b.feed(t, nil); !errors.Is(err, nats.ErrConnectionClosed) {
		t.Errorf("got error %v", err)
	}
}
