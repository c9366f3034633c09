package market

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"strconv"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

var (
	// ErrOtherEvents is returned when the stream of the run holds other events than those that were asked for.
	ErrOtherEvents = errors.New("market: the run was started with other events")
	// ErrRowsGone is returned when a run has checkpoints and its rows are not there any more.
	ErrRowsGone = errors.New("market: the rows of the run are gone")
)

const (
	// answerWait is how long the server may take for one answer.
	answerWait = 30 * time.Second
	// inFlight is how many messages may wait for their acknowledgements.
	inFlight = 1024
	// toldEvery is how many messages are stored between two reports of progress.
	toldEvery = 1024
)

// message is what is stored.
type message struct {
	subject string
	data    []byte
}

// load brings a stream from what it holds to all of the messages. about says what they are, and is kept with the stream.
func (c Config) load(ctx context.Context, js jetstream.JetStream, stream string, subjects []string, about map[string]string, total uint64, all iter.Seq[message]) error {
	stored, err := c.stream(ctx, js, stream, subjects, about)
	if err != nil {
		return err
	}
	var failed first
	out, err := jetstream.New(c.Conn,
		jetstream.WithPublishAsyncMaxPending(inFlight),
		jetstream.WithPublishAsyncErrHandler(func(_ jetstream.JetStream, _ *nats.Msg, err error) { failed.set(err) }))
	if err != nil {
		return fmt.Errorf("market: %w", err)
	}
	var n uint64
	for m := range all {
		if n++; n <= stored {
			continue
		}
		if n%toldEvery == 0 && c.Fed != nil {
			c.Fed(n)
		}
		// Only onto what it follows: two processes that load the same stream at once do not mix.
		_, err := out.PublishAsync(m.subject, m.data, jetstream.WithExpectLastSequence(n-1), jetstream.WithStallWait(answerWait))
		if err = errors.Join(err, failed.get(), context.Cause(ctx)); err != nil {
			// What is on its way is still stored: who goes on at once would find the end of the stream moving.
			_ = acknowledged(context.WithoutCancel(ctx), out)
			return fmt.Errorf("market: storing message %d of stream %s: %w; the same again goes on from there", n, stream, err)
		}
	}
	if err := errors.Join(acknowledged(ctx, out), failed.get()); err != nil {
		return fmt.Errorf("market: storing the messages of stream %s: %w; the same again goes on from there", stream, err)
	}
	return whole(ctx, js, stream, total)
}

// acknowledged waits until nothing is on its way any more.
func acknowledged(ctx context.Context, out jetstream.JetStream) error {
	timer := time.NewTimer(answerWait)
	defer timer.Stop()
	select {
	case <-out.PublishAsyncComplete():
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-timer.C:
		return context.DeadlineExceeded
	}
}

// stream makes the stream, or finds it as it was made, and returns how many messages it holds.
func (c Config) stream(ctx context.Context, js jetstream.JetStream, name string, subjects []string, about map[string]string) (stored uint64, err error) {
	ctx, cancel := context.WithTimeout(ctx, answerWait)
	defer cancel()
	s, err := js.Stream(ctx, name)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		s, err = js.CreateStream(ctx, jetstream.StreamConfig{
			Name: name, Description: "a run of a Nexmark query", Subjects: subjects, Metadata: about,
			Storage: jetstream.FileStorage, Discard: jetstream.DiscardNew, DenyDelete: true, DenyPurge: true, AllowDirect: true,
		})
	}
	if err != nil {
		return 0, fmt.Errorf("market: making stream %s: %w", name, err)
	}
	info := s.CachedInfo()
	for key, want := range about {
		if got := info.Config.Metadata[key]; got != want {
			return 0, fmt.Errorf("%w: stream %s has %s %q, not %q; give the same again, or another --run", ErrOtherEvents, name, key, got, want)
		}
	}
	if info.State.Msgs != info.State.LastSeq {
		return 0, fmt.Errorf("market: stream %s has lost messages; begin anew with another --run", name)
	}
	return info.State.LastSeq, nil
}

func exists(ctx context.Context, js jetstream.JetStream, stream string) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, answerWait)
	defer cancel()
	_, err := js.Stream(ctx, stream)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("market: looking for stream %s: %w", stream, err)
	}
	return true, nil
}

// whole fails unless a stream has as many messages as it should.
func whole(ctx context.Context, js jetstream.JetStream, name string, want uint64) error {
	ctx, cancel := context.WithTimeout(ctx, answerWait)
	defer cancel()
	s, err := js.Stream(ctx, name)
	if err != nil {
		return fmt.Errorf("market: looking for stream %s: %w", name, err)
	}
	if got := s.CachedInfo().State; got.Msgs != want || got.LastSeq != want {
		return fmt.Errorf("%w: stream %s has %d messages, not %d", ErrOtherEvents, name, got.Msgs, want)
	}
	return nil
}

// about says which events there are, as metadata of their stream.
func (c Config) about() map[string]string {
	e := c.Events
	return map[string]string{
		"nexmark-events":       strconv.FormatUint(e.Events, 10),
		"nexmark-seed":         strconv.FormatUint(e.Seed, 10),
		"nexmark-rate":         strconv.FormatUint(e.Rate, 10),
		"nexmark-generators":   strconv.Itoa(e.Generators),
		"nexmark-out-of-order": strconv.FormatUint(e.OutOfOrder, 10),
		"nexmark-shards":       strconv.Itoa(c.Shards),
	}
}

// sideOf is about for the side input, which is always the same.
func sideOf(rows int) map[string]string {
	return map[string]string{"nexmark-side-rows": strconv.Itoa(rows)}
}

// first keeps the first error.
type first struct {
	mu  sync.Mutex
	err error
}

func (f *first) set(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.err == nil {
		f.err = err
	}
}

func (f *first) get() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.err
}
