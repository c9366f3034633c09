package sinks

import (
	"errors"
	"fmt"
)

// Errors that Writer.Write returns, to be tested with errors.Is.
var (
	// ErrPermanent is wrapped by every error that writing the same records again cannot mend. The
	// engine does not try again: it stops the shard.
	ErrPermanent = errors.New("sinks: writing again cannot help")
	// ErrConflict is wrapped, together with ErrPermanent, when the destination already holds another
	// result under the same identity. A ConflictError carries the details.
	ErrConflict = errors.New("sinks: another result claims the same identity")
)

// ConflictError is returned when a create-once destination already holds a result under the same
// path, and it is not the same result. Nothing was changed at the destination.
type ConflictError struct {
	// Subject is where both results belong.
	Subject string
	// ID and Digest belong to the result that was refused.
	ID, Digest string
	// StoredID and StoredDigest are the headers of the message that stands there; both are empty if
	// it was not written by a sink of this package.
	StoredID, StoredDigest string
}

// Error names the subject, both identities and both digests, and says what the conflict means.
func (e *ConflictError) Error() string {
	switch {
	case e.StoredID == "" && e.StoredDigest == "":
		return fmt.Sprintf("sinks: %q holds a message that is not a result (no %s header), so result %q (digest %s) was not written: "+
			"let nothing else publish there, or remove the message", e.Subject, IDHeader, e.ID, e.Digest)
	case e.ID == e.StoredID && e.Digest == e.StoredDigest:
		return fmt.Sprintf("sinks: %q holds result %q with digest %s in its header but with another payload: "+
			"the stored message was altered or damaged", e.Subject, e.ID, e.Digest)
	default:
		return fmt.Sprintf("sinks: two different results claim the same identity %q: stored is %q (digest %s), refused was %q (digest %s): "+
			"the pipeline is not deterministic, two versions of it share an epoch, or two Writes share a destination: give each one of its own",
			e.Subject, e.StoredID, e.StoredDigest, e.ID, e.Digest)
	}
}

// Unwrap makes errors.Is find ErrPermanent and ErrConflict.
func (e *ConflictError) Unwrap() []error { return []error{ErrPermanent, ErrConflict} }

// permanentError wraps ErrPermanent, and the cause if there is one, without adding to the text.
type permanentError struct {
	text  string
	cause error
}

func (e *permanentError) Error() string { return e.text }

func (e *permanentError) Unwrap() []error {
	if e.cause == nil {
		return []error{ErrPermanent}
	}
	return []error{ErrPermanent, e.cause}
}

// permanent returns an error with the given text that wraps ErrPermanent.
func permanent(format string, args ...any) error {
	return &permanentError{text: fmt.Sprintf(format, args...)}
}
