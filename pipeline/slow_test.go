package pipeline_test

import (
	"context"
	"fmt"
	"net"
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/calmstream/calmstream/internal/natstest"
	"github.com/calmstream/calmstream/pipeline"
	"github.com/nats-io/nats.go"
)

// slowness stands before a server and lets everything through late, in either direction.
type slowness struct {
	listener net.Listener
	target   string
	delay    time.Duration
	running  sync.WaitGroup

	mu    sync.Mutex
	conns []net.Conn
}

func newSlowness(t *testing.T, target string, delay time.Duration) *slowness {
	t.Helper()
	address, err := url.Parse(target)
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &slowness{listener: listener, target: address.Host, delay: delay}
	s.running.Go(s.accept)
	t.Cleanup(func() {
		_ = listener.Close()
		s.cut()
		s.running.Wait()
	})
	return s
}

func (s *slowness) accept() {
	for {
		client, err := s.listener.Accept()
		if err != nil {
			return
		}
		server, err := net.Dial("tcp", s.target)
		if err != nil {
			_ = client.Close()
			continue
		}
		s.mu.Lock()
		s.conns = append(s.conns, client, server)
		s.mu.Unlock()
		s.forward(server, client)
		s.forward(client, server)
	}
}

// cut breaks all connections that there are: what was on its way is lost.
func (s *slowness) cut() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.conns {
		_ = c.Close()
	}
	s.conns = nil
}

// late is what was read, and when it may go on.
type late struct {
	data []byte
	at   time.Time
}

func (s *slowness) forward(to, from net.Conn) {
	way := make(chan late, 4096)
	s.running.Go(func() {
		defer close(way)
		for {
			buf := make([]byte, 16<<10)
			n, err := from.Read(buf)
			if err != nil {
				return
			}
			way <- late{buf[:n], time.Now().Add(s.delay)}
		}
	})
	s.running.Go(func() {
		defer to.Close()
		for l := range way {
			<-time.After(time.Until(l.at))
			if _, err := to.Write(l.data); err != nil {
				_ = from.Close()
			}
		}
	})
}

// A server that is slow, and not away, makes a pipeline slow and nothing else: every answer comes late, a second owner does the same work, and
// connections break with what is on its way. Each result is there once, whatever kind of destination it has, and a view never goes back.
func TestSlowServer(t *testing.T) {
	t.Parallel()
	srv := natstest.Run(t)
	js := srv.JetStream(t)
	slow := newSlowness(t, srv.URL(), 10*time.Millisecond)
	const words, last = 5, 40
	boxes := newBoxedWorld(t, js, "slow", 2)
	in := newInput(t, js, "slowly", 1)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	var owners sync.WaitGroup
	for range 2 {
		for _, p := range []*pipeline.Pipeline{boxed("slow", 2), viewed("slowly", 1)} {
			conn, err := nats.Connect("nats://"+slow.listener.Addr().String(), nats.MaxReconnects(-1), nats.ReconnectWait(20*time.Millisecond))
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(conn.Close)
			owners.Go(func() {
				if err := p.Run(ctx, pipeline.Config{Conn: conn, Standbys: 1, CheckpointEvery: 50 * time.Millisecond, Logger: quiet}); err != nil || ctx.Err() != nil {
					t.Errorf("%v, %v", err, ctx.Err())
				}
			})
		}
	}
	natstest.Eventually(t, "the view is made", func() bool { _, err := js.KeyValue(ctx, "slowly_view"); return err == nil })
	kv, err := js.KeyValue(ctx, "slowly_view")
	if err != nil {
		t.Fatal(err)
	}
	watch, err := kv.WatchAll(ctx)
	if err != nil {
		t.Fatal(err)
	}
	for round := range 4 {
		boxes.feed(40)
		for i := range words * last / 4 {
			in.put(t, 0, fmt.Sprint("w", i%words))
		}
		if round == 1 || round == 2 {
			natstest.Eventually(t, "some results have come", holds(t, js, "slow_BOTH", uint64(20*round)))
			slow.cut()
		}
	}
	boxes.in.end(t)
	in.end(t)
	sawGrow(t, watch, words, last)
	owners.Wait()
	boxes.check()
	if got := len(stored(t, js, "slowly_EACH")); got != words*last/10 {
		t.Errorf("%d bounds are stored, want %d", got, words*last/10)
	}
}
