package feed_test

import (
	"net"
	"net/url"
	"sync"
	"sync/atomic"
	"testing"
)

// proxy stands between a client and a server and breaks their connection.
type proxy struct {
	listener net.Listener
	target   string
	mute     atomic.Bool // what the server says is lost
	left     atomic.Int64
	running  sync.WaitGroup

	mu    sync.Mutex
	pairs map[net.Conn]net.Conn
}

// runProxy starts a proxy that cuts the first connection when the client has sent cut bytes.
func runProxy(t *testing.T, target string, cut int64) *proxy {
	t.Helper()
	address, err := url.Parse(target)
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{listener: listener, target: address.Host, pairs: map[net.Conn]net.Conn{}}
	p.left.Store(cut)
	p.running.Go(p.accept)
	t.Cleanup(func() {
		_ = listener.Close()
		p.cut()
		p.running.Wait()
	})
	return p
}

func (p *proxy) url() string { return "nats://" + p.listener.Addr().String() }

func (p *proxy) accept() {
	for {
		client, err := p.listener.Accept()
		if err != nil {
			return
		}
		server, err := net.Dial("tcp", p.target)
		if err != nil {
			_ = client.Close()
			continue
		}
		p.mu.Lock()
		p.pairs[client] = server
		p.mu.Unlock()
		p.running.Go(func() { forward(server, client, p.count) })
		p.running.Go(func() { forward(client, server, p.silence) })
	}
}

// cut breaks all connections that there are, and lets the server be heard in the next.
func (p *proxy) cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.mute.Store(false)
	for client, server := range p.pairs {
		_ = client.Close()
		_ = server.Close()
	}
	clear(p.pairs)
}

// forward copies what pass lets through, in small pieces, and then closes both sides.
func forward(to, from net.Conn, pass func(n int) int) {
	defer to.Close()
	defer from.Close()
	buf := make([]byte, 4096)
	for {
		n, err := from.Read(buf)
		if n = pass(n); n > 0 {
			if _, err := to.Write(buf[:n]); err != nil {
				return
			}
		}
		if err != nil || n < 0 {
			return
		}
	}
}

// count lets bytes of the client through until the cut; then it cuts, once.
func (p *proxy) count(n int) int {
	left := p.left.Add(-int64(n))
	if left <= 0 && left+int64(n) > 0 {
		return -1
	}
	return n
}

func (p *proxy) silence(n int) int {
	if p.mute.Load() {
		return 0
	}
	return n
}
