package jetstore

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nuid"

	"github.com/calmstream/calmstream/pipeline/internal/checkpoint"
)

// headerCreator carries the mark of one call of CreateOnce: the stored record tells whose it is.
const headerCreator = "Calm-Creator"

// CreateOnce stores value under the run record key unless the record exists, and returns what is stored, which is
// the same for every caller for ever. Created reports that it was this call that stored it. It tries until the outcome is
// known or ctx ends; after an error, calling it again is safe, but created may then be false for a value of our own.
func (s *Store) CreateOnce(ctx context.Context, key string, value []byte) (record []byte, created bool, err error) {
	if err := checkpoint.CheckName("run record", key); err != nil {
		return nil, false, err
	}
	subject, creator := s.subject(s.epoch+".run."+key), nuid.Next()
	msg := nats.NewMsg(subject)
	msg.Data = value
	msg.Header.Set(headerExpected, "0")
	msg.Header.Set(headerCreator, creator)
	var wait pause
	for {
		_, failure := s.sendAndWait(ctx, msg, s.patience)
		if failure == nil {
			return bytes.Clone(value), true, nil
		}
		// The answer was lost, or the record exists, perhaps since an earlier attempt of this call.
		got, err := s.newest(ctx, subject)
		switch {
		case err == nil:
			return got.Data, bytes.Contains(got.Header, []byte(creator)), nil
		case !errors.Is(err, errNotFound):
			// As in Commit, the failure is told and not wrapped.
			return nil, false, fmt.Errorf("jetstore: run record %s: %w (the server's answer: %s)", key, err, failure.Error())
		case !refused(failure) && !passing(failure):
			return nil, false, fmt.Errorf("jetstore: run record %s: %w", key, failure)
		}
		s.log.Warn("a run record was not acknowledged and is sent again", "key", key, "error", failure)
		if err := wait.wait(ctx, failure); err != nil {
			return nil, false, fmt.Errorf("jetstore: run record %s: %w", key, err)
		}
	}
}

// ReadOnce returns the run record under key, and whether there is one.
func (s *Store) ReadOnce(ctx context.Context, key string) (record []byte, found bool, err error) {
	if err := checkpoint.CheckName("run record", key); err != nil {
		return nil, false, err
	}
	got, err := s.newest(ctx, s.subject(s.epoch+".run."+key))
	switch {
	case errors.Is(err, errNotFound):
		return nil, false, nil
	case err != nil:
		return nil, false, fmt.Errorf("jetstore: run record %s: %w", key, err)
	}
	return got.Data, true, nil
}
