package pipeline

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/calmstream/calmstream/pipeline/internal/backlog"
	"github.com/calmstream/calmstream/pipeline/internal/emit"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// Certificate is the stored proof that a window of a state was sealed in one shard: what was sealed, by which rule, and on
// whose word. Sessions, which are sealed one by one, have one for all that end within an hour of event time; what is sealed by the evidence in
// it has one for each range of 4,096 messages of the shard's log, which is stored once a later one has begun or the input has ended.
type Certificate = emit.Certificate

// Certificates yields the certificates of a pipeline that the server holds at the time of the call, the oldest first, until
// yield returns false. They are kept in the stream CALM_SEALS_<name>, for 30 days unless that is changed there. A pipeline without
// windows that are sealed one by one has none: sessions, and what is sealed by the evidence in its state, are told
// by their results.
func Certificates(ctx context.Context, conn *nats.Conn, pipeline string, yield func(Certificate) bool) error {
	js, err := jetstream.New(conn)
	if err != nil {
		return fmt.Errorf("pipeline %s: certificates: %w", pipeline, err)
	}
	consumer, err := js.OrderedConsumer(ctx, emit.SealStream(pipeline), jetstream.OrderedConsumerConfig{})
	if err != nil {
		return fmt.Errorf("pipeline %s: certificates: stream %s: %w", pipeline, emit.SealStream(pipeline), err)
	}
	err = backlog.Each(ctx, consumer, func(msg jetstream.Msg, _ uint64) (more bool, err error) {
		var c Certificate
		if err := json.Unmarshal(msg.Data(), &c); err != nil {
			return false, fmt.Errorf("the one on %s is damaged: %w", msg.Subject(), err)
		}
		return yield(c), nil
	})
	if err != nil {
		return fmt.Errorf("pipeline %s: certificates: %w", pipeline, err)
	}
	return nil
}
