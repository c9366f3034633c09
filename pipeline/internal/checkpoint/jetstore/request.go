package jetstore

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// answer is what all answers of the JetStream API have in common.
type answer struct {
	Error *jetstream.APIError `json:"error"`
}

// ask sends one message and waits, no longer than the given time, for its answer.
func (s *Store) ask(ctx context.Context, msg *nats.Msg, patience time.Duration) (*nats.Msg, error) {
	waiting, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	reply, err := s.request(waiting, msg)
	if err != nil {
		return nil, s.denied(msg.Subject, err)
	}
	return reply, nil
}

// api calls the JetStream API once and decodes the answer, whose error field fail returns.
func (s *Store) api(ctx context.Context, subject string, req, resp any, fail func() *jetstream.APIError) error {
	data, err := json.Marshal(req)
	if err != nil {
		return err
	}
	reply, err := s.ask(ctx, &nats.Msg{Subject: subject, Data: data}, s.patience)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(reply.Data, resp); err != nil {
		return fmt.Errorf("jetstore: the answer to %s makes no sense: %w", subject, err)
	}
	if e := fail(); e != nil {
		return e
	}
	return nil
}

// pause spaces out attempts: 25 ms, then twice as long each time, up to a second.
type pause struct {
	next time.Duration
}

// wait returns an error that joins the end of ctx with the last one seen, if ctx ends first.
func (p *pause) wait(ctx context.Context, last error) error {
	p.next = min(max(2*p.next, 25*time.Millisecond), time.Second)
	timer := time.NewTimer(p.next)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return errors.Join(ctx.Err(), last)
	}
}
