package producer

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"

	"github.com/calmstream/calmstream/internal/plan"
	"github.com/calmstream/calmstream/pipeline/internal/seal"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/nats-io/nuid"
)

// maxCutShards is how many messages JetStream takes at once.
const maxCutShards = 1000

// Cut puts the marker of recorded cut number n into all shards of a stream, in one step: they are the subject filters of pipeline.Source,
// and "" the whole stream. What was stored before belongs to the cut, what is stored afterwards does not. Cuts are
// numbered 1, 2, 3 …; one that comes again changes nothing, so that a call whose outcome is not known can be repeated.
// The stream must allow atomic publishing (AllowAtomicPublish; nats-server 2.12).
func Cut(ctx context.Context, conn *nats.Conn, stream string, shards []string, n uint64) error {
	if conn == nil {
		return errors.New("producer: cut: there is no connection; connect with nats.Connect first")
	}
	if len(shards) == 0 {
		shards = []string{""}
	}
	fail := func(format string, args ...any) error {
		return fmt.Errorf("producer: cut %d of stream %q: %w", n, stream, fmt.Errorf(format, args...))
	}
	if n == 0 || n > plan.MaxCuts || len(shards) > maxCutShards {
		return fail("a cut has a number from 1 to %d and at most %d shards", plan.MaxCuts, maxCutShards)
	}
	js, err := jetstream.New(conn)
	if err != nil {
		return fail("%w", err)
	}
	found, err := js.Stream(ctx, stream)
	if err != nil {
		return fail("%w", err)
	}
	config := found.CachedInfo().Config
	if !config.AllowAtomicPublish {
		return fail("the stream does not allow atomic publishing; set AllowAtomicPublish in its configuration")
	}
	batch := nuid.Next()
	for i, filter := range shards {
		if filter == "" {
			filter = append(config.Subjects, stream)[0]
		}
		msg := &nats.Msg{Subject: plan.Concrete(filter), Header: seal.CutHeaders(n)}
		msg.Header.Set("Nats-Batch-Id", batch)
		msg.Header.Set("Nats-Batch-Sequence", strconv.Itoa(i+1))
		msg.Header.Set(jetstream.ExpectedStreamHeader, stream)
		if i+1 < len(shards) {
			if err := conn.PublishMsg(msg); err != nil {
				return fail("%w", err)
			}
			continue
		}
		msg.Header.Set("Nats-Batch-Commit", "1")
		within, cancel := context.WithTimeout(ctx, silence)
		reply, err := conn.RequestMsgWithContext(within, msg)
		cancel()
		if err != nil {
			return fail("it is not known whether the markers were stored; repeat the call: %w", err)
		}
		var answer struct {
			Error *jetstream.APIError `json:"error"`
		}
		if err := json.Unmarshal(reply.Data, &answer); err != nil {
			return fail("the answer is not understood: %w", err)
		}
		if answer.Error != nil {
			return fail("%w", answer.Error)
		}
	}
	return nil
}
