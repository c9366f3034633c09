package answer

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/micro"
)

var (
	// ErrNobody is returned if no worker answers.
	ErrNobody = errors.New("no worker answers")
	// ErrGone is what a Refusal is if the state that is asked for was handed on.
	ErrGone = errors.New("the state was sealed and handed on")
)

// grace is how long to wait for another owner after one has refused.
const grace = 100 * time.Millisecond

// Ask asks the owners of a shard and returns the first answer. It fails with ErrNobody if there is none within patience, on top of what the
// request itself waits, and with what an owner has said if none does better.
func Ask(ctx context.Context, conn *nats.Conn, subject string, r Request, patience time.Duration) (Full, error) {
	data, err := json.Marshal(r)
	if err != nil {
		return Full{}, fmt.Errorf("the question cannot be encoded: %w", err)
	}
	wait := patience
	if r.Wait != "" {
		more, err := time.ParseDuration(r.Wait)
		if err != nil {
			return Full{}, err
		}
		wait += more
	}
	sub, err := conn.SubscribeSync(conn.NewInbox())
	if err != nil {
		return Full{}, err
	}
	defer func() { _ = sub.Unsubscribe() }() // it goes with the connection otherwise
	if err := conn.PublishRequest(subject, sub.Subject, data); err != nil {
		return Full{}, err
	}
	deadline := time.Now().Add(wait)
	var refused error
	for {
		msg, err := next(ctx, sub, deadline)
		switch {
		case ctx.Err() != nil:
			return Full{}, context.Cause(ctx)
		case errors.Is(err, ErrNobody) && refused != nil:
			return Full{}, refused
		case err != nil:
			return Full{}, err
		}
		reply, err := read(msg)
		if err == nil || definite(err) {
			return reply, err
		}
		if refused == nil {
			refused = err
		}
		if soon := time.Now().Add(grace); soon.Before(deadline) {
			deadline = soon
		}
	}
}

func next(ctx context.Context, sub *nats.Subscription, deadline time.Time) (*nats.Msg, error) {
	ctx, cancel := context.WithDeadline(ctx, deadline)
	defer cancel()
	msg, err := sub.NextMsgWithContext(ctx)
	switch {
	case errors.Is(err, nats.ErrNoResponders) || ctx.Err() != nil && err != nil:
		return nil, ErrNobody
	case err != nil:
		return nil, fmt.Errorf("the answer cannot be received: %w", err)
	case len(msg.Data) == 0 && msg.Header.Get("Status") == "503":
		return nil, ErrNobody
	}
	return msg, nil
}

// definite reports whether all owners would refuse likewise.
func definite(err error) bool {
	return isCode(err, codeGone) || isCode(err, codeMalformed) || isCode(err, codeTooLarge) || isCode(err, codeElsewhere)
}

// read reads a reply, or the error that it is.
func read(msg *nats.Msg) (r Full, err error) {
	if text := msg.Header.Get(micro.ErrorHeader); text != "" {
		code, _ := strconv.Atoi(msg.Header.Get(micro.ErrorCodeHeader)) // 0 if it is none of ours
		return r, refuse(code, "a worker has refused the question (%d): %s", code, text)
	}
	if err := json.Unmarshal(msg.Data, &r); err != nil {
		return r, fmt.Errorf("the answer of a worker cannot be read: %w", err)
	}
	return r, nil
}
