package source

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/calmstream/calmstream/internal/plan"
)

// confirmAfter is how long a reader waits before it asks a second time, and then believes, that the stream is not the
// one it read. A leader that lost an election a moment ago may still answer from the past.
const confirmAfter = 300 * time.Millisecond

// inspect asks for the state of the stream and holds check against it; a verdict is given only if it is found twice.
func (a *api) inspect(ctx context.Context, check func(*jetstream.StreamInfo) error) (*jetstream.StreamInfo, error) {
	look := func() (*jetstream.StreamInfo, error) {
		info, err := a.info(ctx)
		if err != nil {
			return nil, err
		}
		return info, check(info)
	}
	info, err := look()
	if err == nil || !verdict(err) {
		return info, err
	}
	select {
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-time.After(confirmAfter):
		return look()
	}
}

// checkIdentity compares the creation time, which a stream keeps for life; incarnation 0 accepts any.
func checkIdentity(info *jetstream.StreamInfo, incarnation int64) error {
	if found := info.Created.UnixNano(); incarnation != 0 && found != incarnation {
		return &RecreatedError{Stream: info.Config.Name, Expected: time.Unix(0, incarnation), Found: info.Created}
	}
	return nil
}

// checkTail holds the end of the stream against what was read: a log only grows.
func checkTail(info *jetstream.StreamInfo, position uint64) error {
	if info.State.LastSeq < position {
		return &RewoundError{Stream: info.Config.Name, Read: position, Last: info.State.LastSeq}
	}
	return nil
}

// checkHead holds the begin of the stream against the next sequence to read.
func checkHead(info *jetstream.StreamInfo, position uint64) error {
	if info.State.FirstSeq > position+1 {
		return &GapError{Stream: info.Config.Name, From: position + 1, To: info.State.FirstSeq - 1}
	}
	return nil
}

// checkConfig refuses what no ordered reader can read.
func checkConfig(info *jetstream.StreamInfo, filter string) error {
	c := info.Config
	if c.Retention != jetstream.LimitsPolicy {
		return &RefusedError{
			Stream: c.Name,
			Reason: fmt.Sprintf("its retention is %v, which removes messages when they are consumed", c.Retention),
			Remedy: "read a stream with limits retention: copy this one into such a stream with Sources",
		}
	}
	// Streams that copy or rename hold subjects that are not in their own list.
	own := c.Mirror == nil && len(c.Sources) == 0 && c.SubjectTransform == nil
	if filter == "" || !own {
		return nil
	}
	for _, subject := range c.Subjects {
		if plan.Overlap(subject, filter) {
			return nil
		}
	}
	return &RefusedError{
		Stream: c.Name,
		Reason: fmt.Sprintf("the filter %q matches none of its subjects (%s), so that nothing would ever be read", filter, strings.Join(c.Subjects, ", ")),
		Remedy: "correct the filter or the subjects of the stream",
	}
}

// checkMessage compares the store time of the last message that was read with what the stream holds at its sequence.
// After a crash a server can give lost sequences out again: then the times differ. A message that was removed
// in the meantime proves nothing, and neither does an unknown time.
func (a *api) checkMessage(ctx context.Context, info *jetstream.StreamInfo, seq uint64, read int64) error {
	if seq == 0 || read == 0 || seq < info.State.FirstSeq {
		return nil
	}
	found, ok, err := a.storedAt(ctx, seq)
	if err != nil || !ok || found.UnixNano() == read {
		return err
	}
	return &RewoundError{Stream: a.stream, Read: seq, Last: info.State.LastSeq, Expected: time.Unix(0, read), Found: found}
}
