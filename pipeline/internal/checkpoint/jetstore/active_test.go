package jetstore_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/nats-io/nats.go"

	"github.com/calmstream/calmstream/internal/natstest"
	"github.com/calmstream/calmstream/pipeline/internal/checkpoint/jetstore"
)

// Of those who switch at the same time one does, and the others are told.
func TestActivateRace(t *testing.T) {
	t.Parallel()
	const callers = 6
	s := open(t, natstest.Run(t))
	var revision uint64
	for round := range 3 {
		errs := make([]error, callers)
		var group sync.WaitGroup
		for i := range callers {
			group.Go(func() { errs[i] = s.Activate(testContext(t), fmt.Sprintf("e%d-%d", round, i), revision) })
		}
		group.Wait()
		stands, now, err := s.Active(testContext(t))
		if err != nil || now <= revision {
			t.Fatalf("%q at %d: %v", stands, now, err)
		}
		for i, err := range errs {
			won := stands == fmt.Sprintf("e%d-%d", round, i)
			if won && err != nil || !won && !errors.Is(err, jetstore.ErrMoved) {
				t.Errorf("round %d: %s stands, and caller %d was told %v", round, stands, i, err)
			}
		}
		revision = now
	}
}

// A switch whose acknowledgement is lost is done once, whether it had arrived or not.
func TestActivateLostAcknowledgement(t *testing.T) {
	t.Parallel()
	server := natstest.Run(t)
	for _, arrives := range []bool{true, false} {
		name := fmt.Sprintf("lost%t", arrives)
		s, attempts := openOn(t, server.Conn(t), name), 0
		if epoch, revision, err := s.Active(testContext(t)); epoch != "" || revision != 0 || err != nil {
			t.Fatalf("nothing was said, and it is %q at %d: %v", epoch, revision, err)
		}
		s.OnRequest(func(next jetstore.RequestFunc) jetstore.RequestFunc {
			return func(ctx context.Context, msg *nats.Msg) (*nats.Msg, error) {
				if strings.HasPrefix(msg.Subject, "$KV.") {
					if attempts++; attempts == 1 {
						if arrives {
							if _, err := next(ctx, msg); err != nil {
								return nil, err
							}
						}
						return nil, context.DeadlineExceeded
					}
				}
				return next(ctx, msg)
			}
		})
		if err := s.Activate(testContext(t), "e2", 0); err != nil {
			t.Error(err)
		}
		if epoch, revision, err := s.Active(testContext(t)); epoch != "e2" || revision != 1 || err != nil {
			t.Errorf("it is %q at %d: %v", epoch, revision, err)
		}
		if err := s.Activate(testContext(t), "e.2", 1); err == nil {
			t.Error("an epoch with a dot was accepted")
		}
	}
}
