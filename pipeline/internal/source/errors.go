package source

import (
	"errors"
	"fmt"
	"time"
)

// A reader that meets one of these has proof that it cannot go on as if nothing had happened.
var (
	// ErrStreamMissing is returned when the stream does not exist; the error is a *MissingError.
	ErrStreamMissing = errors.New("source: the stream does not exist")
	// ErrRecreated is returned when the stream is another one of the same name; the error is a *RecreatedError.
	ErrRecreated = errors.New("source: the stream was deleted and made again")
	// ErrGap is returned when messages that were not read are gone; the error is a *GapError.
	ErrGap = errors.New("source: messages were removed before they were read")
	// ErrRewound is returned when messages that were read are no longer in the stream's history; the error is a *RewoundError.
	ErrRewound = errors.New("source: the stream went back behind what was read")
	// ErrRefused is returned when the stream or the configuration does not allow an ordered read; the error is a *RefusedError.
	ErrRefused = errors.New("source: the stream cannot be read in order")
)

// These say nothing about the stream.
var (
	// ErrUnavailable is returned when the server gave no usable answer: nothing was proven, and trying again later is right.
	ErrUnavailable = errors.New("source: no answer from JetStream")
	// ErrClosed is returned when the reader or its connection was closed.
	ErrClosed = errors.New("source: closed")
)

// MissingError says that the stream does not exist.
type MissingError struct {
	Stream string
}

func (e *MissingError) Error() string {
	return fmt.Sprintf("source: stream %q does not exist; create it, or point the pipeline at the stream that holds the input", e.Stream)
}

// Unwrap returns ErrStreamMissing.
func (e *MissingError) Unwrap() error { return ErrStreamMissing }

// RecreatedError says that the stream was made at another time than the one that was read before.
type RecreatedError struct {
	Stream string
	// Expected is when the stream that was read had been created, Found when the present one was.
	Expected, Found time.Time
}

func (e *RecreatedError) Error() string {
	return fmt.Sprintf("source: stream %q was created at %s, but what was read so far came from one created at %s; restore that stream, or declare a new Version of the pipeline to begin anew",
		e.Stream, stamp(e.Found), stamp(e.Expected))
}

// Unwrap returns ErrRecreated.
func (e *RecreatedError) Unwrap() error { return ErrRecreated }

// GapError says that the stream sequences From to To, both included, are gone and that the reader cannot know that
// it had read all its messages among them.
type GapError struct {
	Stream   string
	From, To uint64
}

func (e *GapError) Error() string {
	return fmt.Sprintf("source: stream %q no longer holds sequences %d to %d, and they were not read; restore them, or declare a new Version of the pipeline to begin anew; longer retention avoids it",
		e.Stream, e.From, e.To)
}

// Unwrap returns ErrGap.
func (e *GapError) Unwrap() error { return ErrGap }

// RewoundError says that the stream lost its tail after it was read, as happens when a server loses power: sequences
// that were read do not exist, or were given to other messages.
type RewoundError struct {
	Stream string
	// Read is the sequence up to which the stream was read, or that of the message that is now another one.
	Read uint64
	// Last is the last sequence of the stream as it is now.
	Last uint64
	// Expected and Found are the store times of message Read; both are zero if the stream ends before Read.
	Expected, Found time.Time
}

func (e *RewoundError) Error() string {
	what := fmt.Sprintf("was read up to sequence %d but ends at %d", e.Read, e.Last)
	if !e.Found.IsZero() {
		what = fmt.Sprintf("has a message of %s at sequence %d, where one of %s was read", stamp(e.Found), e.Read, stamp(e.Expected))
	}
	return fmt.Sprintf("source: stream %q %s: it lost messages that were acknowledged; restore it, or declare a new Version of the pipeline to begin anew", e.Stream, what)
}

// Unwrap returns ErrRewound.
func (e *RewoundError) Unwrap() error { return ErrRewound }

// RefusedError says why a stream cannot be read and what would change that.
type RefusedError struct {
	Stream string
	Reason string
	Remedy string
}

func (e *RefusedError) Error() string {
	return fmt.Sprintf("source: stream %q cannot be read in order: %s; %s", e.Stream, e.Reason, e.Remedy)
}

// Unwrap returns ErrRefused.
func (e *RefusedError) Unwrap() error { return ErrRefused }

// verdict tells the errors that a second look at the stream would only repeat from those that trying again may cure.
func verdict(err error) bool {
	for _, proof := range []error{ErrStreamMissing, ErrRecreated, ErrGap, ErrRewound, ErrRefused, ErrClosed} {
		if errors.Is(err, proof) {
			return true
		}
	}
	return false
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339Nano) }
