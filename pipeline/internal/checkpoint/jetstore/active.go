package jetstore

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/nats-io/nats.go"

	"github.com/calmstream/calmstream/pipeline/internal/checkpoint"
)

// activeKey is the one key of the bucket that belongs to no epoch.
const activeKey = "active"

// ErrMoved is returned by Activate if somebody else has said meanwhile where readers go.
var ErrMoved = errors.New("jetstore: the active epoch was changed meanwhile")

// Active returns the epoch that readers are sent to, and the revision of that word; "" and 0 if nobody has said one.
func (s *Store) Active(ctx context.Context) (epoch string, revision uint64, err error) {
	got, err := s.newest(ctx, s.subject(activeKey))
	if errors.Is(err, errNotFound) {
		return "", 0, nil
	}
	if err != nil {
		return "", 0, fmt.Errorf("jetstore: the active epoch of bucket %s: %w", s.bucket, err)
	}
	return string(got.Data), got.Seq, nil
}

// Activate sends readers to an epoch in one step, if the revision that Active returned is still the newest one: 0 if there was none. If
// it is not, it returns ErrMoved, unless what stands is the epoch asked for.
func (s *Store) Activate(ctx context.Context, epoch string, revision uint64) error {
	if err := checkpoint.CheckName("epoch", epoch); err != nil {
		return err
	}
	msg := nats.NewMsg(s.subject(activeKey))
	msg.Data = []byte(epoch)
	msg.Header.Set(headerExpected, strconv.FormatUint(revision, 10))
	var wait pause
	for {
		_, failure := s.sendAndWait(ctx, msg, s.patience)
		if failure == nil {
			return nil
		}
		// The answer was lost, or another one was faster.
		stands, now, err := s.Active(ctx)
		switch {
		case err != nil:
			return err
		case stands == epoch && now > revision:
			return nil
		case now != revision:
			return fmt.Errorf("%w: it is %s", ErrMoved, stands)
		case !refused(failure) && !passing(failure):
			return fmt.Errorf("jetstore: the active epoch of bucket %s: %w", s.bucket, failure)
		}
		if err := wait.wait(ctx, failure); err != nil {
			return fmt.Errorf("jetstore: the active epoch of bucket %s: %w", s.bucket, err)
		}
	}
}
