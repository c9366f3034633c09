package pipeline_test

import (
	"context"
	"fmt"
	"io"
	"maps"
	"net"
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/calmstream/calmstream/crdt"
	"github.com/calmstream/calmstream/internal/natstest"
	"github.com/calmstream/calmstream/operators"
	"github.com/calmstream/calmstream/pipeline"
	"github.com/calmstream/calmstream/pipeline/query"
	"github.com/calmstream/calmstream/sinks"
	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// wire carries TCP connections to a server, until it is cut.
type wire struct {
	net.Listener
	to string

	mu    sync.Mutex
	isCut bool
	open  map[net.Conn]bool
}

func newWire(t *testing.T, to string) *wire {
	t.Helper()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	w := &wire{Listener: l, to: to, open: make(map[net.Conn]bool)}
	var all sync.WaitGroup
	t.Cleanup(func() {
		_ = l.Close()
		w.cut(true)
		all.Wait()
	})
	all.Go(func() {
		for {
			from, err := l.Accept()
			if err != nil {
				return
			}
			all.Go(func() { w.carry(from) })
		}
	})
	return w
}

// carry copies both ways until one of them ends.
func (w *wire) carry(from net.Conn) {
	to, err := new(net.Dialer).DialContext(context.Background(), "tcp", w.to)
	if err != nil {
		_ = from.Close()
		return
	}
	if !w.hold(from, to) {
		return
	}
	var both sync.WaitGroup
	for _, way := range [][2]net.Conn{{from, to}, {to, from}} {
		both.Go(func() {
			_, _ = io.Copy(way[0], way[1]) // until it is cut
			_ = from.Close()
			_ = to.Close()
		})
	}
	both.Wait()
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.open, from)
	delete(w.open, to)
}

func (w *wire) hold(conns ...net.Conn) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, c := range conns {
		if w.isCut {
			_ = c.Close()
		} else {
			w.open[c] = true
		}
	}
	return !w.isCut
}

// cut cuts what is open, and refuses what comes until it is mended.
func (w *wire) cut(isCut bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.isCut = isCut
	for c := range w.open {
		_ = c.Close()
	}
}

// site is a pipeline in a domain of its own, which publishes its state.
type site struct {
	*testing.T
	name string
	js   jetstream.JetStream
	conn *nats.Conn
	sent int
}

// counts counts pages, in two shards behind an exchange: the same stages and shards in each site.
func (s *site) counts() *pipeline.Pipeline {
	p := pipeline.New(s.name)
	in := pipeline.Read(p, "clicks", pipeline.Source[string]{Stream: s.name, Subjects: []string{s.name + ".in.0", s.name + ".in.1"}, Decode: pipeline.Text})
	counts := operators.Count("counts", operators.KeyBy(in, "page", func(page string) string { return page }))
	bounds := operators.Bounds(counts, crdt.Whole[crdt.GCounter](), crdt.CountOf(), 1)
	pipeline.Write(p, "state", bounds, sinks.Subject{Name: s.name + ".state", Stream: s.name + "_STATE"}, pipeline.EncodeState)
	return p
}

func (s *site) click(pages map[string]uint64, n int) {
	s.Helper()
	for range n {
		page := fmt.Sprint("p", s.sent%7)
		if _, err := s.js.Publish(s.Context(), fmt.Sprintf("%s.in.%d", s.name, s.sent%2), []byte(page)); err != nil {
			s.Fatal(err)
		}
		s.sent++
		pages[page]++
	}
}

// run runs a pipeline until the test has ended.
func run(t *testing.T, p *pipeline.Pipeline, conn *nats.Conn) {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		ended <- p.Run(ctx, pipeline.Config{Conn: conn, CheckpointEvery: 10 * time.Millisecond, Logger: quiet})
	}()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}

