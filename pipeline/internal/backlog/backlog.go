// Package backlog reads what a stream holds now, once, to its present end: to find out what has happened, not to follow what does.
// Shards do not read so: see package source, which takes nothing on trust.
package backlog

import (
	"context"
	"errors"

	"github.com/nats-io/nats.go/jetstream"
)

// Each calls yield with each message that waits for an ordered consumer, and its stream sequence, until yield does not want more or none
// waits. Where nothing waits when the consumer is made it returns at once. It ends with the error of yield, of ctx, or of the server.
func Each(ctx context.Context, consumer jetstream.Consumer, yield func(msg jetstream.Msg, seq uint64) (more bool, err error)) error {
	if consumer.CachedInfo().NumPending == 0 {
		return nil
	}
	messages, err := consumer.Messages()
	if err != nil {
		return err
	}
	defer messages.Stop()
	for {
		msg, err := messages.Next(jetstream.NextContext(ctx))
		if err != nil {
			return errors.Join(ctx.Err(), err)
		}
		meta, err := msg.Metadata()
		if err != nil {
			return err
		}
		if more, err := yield(msg, meta.Sequence.Stream); err != nil || !more || meta.NumPending == 0 {
			return err
		}
	}
}
