package natstest

import (
	"fmt"
	"net"
	"net/url"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// Cluster is several servers that replicate streams to each other.
type Cluster struct {
	Servers []*Server
}

// RunCluster starts a cluster of size servers and returns when it has a leader that knows them all.
func RunCluster(t testing.TB, size int) *Cluster {
	t.Helper()
	ports, routes := routePorts(t, size)
	c := &Cluster{}
	for i, port := range ports {
		o := options(t)
		o.ServerName = fmt.Sprintf("natstest-%d", i)
		o.Cluster = server.ClusterOpts{Name: "natstest", Host: "127.0.0.1", Port: port, PoolSize: -1}
		o.Routes = routes
		s := &Server{options: o}
		s.start(t)
		t.Cleanup(s.Shutdown)
		s.options.Port = s.running.Addr().(*net.TCPAddr).Port
		c.Servers = append(c.Servers, s)
	}
	Eventually(t, "the cluster has a leader and all its peers", func() bool { return c.formed(size) })
	return c
}

// routePorts finds free ports for the routes. All are held until all are known, so that they differ.
func routePorts(t testing.TB, size int) ([]int, []*url.URL) {
	t.Helper()
	var ports []int
	var routes []*url.URL
	for range size {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatalf("natstest: no free port for a route: %v", err)
		}
		defer l.Close()
		ports = append(ports, l.Addr().(*net.TCPAddr).Port)
		routes = append(routes, &url.URL{Scheme: "nats", Host: l.Addr().String()})
	}
	return ports, routes
}

func (c *Cluster) formed(size int) bool {
	led := false
	for _, s := range c.Servers {
		if !s.running.JetStreamIsCurrent() || s.running.NumRoutes() < size-1 {
			return false
		}
		led = led || s.running.JetStreamIsLeader() && len(s.running.JetStreamClusterPeers()) == size
	}
	return led
}

// Conn connects to the cluster: to the first server while it runs, then to any other.
func (c *Cluster) Conn(t testing.TB, options ...nats.Option) *nats.Conn {
	t.Helper()
	return c.Servers[0].Conn(t, options...)
}

// JetStream is a JetStream context on a connection of its own.
func (c *Cluster) JetStream(t testing.TB) jetstream.JetStream {
	t.Helper()
	return c.Servers[0].JetStream(t)
}

// StreamLeader returns the server that leads the stream; it waits until there is one.
func (c *Cluster) StreamLeader(t testing.TB, stream string) *Server {
	t.Helper()
	return c.first(t, "stream "+stream+" has a leader", func(s *server.Server) bool {
		return s.JetStreamIsStreamLeader(server.DEFAULT_GLOBAL_ACCOUNT, stream)
	})
}

// ConsumerLeader returns the server that leads the consumer; it waits until there is one.
func (c *Cluster) ConsumerLeader(t testing.TB, stream, consumer string) *Server {
	t.Helper()
	return c.first(t, "consumer "+consumer+" has a leader", func(s *server.Server) bool {
		return s.JetStreamIsConsumerLeader(server.DEFAULT_GLOBAL_ACCOUNT, stream, consumer)
	})
}

func (c *Cluster) first(t testing.TB, what string, is func(*server.Server) bool) *Server {
	t.Helper()
	var found *Server
	Eventually(t, what, func() bool {
		for _, s := range c.Servers {
			if s.running.Running() && is(s.running) {
				found = s
				return true
			}
		}
		return false
	})
	return found
}

// StepDown makes the leader of the stream give up and returns when the stream has a leader again.
func (c *Cluster) StepDown(t testing.TB, stream string) {
	t.Helper()
	leader := c.StreamLeader(t, stream)
	if err := leader.running.JetStreamStepdownStream(server.DEFAULT_GLOBAL_ACCOUNT, stream); err != nil {
		t.Fatalf("natstest: the leader of stream %s does not step down: %v", stream, err)
	}
	c.StreamLeader(t, stream)
}

// Eventually waits until the condition holds and ends the test if that takes too long; what names the
// condition in the failure. It is for states that nothing announces; it asks every few milliseconds.
func Eventually(t testing.TB, what string, condition func() bool) {
	t.Helper()
	deadline := time.After(patience)
	again := time.NewTicker(5 * time.Millisecond)
	defer again.Stop()
	for !condition() {
		select {
		case <-again.C:
		case <-deadline:
			t.Fatalf("natstest: after %v it is not so that %s", patience, what)
		}
	}
}
