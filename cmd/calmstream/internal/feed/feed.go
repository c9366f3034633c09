package feed

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/bits"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

const (
	firstPause = 20 * time.Millisecond
	longPause  = 250 * time.Millisecond
)

// Feed stores the input in the stream and returns when all of it is stored, end markers included. What is
// stored already, by an earlier call or by another process that feeds the same input at the same time, is compared
// and not stored again.
//
// It fails with ErrConfig, ErrLayout, ErrDifferentInput, ErrNotWhole, ErrNoAnswer or a LongWordError, with
// what an input or the connection failed with, or with the error of ctx. After any failure but a
// different input, the same call goes on where it stopped. Memory is bounded by a few chunks and 32 bytes for each chunk
// of the input; time is that of reading and hashing the input once, and a round trip for each chunk that it stores.
func Feed(ctx context.Context, nc *nats.Conn, config Config) (Result, error) {
	config = config.withDefaults()
	if err := config.validate(); err != nil {
		return Result{}, err
	}
	js, err := jetstream.New(nc)
	if err != nil {
		return Result{}, fmt.Errorf("feed: %w", err)
	}
	out, err := newPublisher(nc, config)
	if err != nil {
		return Result{}, err
	}
	defer out.close()
	f := &feeder{config: config, nc: nc, source: &source{config: config, js: js}, out: out, script: newScript(config.Inputs, config.Shards)}
	defer func() { f.script.close() }()
	if err := f.run(ctx); err != nil {
		return Result{}, err
	}
	return f.result(), nil
}

// feeder brings the stream from what it holds to what the script says. These stay true:
//
//   - the stream holds the first known messages of the script;
//   - held are the messages of the script that were read and are beyond known, at most two;
//   - a message is only ever sent when it is the one after known, so that whatever happens to it, it is stored
//     nowhere else than on top of the messages before it.
type feeder struct {
	config Config
	nc     *nats.Conn
	source *source
	out    *publisher
	script *script
	known  uint64
	held   []message
	mine   uint64 // chunks that this feeder has an acknowledgement for
}

// run repeats two steps until the stream is complete: find out what it holds, and add to it. After
// anything unclear, as a lost acknowledgement or another feeder that was faster, it begins again.
func (f *feeder) run(ctx context.Context) error {
	pause, since := firstPause, time.Now()
	for {
		mine, moved := f.mine, f.moved()
		err := f.catchUp(ctx)
		if err == nil {
			err = f.extend(ctx)
		}
		if err == nil || ctx.Err() != nil || !passing(err) {
			return cause(ctx, err)
		}
		if f.mine > mine {
			pause = firstPause
		}
		if f.moved() > moved {
			since = time.Now()
		} else if time.Since(since) > f.config.Patience {
			return f.giveUp(err)
		}
		// Nobody answers for a stream that is gone, either: the next look tells, and it is told then, once.
		if first := pause == firstPause; !errors.Is(err, errOvertaken) && (!first || !errors.Is(err, nats.ErrNoResponders)) {
			f.config.Logger.WarnContext(ctx, "feeding is held up, trying again", "stream", f.config.Stream, "stored", f.known, "error", err)
		}
		if err := sleep(ctx, pause); err != nil {
			return cause(ctx, err)
		}
		pause = min(2*pause, longPause)
	}
}

// cause prefers the end of ctx, which everything under way fails with in words of its own.
func cause(ctx context.Context, err error) error {
	if err != nil && ctx.Err() != nil {
		return fmt.Errorf("feed: stopped: %w", context.Cause(ctx))
	}
	return err
}

// moved grows whenever something was read or became known.
func (f *feeder) moved() uint64 { return f.known + uint64(len(f.script.digests)) }

func (f *feeder) giveUp(err error) error {
	if last := f.nc.LastError(); last != nil {
		err = fmt.Errorf("%w (last error of the connection: %w)", err, last)
	}
	return fmt.Errorf("%w: stream %s has not grown for %v; feed it again to go on from there: %w", ErrNoAnswer, f.config.Stream, f.config.Patience, err)
}

// catchUp asks the leader how much is stored, reads the script up to there, and compares. Messages whose
// sequence is a power of two are compared on the way, so that a wrong input is not read to its end.
func (f *feeder) catchUp(ctx context.Context) error {
	last, err := f.source.last(ctx)
	if err != nil {
		return err
	}
	for uint64(len(f.script.digests)) < last {
		m, err := f.script.next(ctx)
		if errors.Is(err, io.EOF) {
			return f.tooLong(ctx, last)
		}
		if err != nil {
			return err
		}
		if bits.OnesCount64(m.seq) == 1 {
			if err := f.compare(ctx, m.seq); err != nil {
				return err
			}
		}
		f.progress()
	}
	if err := f.compare(ctx, last); err != nil {
		return err
	}
	f.reached(last)
	return nil
}

// extend sends the messages after known, each when the one before is stored, until there are no more.
func (f *feeder) extend(ctx context.Context) error {
	for {
		if err := f.read(ctx, 1); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		if ctx.Err() != nil { // an input that was closed by that may have looked as if it had ended
			return ctx.Err()
		}
		m := f.held[0]
		if err := f.out.send(m); err != nil {
			return err
		}
		_ = f.read(ctx, 2) // while the message is on its way; an error comes back when the next is needed
		if err := f.out.wait(ctx, m); err != nil {
			return err
		}
		if !m.isEnd() {
			f.mine++
		}
		f.source.seen = m.seq
		f.reached(m.seq)
	}
}

// read makes sure that n messages are held.
func (f *feeder) read(ctx context.Context, n int) error {
	for len(f.held) < n {
		m, err := f.script.next(ctx)
		if err != nil {
			return err
		}
		f.held = append(f.held, m)
	}
	return nil
}

// reached notes that the stream holds the script up to seq.
func (f *feeder) reached(seq uint64) {
	f.known = seq
	for len(f.held) > 0 && f.held[0].seq <= seq {
		f.held = append(f.held[:0], f.held[1:]...)
	}
	f.progress()
}

func (f *feeder) progress() {
	f.config.Progress(Progress{Bytes: f.script.bytes, Chunks: f.script.chunks, Stored: f.source.seen})
}

func (f *feeder) result() Result {
	return Result{
		Chunks:  f.script.chunks,
		Bytes:   f.script.bytes,
		Skipped: f.script.chunks - f.mine,
		Digest:  f.script.chain.last.String(),
	}
}

func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
