package natstest

import (
	"net"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// patience bounds every wait for a server: only a test that is about to fail waits so long.
const patience = 20 * time.Second

// Server is one nats-server with JetStream on files.
type Server struct {
	options *server.Options
	running *server.Server

	mu    sync.Mutex
	conns []*nats.Conn // those of Conn
}

// Run starts a server and stops it at the end of the test. Each configure may change the options before the start.
func Run(t testing.TB, configure ...func(*server.Options)) *Server {
	t.Helper()
	s := &Server{options: options(t)}
	for _, change := range configure {
		change(s.options)
	}
	s.start(t)
	t.Cleanup(s.Shutdown)
	s.options.Port = s.running.Addr().(*net.TCPAddr).Port
	return s
}

// options describes a server of its own directory and port that no signal or log line of which reaches the test.
func options(t testing.TB) *server.Options {
	t.Helper()
	return &server.Options{
		ServerName:   "natstest",
		Host:         "127.0.0.1",
		Port:         server.RANDOM_PORT,
		JetStream:    true,
		StoreDir:     dir(t),
		SyncInterval: time.Second,
		NoSigs:       true,
		NoLog:        true,
	}
}

func (s *Server) start(t testing.TB) {
	t.Helper()
	running, err := server.NewServer(s.options.Clone())
	if err != nil {
		t.Fatalf("natstest: cannot make a server: %v", err)
	}
	s.running = running
	running.Start()
	if !running.ReadyForConnections(patience) {
		s.Shutdown()
		t.Fatalf("natstest: the server does not accept connections after %v", patience)
	}
}

// URL is the address of the server. It stays the same over Restart.
func (s *Server) URL() string { return s.running.ClientURL() }

// Dir is the directory of the server's files.
func (s *Server) Dir() string { return s.options.StoreDir }

// Conn connects to the server and closes the connection at the end of the test. The connection
// reconnects for ever and soon, so that it survives Restart. Options are added to that.
func (s *Server) Conn(t testing.TB, options ...nats.Option) *nats.Conn {
	t.Helper()
	base := []nats.Option{nats.MaxReconnects(-1), nats.ReconnectWait(50 * time.Millisecond), nats.ReconnectJitter(0, 0)}
	conn, err := nats.Connect(s.URL(), append(base, options...)...)
	if err != nil {
		t.Fatalf("natstest: cannot connect to %s: %v", s.URL(), err)
	}
	t.Cleanup(conn.Close)
	s.mu.Lock()
	s.conns = append(s.conns, conn)
	s.mu.Unlock()
	return conn
}

// JetStream is a JetStream context on a connection of its own.
func (s *Server) JetStream(t testing.TB) jetstream.JetStream {
	t.Helper()
	js, err := jetstream.New(s.Conn(t))
	if err != nil {
		t.Fatalf("natstest: %v", err)
	}
	return js
}

// Shutdown stops the server and waits until its files are closed. Stopping twice is harmless.
func (s *Server) Shutdown() {
	s.running.Shutdown()
	s.running.WaitForShutdown()
}

// Restart stops the server, if it runs, and starts it again on the same directory and port. It returns when the
// connections of Conn have reached the new server: what is sent on one that has not yet noticed the end of the old
// one is lost, and whoever sent it waits in vain for the answer.
func (s *Server) Restart(t testing.TB) {
	t.Helper()
	s.Shutdown()
	s.start(t)
	s.mu.Lock()
	conns := slices.Clone(s.conns)
	s.mu.Unlock()
	id := s.running.ID()
	Eventually(t, "the connections have reached the new server", func() bool {
		return !slices.ContainsFunc(conns, func(c *nats.Conn) bool { return !c.IsClosed() && c.ConnectedServerId() != id })
	})
}
