package source

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// Error codes of the JetStream API that mean something to a reader.
const (
	codeConsumerNotFound jetstream.ErrorCode = 10014
	codeTooManyConsumers jetstream.ErrorCode = 10026
	codeMessageNotFound  jetstream.ErrorCode = 10037
	codeStreamNotFound   jetstream.ErrorCode = 10059
)

// api asks the JetStream API over a plain connection, so that every error can name the subject that was asked.
type api struct {
	conn    *nats.Conn
	stream  string
	timeout time.Duration
}

// refusal is the part that all answers of the API share.
type refusal struct {
	Error *jetstream.APIError `json:"error,omitempty"`
}

func (r *refusal) refused() *jetstream.APIError { return r.Error }

// call asks one question and decodes the answer. It fails with ErrStreamMissing, with ErrClosed, with ErrUnavailable, or
// with the error of ctx if that ended.
func (a *api) call(ctx context.Context, subject string, question any, answer interface{ refused() *jetstream.APIError }) error {
	switch {
	case a.conn.IsClosed():
		return fmt.Errorf("%w: the connection over which stream %q is read", ErrClosed, a.stream)
	case !a.conn.IsConnected():
		return fmt.Errorf("%w: not connected to the server; %s was not asked", ErrUnavailable, subject)
	}
	body, err := json.Marshal(question)
	if err != nil {
		return fmt.Errorf("source: cannot encode the request %s: %w", subject, err)
	}
	within, cancel := context.WithTimeout(ctx, a.timeout)
	defer cancel()
	msg, err := a.conn.RequestWithContext(within, subject, body)
	if err != nil {
		return a.unanswered(ctx, subject, err)
	}
	if err := json.Unmarshal(msg.Data, answer); err != nil {
		return fmt.Errorf("%w: the answer on %s is not understood: %w", ErrUnavailable, subject, err)
	}
	no := answer.refused()
	switch {
	case no == nil:
		return nil
	case no.ErrorCode == codeStreamNotFound:
		return &MissingError{Stream: a.stream}
	case no.ErrorCode == codeTooManyConsumers:
		return fmt.Errorf("%w: %s was refused (%w): raise max_consumers of stream %q or of the server, or run fewer shards and owners",
			ErrUnavailable, subject, no, a.stream)
	default:
		return fmt.Errorf("%w: %s was refused: %w", ErrUnavailable, subject, no)
	}
}

// unanswered explains why no answer came. A publish that permissions deny looks like a timeout: the reason comes on
// another way, and only the last one is known.
func (a *api) unanswered(ctx context.Context, subject string, err error) error {
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.Is(err, nats.ErrConnectionClosed):
		return fmt.Errorf("%w: the connection was closed while stream %q was read", ErrClosed, a.stream)
	case errors.Is(err, nats.ErrNoResponders):
		return fmt.Errorf("%w: nobody serves %s: JetStream is not enabled for this account, or stream %q has no leader now", ErrUnavailable, subject, a.stream)
	case !errors.Is(err, context.DeadlineExceeded):
		return fmt.Errorf("%w: %s failed: %w", ErrUnavailable, subject, err)
	}
	hint := "the server is slow or gone, or this user may not publish to that subject (a missing permission looks like a timeout)"
	if last := a.conn.LastError(); errors.Is(last, nats.ErrPermissionViolation) {
		return fmt.Errorf("%w: %s was not answered within %v: %s: %w", ErrUnavailable, subject, a.timeout, hint, last)
	}
	return fmt.Errorf("%w: %s was not answered within %v: %s", ErrUnavailable, subject, a.timeout, hint)
}

type streamAnswer struct {
	refusal
	jetstream.StreamInfo
}

// info asks the leader of the stream about it.
func (a *api) info(ctx context.Context) (*jetstream.StreamInfo, error) {
	var answer streamAnswer
	if err := a.call(ctx, "$JS.API.STREAM.INFO."+a.stream, struct{}{}, &answer); err != nil {
		return nil, err
	}
	return &answer.StreamInfo, nil
}

type messageAnswer struct {
	refusal
	Message struct {
		Time time.Time `json:"time"`
	} `json:"message"`
}

// storedAt asks the leader when the message was stored. It is not ok if there is no such message.
func (a *api) storedAt(ctx context.Context, seq uint64) (at time.Time, ok bool, err error) {
	question := struct {
		Seq uint64 `json:"seq"`
	}{seq}
	var answer messageAnswer
	if err := a.call(ctx, "$JS.API.STREAM.MSG.GET."+a.stream, question, &answer); err != nil {
		if answer.Error != nil && answer.Error.ErrorCode == codeMessageNotFound {
			return at, false, nil
		}
		return at, false, err
	}
	return answer.Message.Time, true, nil
}

type consumerAnswer struct {
	refusal
	jetstream.ConsumerInfo
}

// create makes a consumer. The filter is part of the subject, as permissions that are bound to a partition need it.
func (a *api) create(ctx context.Context, config jetstream.ConsumerConfig) (*jetstream.ConsumerInfo, error) {
	subject := "$JS.API.CONSUMER.CREATE." + a.stream + "." + config.Name
	if config.FilterSubject != "" {
		subject += "." + config.FilterSubject
	}
	question := struct {
		Stream string                   `json:"stream_name"`
		Config jetstream.ConsumerConfig `json:"config"`
		Action string                   `json:"action"`
	}{a.stream, config, "create"}
	var answer consumerAnswer
	if err := a.call(ctx, subject, question, &answer); err != nil {
		return nil, err
	}
	return &answer.ConsumerInfo, nil
}

func (a *api) deleteSubject(consumer string) string {
	return "$JS.API.CONSUMER.DELETE." + a.stream + "." + consumer
}

type deleteAnswer struct {
	refusal
}

// remove deletes a consumer. One that is gone already is no error.
func (a *api) remove(ctx context.Context, consumer string) error {
	var answer deleteAnswer
	err := a.call(ctx, a.deleteSubject(consumer), struct{}{}, &answer)
	if errors.Is(err, ErrStreamMissing) || answer.Error != nil && answer.Error.ErrorCode == codeConsumerNotFound {
		return nil
	}
	return err
}
