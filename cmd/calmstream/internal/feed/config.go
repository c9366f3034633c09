package feed

import (
	"cmp"
	"fmt"
	"log/slog"
	"strings"
	"time"
)

// Config says what to feed where.
type Config struct {
	// Stream is the name of the source stream. It is made if there is none.
	Stream string
	// Subject comes before the number of the partition in the subjects of the stream. It may have several tokens.
	Subject string
	// Shards is the number of partitions, at least 1.
	Shards int
	// Inputs are read in this order. None at all is an empty input.
	Inputs []Input
	// Replicas of the stream, where it is made; 0 means 1.
	Replicas int
	// Patience is how long Feed tries when the server does not take the next message; 0 means 30 seconds. Time spent
	// waiting for an input does not count.
	Patience time.Duration
	// Progress, if there is one, is called after each message that was read or stored, by the goroutine of Feed.
	Progress func(Progress)
	// Logger takes what is not an error: retries. nil discards it.
	Logger *slog.Logger
}

// Progress says how far a Feed has come.
type Progress struct {
	// Bytes and Chunks count the input that has been read. It may be one chunk ahead of what has been stored.
	Bytes  int64
	Chunks uint64
	// Stored is the number of messages in the stream, end markers included. While a Feed that was started again
	// reads up to where it was, Chunks catches up with it.
	Stored uint64
}

// Result says what the stream holds when Feed has returned without an error: all of the input.
type Result struct {
	// Chunks is the number of chunks and Bytes the sum of their lengths: the size of the input.
	Chunks uint64
	Bytes  int64
	// Skipped is the number of chunks that this call did not store but found stored: by an earlier call, by
	// another process, or by itself, with the acknowledgement lost.
	Skipped uint64
	// Digest is that of the last end marker, in hex. It stands for the whole stream.
	Digest string
}

// withDefaults returns the Config with what was left out.
func (c Config) withDefaults() Config {
	c.Replicas = cmp.Or(c.Replicas, 1)
	c.Patience = cmp.Or(c.Patience, 30*time.Second)
	if c.Progress == nil {
		c.Progress = func(Progress) {}
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	return c
}

// answerWait is how long one request to the server may take.
func (c Config) answerWait() time.Duration { return min(5*time.Second, c.Patience) }

func (c Config) validate() error {
	switch {
	case c.Stream == "" || strings.ContainsAny(c.Stream, ".*> \t\r\n/\\"):
		return fmt.Errorf("%w: %q cannot be the name of a stream", ErrConfig, c.Stream)
	case strings.ContainsAny(c.Subject, "*> \t\r\n") || strings.Contains("."+c.Subject+".", ".."):
		return fmt.Errorf("%w: %q cannot be the beginning of a subject", ErrConfig, c.Subject)
	case c.Shards < 1:
		return fmt.Errorf("%w: %d shards; at least 1 is needed", ErrConfig, c.Shards)
	case c.Replicas < 0 || c.Patience < 0:
		return fmt.Errorf("%w: %d replicas and a patience of %v must not be negative", ErrConfig, c.Replicas, c.Patience)
	}
	for i, input := range c.Inputs {
		if input.Open == nil {
			return fmt.Errorf("%w: input %d, %q, has no Open", ErrConfig, i, input.Name)
		}
	}
	return nil
}
