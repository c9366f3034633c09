package embedded

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"strconv"
	"sync"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	"github.com/calmstream/calmstream/pipeline/embedded/internal/disk"
)

// syncInterval is how often written data is flushed to the disk. The server's own default of two minutes
// is made for clusters, where the other replicas have the data; a single node has only the disk.
const syncInterval = time.Second

// Config says where and how the server runs.
type Config struct {
	// Dir is the directory of the server's files. It is created, readable by its owner only, if it does
	// not exist. It must not be empty, and only one server at a time can use it.
	Dir string
	// Listen is the address for other processes, as host:port; port 0 takes any free one. If it is
	// empty the server opens no port and only Conn reaches it.
	Listen string
	// SyncAlways flushes every message to the disk before it is acknowledged, so that an
	// acknowledgement survives a power cut. Publishing becomes slower by a factor of ten or more. If it is
	// false the last second of acknowledged messages can be lost to a power cut, but nothing to a crash
	// of the process.
	SyncAlways bool
	// Logger takes what the server says: its notices at level Debug, its warnings and errors at their
	// own level. Nil discards them.
	Logger *slog.Logger

	_ struct{}
}

// Server is a running NATS server. Its methods may be called from any goroutine.
type Server struct {
	nats  *server.Server
	dir   string
	lock  *dirLock
	close sync.Once
}

// Start locks the directory and starts a server on it. It returns when the stored streams are recovered and
// the server takes connections; the time grows with what is stored.
//
// The recovery itself cannot be interrupted: ctx is looked at before and after. Once Start has
// returned, ctx has no effect on the server.
//
// It fails with ErrLocked or ErrDiskFull, or when the directory cannot be written, or when the address
// is taken. A failed Start leaves nothing running and nothing locked.
func Start(ctx context.Context, cfg Config) (*Server, error) {
	return start(ctx, cfg, disk.Free)
}

// start is Start with the disk's free space supplied by the caller.
func start(ctx context.Context, cfg Config, free freeFunc) (*Server, error) {
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("embedded: not started on %q: %w", cfg.Dir, err)
	}
	opts, err := options(cfg)
	if err != nil {
		return nil, err
	}
	if err := prepareDir(cfg.Dir); err != nil {
		return nil, err
	}
	lock, err := lockDir(cfg.Dir)
	if err != nil {
		return nil, err
	}
	s, err := run(ctx, cfg, opts, lock, free)
	if err != nil {
		lock.release()
		return nil, err
	}
	return s, nil
}

// run starts the server on a directory that is locked.
func run(ctx context.Context, cfg Config, opts *server.Options, lock *dirLock, free freeFunc) (*Server, error) {
	if err := checkFree(cfg.Dir, free); err != nil {
		return nil, err
	}
	srv, err := server.NewServer(opts)
	if err != nil {
		return nil, fmt.Errorf("embedded: the NATS server on %q refused its options: %w", cfg.Dir, err)
	}
	log := newLog(cfg.Logger)
	srv.SetLoggerV2(log, false, false, false)

	// Start returns when the server is ready, or after a call of Fatalf when it cannot be.
	srv.Start()
	err = log.fatal()
	if err == nil {
		err = ctx.Err()
	}
	if err != nil {
		srv.Shutdown()
		srv.WaitForShutdown()
		return nil, fmt.Errorf("embedded: the NATS server on %q did not start: %w", cfg.Dir, err)
	}
	return &Server{nats: srv, dir: cfg.Dir, lock: lock}, nil
}

// options translates Config. What is not set here is the default of nats-server: among others 1 MiB for a
// message, and for the store three quarters of the disk space that is free or already the store's own.
func options(cfg Config) (*server.Options, error) {
	if cfg.Dir == "" {
		return nil, fmt.Errorf("embedded: Config.Dir is empty; name a directory that this process may write to")
	}
	opts := &server.Options{
		ServerName:   "calmstream",
		JetStream:    true,
		StoreDir:     cfg.Dir,
		SyncInterval: syncInterval,
		SyncAlways:   cfg.SyncAlways,
		NoSigs:       true,
		NoLog:        true, // the server writes no log of its own; ours is set before it starts
		DontListen:   cfg.Listen == "",
	}
	if opts.DontListen {
		return opts, nil
	}
	host, portText, err := net.SplitHostPort(cfg.Listen)
	if err != nil {
		return nil, fmt.Errorf("embedded: Config.Listen is %q, but must be host:port, for example 127.0.0.1:4222: %w", cfg.Listen, err)
	}
	port, err := strconv.ParseUint(portText, 10, 16)
	if err != nil {
		return nil, fmt.Errorf("embedded: the port in Config.Listen %q must be a number from 0 to 65535", cfg.Listen)
	}
	opts.Host, opts.Port = host, int(port)
	if port == 0 {
		opts.Port = server.RANDOM_PORT
	}
	return opts, nil
}

// Conn opens a connection to the server within the process: no port, no network. The caller closes it, before Close.
//
// It returns ErrClosed after Close.
func (s *Server) Conn(opts ...nats.Option) (*nats.Conn, error) {
	if !s.nats.Running() {
		return nil, ErrClosed
	}
	all := append([]nats.Option{nats.InProcessServer(s.nats)}, opts...)
	nc, err := nats.Connect("", all...)
	if err != nil {
		return nil, fmt.Errorf("embedded: cannot connect to the server on %q: %w", s.dir, err)
	}
	return nc, nil
}

// URL is the address for other processes, or "" if Config.Listen was empty. A server that listens on all
// interfaces names the loopback one.
func (s *Server) URL() string {
	addr, ok := s.nats.Addr().(*net.TCPAddr)
	if !ok {
		return ""
	}
	host := addr.IP.String()
	if addr.IP.IsUnspecified() {
		host = "127.0.0.1"
	}
	return "nats://" + net.JoinHostPort(host, strconv.Itoa(addr.Port))
}

// Close stops the server, waits until its files are written and its goroutines have ended, and frees the
// directory. Open connections are cut. A second call waits for the first and does nothing more.
func (s *Server) Close() {
	s.close.Do(func() {
		s.nats.Shutdown()
		s.nats.WaitForShutdown()
		s.lock.release()
	})
}