// merged merges the states of both sites, and says how often it knows that each page was clicked on.
func merged(t *testing.T, conn *nats.Conn) (known func() map[string]uint64) {
	t.Helper()
	p := pipeline.New("merged")
	state := pipeline.ReadState[string, crdt.GCounter](p, "pages", "page", pipeline.StateSource{Stream: "BOTH"})
	pipeline.Write(p, "often", operators.Threshold(state, crdt.AtLeast(1<<20)), sinks.Subject{Name: "often", Stream: "OFTEN"}, pipeline.EncodeText)
	shared := operators.Share(state)
	run(t, p, conn)
	var s *query.State[string, crdt.GCounter]
	natstest.Eventually(t, "the merged pipeline has begun", func() bool {
		var err error
		s, err = query.Open(t.Context(), p, shared, query.Config{Conn: conn})
		return err == nil
	})
	return func() map[string]uint64 {
		counts := make(map[string]uint64)
		for i := range 7 {
			page := fmt.Sprint("p", i)
			a, err := query.LowerBound(t.Context(), s, page, crdt.CountOf())
			if err != nil {
				t.Fatal(err)
			}
			value, _ := a.Value()
			counts[page], _ = value.Value()
		}
		return counts
	}
}

func sum(a, b map[string]uint64) map[string]uint64 {
	both := maps.Clone(a)
	for page, n := range b {
		both[page] += n
	}
	return both
}

// Two sites count on while they are apart, and what is known of both is at least what has come through. Once they are together again the merged
// state is that of one pipeline that has counted everything: no click is missing, and none counts twice.
func TestStatesOfTwoDomainsThatWereApart(t *testing.T) {
	t.Parallel()
	port := freePort(t)
	hub := natstest.Run(t, func(o *server.Options) {
		o.ServerName, o.JetStreamDomain = "hub", "north"
		o.LeafNode.Host, o.LeafNode.Port = "127.0.0.1", port
		o.LeafNode.NoAdvertise = true // there is no other way than the wire
	})
	between := newWire(t, fmt.Sprint("127.0.0.1:", port))
	leaf := natstest.Run(t, func(o *server.Options) {
		o.ServerName, o.JetStreamDomain = "leaf", "south"
		o.LeafNode.ReconnectInterval = 50 * time.Millisecond
		o.LeafNode.Remotes = []*server.RemoteLeafOpts{{URLs: []*url.URL{{Scheme: "nats-leaf", Host: between.Addr().String()}}}}
	})
	sites := make([]*site, 2)
	for i, srv := range []*natstest.Server{hub, leaf} {
		s := &site{T: t, name: []string{"north", "south"}[i], js: srv.JetStream(t), conn: srv.Conn(t)}
		if _, err := s.js.CreateStream(t.Context(), jetstream.StreamConfig{Name: s.name, Subjects: []string{s.name + ".in.*"}}); err != nil {
			t.Fatal(err)
		}
		if _, err := s.js.CreateStream(t.Context(), jetstream.StreamConfig{Name: s.name + "_STATE", Subjects: []string{s.name + ".state.>"}}); err != nil {
			t.Fatal(err)
		}
		run(t, s.counts(), s.conn)
		sites[i] = s
	}
	north, south := sites[0], sites[1]
	if _, err := north.js.CreateStream(t.Context(), jetstream.StreamConfig{Name: "BOTH", Sources: []*jetstream.StreamSource{
		{Name: "north_STATE"}, {Name: "south_STATE", Domain: "south"},
	}}); err != nil {
		t.Fatal(err)
	}
	known := merged(t, north.conn)
	inNorth, inSouth := make(map[string]uint64), make(map[string]uint64)
	north.click(inNorth, 40)
	south.click(inSouth, 60)
	natstest.Eventually(t, "both are known", func() bool { return maps.Equal(known(), sum(inNorth, inSouth)) })

	between.cut(true)
	before := maps.Clone(inSouth)
	north.click(inNorth, 30)
	south.click(inSouth, 50)
	natstest.Eventually(t, "north goes on", func() bool { return maps.Equal(known(), sum(inNorth, before)) })
	natstest.Eventually(t, "south goes on", func() bool {
		info, err := south.js.Stream(t.Context(), "south_STATE")
		return err == nil && info.CachedInfo().State.Msgs == uint64(south.sent)
	})
	if now := known(); !maps.Equal(now, sum(inNorth, before)) {
		t.Errorf("apart, %v is known, want %v", now, sum(inNorth, before))
	}

	between.cut(false)
	natstest.Eventually(t, "both are known again", func() bool { return maps.Equal(known(), sum(inNorth, inSouth)) })
}

func freePort(t *testing.T) int {
	t.Helper()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	return l.Addr().(*net.TCPAddr).Port
}
