package source

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/calmstream/calmstream/internal/plan"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// Reader reads one stream in order. It belongs to one goroutine.
type Reader struct {
	config      Config
	api         *api
	incarnation int64
	track       tracker
	pending     uint64

	consumer *consumer // nil while there is none
	outage   outage
	closed   bool

	ticks *time.Ticker
	heard uint64 // counts signs of life of the consumer
	seen  uint64 // heard at the last tick that found a new one, at time alive
	alive time.Time
}

// Open checks that the stream is the one that was read and that it still holds what comes next, and begins to read. It fails
// with ErrStreamMissing, ErrRecreated, ErrGap, ErrRewound or ErrRefused if it has proof, with ErrUnavailable if it got no
// answer, and with the error of ctx. ctx bounds only the opening.
func Open(ctx context.Context, config Config) (*Reader, error) {
	config, err := config.withDefaults()
	if err != nil {
		return nil, err
	}
	r := &Reader{
		config:      config,
		api:         &api{conn: config.Conn, stream: config.Stream, timeout: config.Timeout},
		incarnation: config.Incarnation,
		track:       newTracker(config.After, config.LastSeq, config.LastTime),
	}
	if err := r.attach(ctx); err != nil {
		return nil, err
	}
	r.ticks = time.NewTicker(config.Heartbeat)
	return r, nil
}

// attach checks the stream and makes a consumer that goes on after the position.
func (r *Reader) attach(ctx context.Context) error {
	info, err := r.api.inspect(ctx, r.checkOpen)
	if err != nil {
		return err
	}
	if err := r.api.checkMessage(ctx, info, r.track.last, r.track.lastTime); err != nil {
		return err
	}
	if r.incarnation == 0 {
		r.incarnation = info.Created.UnixNano()
		r.track.skipTo(max(info.State.FirstSeq, 1) - 1)
	}
	r.consumer, r.pending, err = r.api.consume(ctx, r.config, r.track.position+1)
	if err != nil {
		return err
	}
	r.track.restart()
	r.alive = time.Now()
	return nil
}

func (r *Reader) checkOpen(info *jetstream.StreamInfo) error {
	if err := checkIdentity(info, r.incarnation); err != nil {
		return err
	}
	if err := checkConfig(info, r.config.Filter); err != nil {
		return err
	}
	if err := checkTail(info, r.track.position); err != nil {
		return err
	}
	if r.incarnation == 0 {
		return nil
	}
	return checkHead(info, r.track.position)
}

// Next appends to buf[:0] the messages that have arrived and returns it. It blocks until there is a message, or
// the position has moved without one, or wake can be received from, or ctx has ended; wake is looked at only when there
// is nothing to return. A batch ends at Config.MaxBatch messages or when it has Config.MaxBytes; where batches begin and
// end has no meaning. The messages are the caller's: nothing of them is used again, except buf by the next call.
//
// Next survives whatever may pass: lost consumers, leader changes, restarts and absence of the server. It returns the error
// of ctx, or one of ErrStreamMissing, ErrRecreated, ErrGap, ErrRewound, ErrRefused and ErrClosed. Then reading cannot go on
// and buf[:0] is returned.
func (r *Reader) Next(ctx context.Context, wake <-chan struct{}, buf []plan.Message) ([]plan.Message, error) {
	buf = buf[:0]
	for {
		if err := ctx.Err(); err != nil {
			return buf, err
		}
		if r.consumer == nil {
			if woken, err := r.recover(ctx, wake); woken || err != nil {
				return buf, err
			}
			continue
		}
		m, woken, err := r.wait(ctx, wake)
		if woken || err != nil {
			return buf, err
		}
		before := r.track.position
		if buf = r.drain(buf, m); r.track.position != before {
			return buf, nil
		}
	}
}

// wait returns the next message. It returns nil if a tick came first.
func (r *Reader) wait(ctx context.Context, wake <-chan struct{}) (m *nats.Msg, woken bool, err error) {
	select {
	case m = <-r.consumer.ch:
		return m, false, nil
	default:
	}
	select {
	case m = <-r.consumer.ch:
		return m, false, nil
	case <-wake:
		return nil, true, nil
	case <-ctx.Done():
		return nil, false, ctx.Err()
	case <-r.ticks.C:
		r.tick()
		return nil, false, nil
	}
}

