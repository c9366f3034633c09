package emit

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/calmstream/calmstream/pipeline/internal/shard"
	"github.com/calmstream/calmstream/sinks"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// ackWait is how long an acknowledgement may take before the publish counts as lost.
const ackWait = 10 * time.Second

// publishAll publishes the messages, all under way at once and in order, and waits for all acknowledgements. refused looks at
// each error of the server: it returns nil where the message is stored after all.
func publishAll(ctx context.Context, js jetstream.JetStream, messages []*nats.Msg, refused func(error) error) error {
	errs, err := publishEach(ctx, js, messages, refused)
	if err != nil {
		return err
	}
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// publishEach is publishAll that says of each message why it is not stored, nil if it is.
func publishEach(ctx context.Context, js jetstream.JetStream, messages []*nats.Msg, refused func(error) error) ([]error, error) {
	futures := make([]jetstream.PubAckFuture, 0, len(messages))
	errs := make([]error, len(messages))
	for i, m := range messages {
		// No retry by the client: it would change the order.
		f, err := js.PublishMsgAsync(m, jetstream.WithRetryAttempts(0))
		if err != nil {
			for ; i < len(errs); i++ { // and all behind it
				errs[i] = fmt.Errorf("emit: publish to %s: %w", m.Subject, err)
			}
			break
		}
		futures = append(futures, f)
	}
	for i, f := range futures {
		select {
		case <-f.Ok():
		case err := <-f.Err():
			if err = refused(err); err != nil {
				errs[i] = fmt.Errorf("emit: publish to %s: %w", messages[i].Subject, err)
			}
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	return errs, nil
}

// ExchangeSubject is the subject of a partition of a stage behind an exchange.
func ExchangeSubject(pipeline, epoch, stage string, partition int) string {
	return fmt.Sprintf("calm.x.%s.%s.%s.%d", pipeline, epoch, stage, partition)
}

// exchangeWriter publishes envelopes. Of a batch that fails it is for each partition the first that is not stored, and all behind it, that
// are published again, in order: the receiver takes none of them before that one. What stands before it would come a second time, and in a
// stream that is full take the room of what waits.
type exchangeWriter struct {
	js              jetstream.JetStream
	pipeline, epoch string
}

func (x *exchangeWriter) write(ctx context.Context, envelopes []shard.Envelope) error {
	messages := make([]*nats.Msg, len(envelopes))
	for i, e := range envelopes {
		messages[i] = &nats.Msg{Subject: ExchangeSubject(x.pipeline, x.epoch, e.To.Name, e.Partition), Data: e.Data}
	}
	errs, err := publishEach(ctx, x.js, messages, func(err error) error { return err })
	if err != nil {
		return err
	}
	var left []shard.Envelope
	behind := make(map[string]bool) // the subjects with one that is not stored
	for i, m := range messages {
		if errs[i] != nil || behind[m.Subject] {
			behind[m.Subject] = true
			left = append(left, envelopes[i])
		}
		if err == nil {
			err = errs[i]
		}
	}
	switch {
	case err == nil:
		return nil
	case errors.Is(err, nats.ErrMaxPayload):
		return fmt.Errorf("%w: %w; raise max_payload of the server to the default of 1 MiB", sinks.ErrPermanent, err)
	}
	return &partly[shard.Envelope]{err, left}
}

// exists says whether the server has refused to create what exists. That somebody else is about to create it is another
// refusal, and no proof: what is on its way may yet fail.
func exists(err error) bool {
	var api *jetstream.APIError
	return errors.As(err, &api) && api.ErrorCode == jetstream.JSErrCodeStreamWrongLastSequence
}
