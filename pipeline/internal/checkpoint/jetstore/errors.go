package jetstore

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// ErrServer is returned by Open when the server cannot keep checkpoints: it is too old, has no
// JetStream, or does not permit what is needed.
var ErrServer = errors.New("jetstore: the server cannot keep checkpoints")

// ErrSettings is returned when the bucket exists but its settings would lose or refuse checkpoints. The error
// names the settings and the command that repairs them.
var ErrSettings = errors.New("jetstore: the bucket is not set up for checkpoints")

// errNotFound is what a leader read returns when there is no such key.
var errNotFound = errors.New("jetstore: no such key")

// Codes of JetStream errors that mean something here; the server's errors.json has them all.
const (
	codeAccountFull       jetstream.ErrorCode = 10002
	codeServerFull        jetstream.ErrorCode = 10023
	codeTooManyStreams    jetstream.ErrorCode = 10027
	codeStorageFull       jetstream.ErrorCode = 10047
	codeStoreFailed       jetstream.ErrorCode = 10077
	codeDuplicateInFlight jetstream.ErrorCode = 10158
	codeAtomicOff         jetstream.ErrorCode = 10174
	codeBatchIncomplete   jetstream.ErrorCode = 10176
	codeBatchTooLarge     jetstream.ErrorCode = 10199
	codeBatchDuplicate    jetstream.ErrorCode = 10201
)

// refused reports whether the server has refused the condition of a message: its key is not at the revision
// that was named, or another message to the key is still under way.
func refused(err error) bool {
	switch codeOf(err) {
	case jetstream.JSErrCodeStreamWrongLastSequence, jetstream.JSErrCodeStreamWrongLastSequenceConstant,
		codeBatchDuplicate, codeDuplicateInFlight:
		return true
	}
	return false
}

// full reports whether the bucket, its account or its server has no room. Whoever sees to that can do so while the pipeline waits.
func full(err error) bool {
	var api *jetstream.APIError
	if !errors.As(err, &api) {
		return false
	}
	switch api.ErrorCode {
	case codeAccountFull, codeServerFull, codeStorageFull:
		return true
	}
	return api.ErrorCode == codeStoreFailed && strings.HasPrefix(api.Description, "maximum ")
}

// passing reports whether trying again may help: the answer was lost, or the server has no leader or no room just now.
func passing(err error) bool {
	var api *jetstream.APIError
	if errors.As(err, &api) {
		if full(err) {
			return true
		}
		switch api.ErrorCode {
		case codeBatchIncomplete:
			return true
		case codeStoreFailed, jetstream.JSErrCodeJetStreamNotEnabled, jetstream.JSErrCodeJetStreamNotEnabledForAccount:
			return false
		}
		return api.Code == 429 || api.Code == 503
	}
	for _, lost := range []error{
		context.DeadlineExceeded, nats.ErrTimeout, nats.ErrNoResponders, nats.ErrDisconnected,
		nats.ErrConnectionReconnecting, nats.ErrReconnectBufExceeded, io.EOF, io.ErrClosedPipe,
	} {
		if errors.Is(err, lost) {
			return true
		}
	}
	var network net.Error // a write to a connection that has just broken
	return errors.As(err, &network)
}

func codeOf(err error) jetstream.ErrorCode {
	var api *jetstream.APIError
	if errors.As(err, &api) {
		return api.ErrorCode
	}
	return 0
}

// denied turns the silence after a message that the server did not permit into the reason: the server does not
// answer such a message, and the client only notes what it was told.
func (s *Store) denied(subject string, err error) error {
	if err == nil || codeOf(err) != 0 {
		return err
	}
	last := s.conn.LastError()
	if !errors.Is(last, nats.ErrPermissionViolation) || !strings.Contains(strings.ToLower(last.Error()), strings.ToLower(`"`+subject+`"`)) {
		return err
	}
	return fmt.Errorf("%w: it does not permit this user to publish to %q; grant it (%w)", ErrServer, subject, last)
}
