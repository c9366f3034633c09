package source

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
)

// Config says what to read and from where.
type Config struct {
	// Conn is the connection to read over. The reader does not close it. It should reconnect for ever.
	Conn *nats.Conn
	// Stream is the name of the stream.
	Stream string
	// Filter is the one subject pattern of the messages to read; "" reads all.
	Filter string
	// Incarnation is the creation time of the stream in nanoseconds since 1970 as it was at the first start; 0 if this is
	// the first start, which takes the stream as it is, also if its first messages are gone.
	Incarnation int64
	// After is the stream sequence up to which everything has been applied: reading begins at After+1.
	After uint64
	// LastSeq and LastTime are the stream sequence and the store time (nanoseconds since 1970) of the last message that was
	// applied; 0 if none was. They prove that the stream still holds what was read.
	LastSeq  uint64
	LastTime int64
	// ConsumerName begins the names of the consumers; a unique suffix is appended to it for each.
	ConsumerName string
	// Metadata is attached to the consumers, for people who list them.
	Metadata map[string]string
	// MaxBatch is the largest number of messages that Next returns and that one pull request asks for; 8192 if 0.
	MaxBatch int
	// MaxBytes ends a batch that has reached it, and bounds one pull request; 8 MiB if 0. A message larger than that
	// is read nevertheless. The messages in memory are at most those of two requests and one batch.
	MaxBytes int
	// Heartbeat is how often the server reports while there is nothing to deliver; 250 ms if 0. An idle reader's
	// position moves that often, and the loss of a consumer is noticed after about three.
	Heartbeat time.Duration
	// Timeout bounds each request to the JetStream API; 5 s if 0.
	Timeout time.Duration
	// Logger is told when reading stops and goes on; slog.Default if nil.
	Logger *slog.Logger
}

// withDefaults returns the configuration with all that was left out, or what is wrong with it.
func (c Config) withDefaults() (Config, error) {
	c.MaxBatch = cmp.Or(c.MaxBatch, 8192)
	c.MaxBytes = cmp.Or(c.MaxBytes, 8<<20)
	c.Heartbeat = cmp.Or(c.Heartbeat, 250*time.Millisecond)
	c.Timeout = cmp.Or(c.Timeout, 5*time.Second)
	c.Logger = cmp.Or(c.Logger, slog.Default())
	const reserved = ".*>/\\ \t\r\n"
	switch {
	case c.Conn == nil:
		return c, errors.New("source: Config.Conn is nil; give a connection to the NATS server")
	case c.Stream == "" || strings.ContainsAny(c.Stream, reserved):
		return c, fmt.Errorf("source: Config.Stream %q is not a stream name", c.Stream)
	case c.ConsumerName == "" || strings.ContainsAny(c.ConsumerName, reserved):
		return c, fmt.Errorf("source: Config.ConsumerName %q for stream %q must be letters, digits, - and _", c.ConsumerName, c.Stream)
	case strings.ContainsAny(c.Filter, " \t\r\n"):
		return c, fmt.Errorf("source: Config.Filter %q for stream %q is not a subject", c.Filter, c.Stream)
	case c.MaxBatch < 0 || c.MaxBytes < 0 || c.Timeout < 0:
		return c, fmt.Errorf("source: Config for stream %q has a negative limit", c.Stream)
	case c.Heartbeat < 5*time.Millisecond:
		return c, fmt.Errorf("source: Config.Heartbeat %v for stream %q is too short; the least is 5 ms", c.Heartbeat, c.Stream)
	}
	return c, nil
}
