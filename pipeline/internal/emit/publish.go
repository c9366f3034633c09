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
	futures := make([]jetstream.PubAckFuture, 0, len(messages))
	var errs []error
	for _, m := range messages {
		// No retry by the client: it would change the order.
		f, err := js.PublishMsgAsync(m, jetstream.WithRetryAttempts(0))
		if err != nil {
			errs = append(errs, fmt.Errorf("emit: publish to %s: %w", m.Subject, err))
			break
		}
		futures = append(futures, f)
	}
	for i, f := range futures {
		select {
		case <-f.Ok():
		case err := <-f.Err():
			if err = refused(err); err != nil {
				errs = append(errs, fmt.Errorf("emit: publish to %s: %w", messages[i].Subject, err))
			}
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	if len(errs) > 0 {
		return errs[0]
	}
	return nil
}

// ExchangeSubject is the subject of a partition of a stage behind an exchange.
func ExchangeSubject(pipeline, epoch, stage string, partition int) string {
	return fmt.Sprintf("calm.x.%s.%s.%s.%d", pipeline, epoch, stage, partition)
}

// exchangeWriter publishes envelopes. A batch that fails is published again whole and in order, as the exchange's
// receivers need it.
type exchangeWriter struct {
	js              jetstream.JetStream
	pipeline, epoch string
}

func (x *exchangeWriter) write(ctx context.Context, envelopes []shard.Envelope) error {
	messages := make([]*nats.Msg, len(envelopes))
	for i, e := range envelopes {
		messages[i] = &nats.Msg{Subject: ExchangeSubject(x.pipeline, x.epoch, e.To.Name, e.Partition), Data: e.Data}
	}
	err := publishAll(ctx, x.js, messages, func(err error) error { return err })
	if errors.Is(err, nats.ErrMaxPayload) {
		return fmt.Errorf("%w: %w; raise max_payload of the server to the default of 1 MiB", sinks.ErrPermanent, err)
	}
	return err
}

// exists says whether the server has refused to create what exists. That somebody else is about to create it is another
// refusal, and no proof: what is on its way may yet fail.
func exists(err error) bool {
	var api *jetstream.APIError
	return errors.As(err, &api) && api.ErrorCode == jetstream.JSErrCodeStreamWrongLastSequence
}
