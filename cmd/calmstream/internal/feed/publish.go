package feed

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// errOvertaken says that the next message could not be stored because the stream did not end where it was thought to.
var errOvertaken = errors.New("another message was stored, or is being stored, in its place")

// Error codes of the JetStream API.
const (
	codeIncomplete        jetstream.ErrorCode = 10004
	codeUnavailable       jetstream.ErrorCode = 10008
	codeWrongLastSequence jetstream.ErrorCode = 10071
	codeStreamOffline     jetstream.ErrorCode = 10118
	codeSequenceInFlight  jetstream.ErrorCode = 10164
	codeTooManyRequests   jetstream.ErrorCode = 10167
)

// glance is how long an acknowledgement is waited for before the connection is looked at.
const glance = 250 * time.Millisecond

// publisher stores one message at a time and reads its acknowledgement.
type publisher struct {
	config  Config
	nc      *nats.Conn
	inbox   string
	acks    *nats.Subscription
	attempt uint64 // number of the message on its way: late answers to others are ignored

	reconnects uint64 // of the connection, when that message was sent
}

func newPublisher(nc *nats.Conn, config Config) (*publisher, error) {
	inbox := nc.NewInbox()
	acks, err := nc.SubscribeSync(inbox + ".*")
	if err != nil {
		return nil, fmt.Errorf("feed: subscribing to acknowledgements: %w", err)
	}
	return &publisher{config: config, nc: nc, inbox: inbox, acks: acks}, nil
}

// close ends the subscription. It fails only where the connection is gone, and the subscription with it.
func (p *publisher) close() { _ = p.acks.Unsubscribe() }

// send puts m on its way, to be stored at its sequence or not at all. wait tells which.
func (p *publisher) send(m message) error {
	p.attempt++
	p.reconnects = p.nc.Stats().Reconnects
	msg := nats.NewMsg(p.config.Subject + "." + strconv.Itoa(m.partition))
	msg.Reply = p.reply()
	msg.Data = m.chunk
	msg.Header.Set(jetstream.ExpectedStreamHeader, p.config.Stream)
	msg.Header.Set(jetstream.ExpectedLastSeqHeader, strconv.FormatUint(m.seq-1, 10))
	msg.Header.Set(headerDigest, m.digest.String())
	if m.isEnd() {
		msg.Header.Set(headerSeal, sealEnd)
		msg.Header.Set(headerCount, strconv.FormatUint(m.count, 10))
	}
	err := p.nc.PublishMsg(msg)
	if errors.Is(err, nats.ErrMaxPayload) {
		return fmt.Errorf("feed: message %d has %d bytes and the server takes %d (max_payload); allow at least %d: %w",
			m.seq, msg.Size(), p.nc.MaxPayload(), 512<<10, err)
	}
	if err != nil {
		return fmt.Errorf("feed: publishing message %d to stream %s: %w", m.seq, p.config.Stream, err)
	}
	return nil
}

func (p *publisher) reply() string { return p.inbox + "." + strconv.FormatUint(p.attempt, 10) }

// wait returns nil when the server has stored m, which is what send sent last. After any error but
// errOvertaken it may have been stored as well, or may still be.
func (p *publisher) wait(ctx context.Context, m message) error {
	for until := time.Now().Add(p.config.answerWait()); ; {
		answer, err := p.next(ctx)
		switch {
		case err == nil && answer.Subject == p.reply():
			return p.read(answer, m)
		case err == nil:
			continue
		case p.nc.Stats().Reconnects != p.reconnects:
			err = nats.ErrDisconnected // an answer that was on its way is gone
		case errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil && time.Now().Before(until):
			continue
		}
		return fmt.Errorf("feed: waiting for the acknowledgement of message %d of stream %s: %w", m.seq, p.config.Stream, err)
	}
}

// next waits a moment for any answer.
func (p *publisher) next(ctx context.Context) (*nats.Msg, error) {
	ctx, cancel := context.WithTimeout(ctx, glance)
	defer cancel()
	return p.acks.NextMsgWithContext(ctx)
}

func (p *publisher) read(answer *nats.Msg, m message) error {
	if len(answer.Data) == 0 && answer.Header.Get("Status") == "503" {
		return fmt.Errorf("feed: publishing message %d to stream %s: %w", m.seq, p.config.Stream, nats.ErrNoResponders)
	}
	var ack struct {
		Stream string              `json:"stream"`
		Seq    uint64              `json:"seq"`
		Error  *jetstream.APIError `json:"error"`
	}
	if err := json.Unmarshal(answer.Data, &ack); err != nil {
		return fmt.Errorf("feed: the acknowledgement of message %d of stream %s cannot be read: %w", m.seq, p.config.Stream, err)
	}
	switch {
	case ack.Error != nil && (ack.Error.ErrorCode == codeWrongLastSequence || ack.Error.ErrorCode == codeSequenceInFlight):
		return errOvertaken
	case ack.Error != nil:
		return fmt.Errorf("feed: stream %s did not take message %d; feed it again to go on from there: %w", p.config.Stream, m.seq, ack.Error)
	case ack.Stream != p.config.Stream || ack.Seq != m.seq:
		return fmt.Errorf("feed: message %d of stream %s was stored as message %d of stream %q", m.seq, p.config.Stream, ack.Seq, ack.Stream)
	}
	return nil
}

// passing says whether it is worth asking the server again after err.
func passing(err error) bool {
	var api *jetstream.APIError
	if errors.As(err, &api) {
		switch api.ErrorCode {
		case codeIncomplete, codeUnavailable, codeStreamOffline, codeTooManyRequests:
			return true
		}
		return false
	}
	for _, known := range []error{
		errOvertaken, errRewound, context.DeadlineExceeded, nats.ErrTimeout, nats.ErrNoResponders, nats.ErrDisconnected,
		nats.ErrConnectionReconnecting, nats.ErrReconnectBufExceeded, nats.ErrStaleConnection,
	} {
		if errors.Is(err, known) {
			return true
		}
	}
	return false
}
