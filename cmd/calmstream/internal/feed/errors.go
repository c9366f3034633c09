package feed

import (
	"errors"
	"fmt"
)

// Errors of Feed, to be tested with errors.Is. Their text names the stream and what to do.
var (
	// ErrConfig is returned before anything is read when the Config cannot be used.
	ErrConfig = errors.New("feed: bad configuration")
	// ErrDifferentInput is returned when the stream holds something else than this input. Nothing of this input
	// was stored from the first difference on.
	ErrDifferentInput = errors.New("feed: the stream was fed with another input")
	// ErrLayout is returned when the stream exists and is not one that a feed with this Config would have made.
	ErrLayout = errors.New("feed: the stream is not of this feed")
	// ErrNotWhole is returned when messages that had been stored are gone: the stream was trimmed, deleted or made again.
	ErrNotWhole = errors.New("feed: the stream has lost messages")
	// ErrNoAnswer is returned when the server has not taken a message for Config.Patience. Feeding again goes on from there.
	ErrNoAnswer = errors.New("feed: no answer from JetStream")
)

// LongWordError is returned when an input holds a longer run of word characters than a chunk may have.
type LongWordError struct {
	// Input is the name of the input.
	Input string
	// Offset is where the run begins, in bytes from the start of the input.
	Offset int64
	// Limit is the longest run that is taken, in bytes.
	Limit int
}

// Error says where the run begins and that splitting it, or leaving it out, is up to the user.
func (e *LongWordError) Error() string {
	return fmt.Sprintf("feed: input %q holds a word of more than %d bytes at byte offset %d: is it text? Break it up or leave it out",
		e.Input, e.Limit, e.Offset)
}
