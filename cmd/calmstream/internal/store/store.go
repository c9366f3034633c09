package store

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"

	"github.com/calmstream/calmstream/pipeline/embedded"
	"github.com/nats-io/nats.go"
)

// Store is a connection to a server, and the server if it is an embedded one.
type Store struct {
	conn   *nats.Conn
	server *embedded.Server
	dir    string // temporary, to be deleted
	place  string
}

// Open connects to the server of the Config, or starts it. It fails within a few seconds if no server answers, if
// the one that answers has no JetStream, or if the directory cannot be used.
func Open(ctx context.Context, c Config) (*Store, error) {
	if err := c.Check(); err != nil {
		return nil, fmt.Errorf("store: %w", err)
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.URL != "" {
		conn, place, err := connect(ctx, c)
		if err != nil {
			return nil, err
		}
		return &Store{conn: conn, place: place}, nil
	}
	return start(ctx, c)
}

// start runs an embedded server.
func start(ctx context.Context, c Config) (*Store, error) {
	s := &Store{place: "the directory " + c.Dir}
	if c.Dir == "" {
		dir, err := os.MkdirTemp("", "calmstream-*")
		if err != nil {
			return nil, fmt.Errorf("store: no temporary directory can be made: %w; name one with --store", err)
		}
		c.Dir, s.dir, s.place = dir, dir, "a temporary directory"
	}
	var err error
	if s.server, err = embedded.Start(ctx, embedded.Config{Dir: c.Dir, Logger: forServer(c.Logger)}); err == nil {
		s.conn, err = s.server.Conn(events(c.Logger)...)
	}
	switch {
	case err == nil:
		return s, nil
	case s.Temporary():
		err = fmt.Errorf("store: no server can run in a temporary directory: %w; name another one with --store", err)
	default:
		err = fmt.Errorf("store: --store cannot be used: %w", err)
	}
	return nil, errors.Join(err, s.Close())
}

// Conn is the connection. It reconnects for ever.
func (s *Store) Conn() *nats.Conn { return s.conn }

// Worker returns the name under which this process works: one process alone uses a directory, so that whoever comes after it goes on as
// the same worker. On a server of others it is empty, for a name of its own.
func (s *Store) Worker() string {
	if s.server == nil {
		return ""
	}
	return "embedded"
}

// Place names where the data is, for people: a server or a directory.
func (s *Store) Place() string { return s.place }

// Temporary says that everything is deleted by Close.
func (s *Store) Temporary() bool { return s.dir != "" }

// Close ends the connection, and the embedded server. It fails if a temporary directory cannot be deleted.
func (s *Store) Close() error {
	if s.conn != nil {
		s.conn.Close()
	}
	if s.server != nil {
		s.server.Close()
	}
	if s.dir == "" {
		return nil
	}
	if err := os.RemoveAll(s.dir); err != nil {
		return fmt.Errorf("store: the temporary directory stays behind: %w", err)
	}
	return nil
}