// drain handles m and what else has arrived, and appends the messages of the stream among them to buf.
func (r *Reader) drain(buf []plan.Message, m *nats.Msg) []plan.Message {
	k, room := r.consumer, r.config.MaxBytes
	for m != nil {
		d, ok := k.delivery(m)
		if !ok {
			if !r.control(m) {
				return buf
			}
		} else {
			if !r.track.message(d) {
				r.doubt(errLost)
				return buf
			}
			r.pending, k.pending = d.pending, d.pending
			buf = append(buf, plan.Message{Subject: m.Subject, Data: m.Data, Header: m.Header, Seq: d.stream, Time: d.time})
			if err := k.take(m); err != nil {
				r.doubt(err)
				return buf
			}
			if room -= m.Size(); room <= 0 || len(buf) >= r.config.MaxBatch {
				break
			}
		}
		select {
		case m = <-k.ch:
		default:
			m = nil
		}
	}
	if len(buf) > 0 {
		r.progress()
	}
	return buf
}

// errLost is the doubt about a consumer of which not every message arrived.
var errLost = errors.New("messages were lost between the server and the reader")

// control handles what is not a message of the stream. It returns false if the consumer was given up.
func (r *Reader) control(m *nats.Msg) bool {
	consumer, stream, ok := heartbeat(m)
	if !ok {
		if err := r.consumer.end(m); err != nil {
			r.doubt(err)
			return false
		}
		return true
	}
	if _, ok := r.track.heartbeat(consumer, stream); !ok {
		r.doubt(errLost)
		return false
	}
	// A heartbeat that is in step is sent when there is nothing to deliver.
	r.pending = 0
	r.progress()
	return true
}

// Position returns the largest stream sequence such that Next has returned every matching message up to it. It moves
// with messages and with heartbeats; it says nothing about messages that were removed before they could be read: that is
// Verify's part.
func (r *Reader) Position() uint64 { return r.track.position }

// Incarnation returns the creation time of the stream in nanoseconds since 1970.
func (r *Reader) Incarnation() int64 { return r.incarnation }

// Lag returns how many matching messages the stream held after the last one that Next returned, as of its delivery.
func (r *Reader) Lag() uint64 { return r.pending }

// Verify proves that nothing was taken away unread between from, up to which the caller has proof of its own, and the
// position: that the stream is the same one, still begins at or before the first sequence that the reader passed
// without having read it, and has not lost its end. If every sequence since the last proof was read, that is proof enough,
// and the server is not asked. It fails with ErrStreamMissing, ErrRecreated, ErrGap or ErrRewound; any other error
// proves nothing, and the caller tries again.
//
// Messages that are removed singly, or by subject, from the middle of the stream leave no trace; only the loss of its
// begin and of its end is seen. A retention so short that it passes over read messages between two calls is reported as a gap,
// where some sequences before them were not read because they do not match: whether they did cannot be known any more.
func (r *Reader) Verify(ctx context.Context, from uint64) error {
	if !r.track.jumped() {
		return nil
	}
	_, err := r.api.inspect(ctx, func(info *jetstream.StreamInfo) error {
		if err := checkIdentity(info, r.incarnation); err != nil {
			return err
		}
		if err := checkTail(info, r.track.position); err != nil {
			return err
		}
		if lost, gap := r.track.gap(info.State.FirstSeq, from); gap {
			return &GapError{Stream: r.config.Stream, From: lost[0], To: lost[1]}
		}
		return nil
	})
	if err == nil {
		r.track.prove()
	}
	return err
}

// closing bounds how long Close waits for the server.
const closing = time.Second

// Close stops reading and deletes the consumer, waiting at most a second for that. An error means that
// the consumer may live until the server finds it inactive; the reader is closed all the same.
func (r *Reader) Close() error {
	r.ticks.Stop()
	k := r.consumer
	r.consumer, r.closed = nil, true
	if k == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), closing)
	defer cancel()
	if err := k.remove(ctx); err != nil {
		return fmt.Errorf("source: consumer %q of stream %q was not deleted, the server will do so after %v: %w", k.name, r.config.Stream, inactive, err)
	}
	return nil
}
