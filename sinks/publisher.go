package sinks

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
)

// limits bound what a publisher has under way.
type limits struct {
	// count and bytes bound the messages that are published and not acknowledged. The server keeps 100 000
	// messages or 128 MiB for a stream that falls behind, shared by all its writers.
	count, bytes int
	// reads bounds the requests for stored messages: the server drops all its requests when
	// 10 000 wait.
	reads int
	// patience is how long no reply at all may come before Write gives up.
	patience time.Duration
	// attempts is how often a record may meet a write of the same subject that is not stored yet.
	attempts int
}

var defaultLimits = limits{count: 2048, bytes: 8 << 20, reads: 256, patience: 5 * time.Second, attempts: 50}

// publisher is the Writer of the sinks on NATS. It publishes the records of a call in order without waiting
// for each, and collects the acknowledgements in one inbox, where the last token of the subject
// tells which record a reply is for. A call that fails abandons its inbox, so that its late replies
// cannot be taken for those of the next call.
type publisher struct {
	conn    *nats.Conn
	target  string
	stream  string
	address func(*Record) (string, error)
	limits  limits
	// newest has, for a view, what this writer has seen last on its subjects; nil for a writer that only creates.
	newest map[string]revision
	// last is the sequence of the last acknowledgement of a view.
	last uint64
	// stored is how a plain acknowledgement of the stream begins.
	stored []byte

	status  chan nats.Status
	inbox   string
	sub     *nats.Subscription
	replies chan *nats.Msg
	message nats.Msg
	slots   []slot
	closed  bool
}

func newPublisher(conn *nats.Conn, target, stream string, address func(*Record) (string, error)) (*publisher, error) {
	p := &publisher{
		conn:    conn,
		target:  target,
		stream:  stream,
		address: address,
		limits:  defaultLimits,
		stored:  []byte(`{"stream":` + strconv.Quote(stream) + `,`),
		status:  conn.StatusChanged(nats.RECONNECTING, nats.CLOSED),
		message: nats.Msg{Header: nats.Header{}},
	}
	if err := p.openInbox(); err != nil {
		conn.RemoveStatusListener(p.status)
		return nil, err
	}
	return p, nil
}

func (p *publisher) openInbox() error {
	if p.sub != nil {
		return nil
	}
	p.inbox = p.conn.NewInbox() + "."
	// A full channel would drop replies; each request has one, and a stranger's answer has room too.
	p.replies = make(chan *nats.Msg, 2*(p.limits.count+p.limits.reads))
	sub, err := p.conn.ChanSubscribe(p.inbox+"*", p.replies)
	if err != nil {
		return fmt.Errorf("sinks: %s: subscribing to acknowledgements: %w", p.target, err)
	}
	p.sub = sub
	return nil
}

func (p *publisher) dropInbox() {
	if p.sub != nil {
		_ = p.sub.Unsubscribe() // fails only where the connection has ended, and the subscription with it
		p.sub = nil
	}
}

// Write publishes the records and returns when all are acknowledged.
func (p *publisher) Write(ctx context.Context, records []Record) error {
	if p.closed {
		return closedError(p.target)
	}
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("sinks: %s: nothing written: %w", p.target, err)
	}
	if len(records) == 0 {
		return nil
	}
	if err := p.prepare(records); err != nil {
		return err
	}
	if err := p.connected(); err != nil {
		return err
	}
	if err := p.openInbox(); err != nil {
		return err
	}
	f := flight{publisher: p, records: records}
	if err := f.run(ctx); err != nil {
		p.dropInbox()
		return err
	}
	return nil
}

// Close ends the subscription. The connection is the engine's.
func (p *publisher) Close() error {
	if !p.closed {
		p.closed = true
		p.conn.RemoveStatusListener(p.status)
		p.dropInbox()
	}
	return nil
}

// connected forgets old changes of the connection and reports whether it is up now.
func (p *publisher) connected() error {
	for len(p.status) > 0 {
		<-p.status
		p.forget() // the server may have lost its end when it went
	}
	switch status := p.conn.Status(); status {
	case nats.CLOSED:
		return fmt.Errorf("sinks: %s: nothing written: %w", p.target, nats.ErrConnectionClosed)
	case nats.RECONNECTING, nats.CONNECTING, nats.DISCONNECTED:
		return fmt.Errorf("sinks: %s: nothing written: the connection is %s: write again when it is back (%w)",
			p.target, strings.ToLower(status.String()), nats.ErrDisconnected)
	case nats.CONNECTED, nats.DRAINING_SUBS, nats.DRAINING_PUBS:
	}
	return nil
}

// prepare checks all records and computes their subjects before the first is published.
func (p *publisher) prepare(records []Record) error {
	if cap(p.slots) < len(records) {
		p.slots = make([]slot, len(records))
	}
	p.slots = p.slots[:len(records)]
	for i := range records {
		r := &records[i]
		subject, err := p.address(r)
		if err == nil {
			err = checkRecord(r)
		}
		if err != nil {
			return permanent("sinks: %s: record %q: %v", p.target, r.ID, err)
		}
		p.slots[i] = slot{subject: subject}
	}
	return nil
}

// checkRecord tells why a record cannot be put into headers.
func checkRecord(r *Record) error {
	if r.ID == "" {
		return errors.New("it has no ID, so a second copy would not be noticed")
	}
	for _, h := range [...]struct{ name, value string }{
		{IDHeader, r.ID}, {WindowHeader, r.Window}, {FrontierHeader, r.Frontier}, {PipelineHeader, r.Pipeline}, {OriginHeader, r.Origin},
	} {
		if !isHeaderValue(h.value) {
			return fmt.Errorf("the header %s cannot hold %q: control characters and outer spaces do not survive there", h.name, h.value)
		}
	}
	return nil
}

// publish sends the record of a slot.
func (p *publisher) publish(i int, r *Record) error {
	s := &p.slots[i]
	h := p.message.Header
	describe(h, r)
	if r.Path == "" {
		setHeader(h, nats.MsgIdHdr, r.ID)
		setHeader(h, nats.ExpectedLastSubjSeqHdr, "")
	} else {
		setHeader(h, nats.MsgIdHdr, "")
		setHeader(h, nats.ExpectedLastSubjSeqHdr, strconv.FormatUint(s.replaces, 10))
	}
	p.message.Subject, p.message.Reply, p.message.Data = s.subject, p.reply('p', i), r.Payload
	err := p.conn.PublishMsg(&p.message)
	p.message.Data = nil
	switch {
	case errors.Is(err, nats.ErrMaxPayload):
		return permanent("sinks: %s: record %q of %d bytes does not fit, with its headers, into max_payload of the server (%d bytes): "+
			"raise max_payload or make results smaller", p.target, r.ID, len(r.Payload), p.conn.MaxPayload())
	case err != nil:
		return fmt.Errorf("sinks: %s: publishing record %q: %w", p.target, r.ID, err)
	}
	s.state = published
	return nil
}

// reply returns the subject that the answer for a slot shall come to: the kind of request and the number of the slot.
func (p *publisher) reply(kind byte, i int) string {
	b := make([]byte, 0, len(p.inbox)+12)
	b = append(b, p.inbox...)
	b = append(b, kind)
	return string(strconv.AppendInt(b, int64(i), 10))
}

// describe puts what is not the payload of a record into headers.
func describe(h nats.Header, r *Record) {
	setHeader(h, IDHeader, r.ID)
	setHeader(h, VerdictHeader, r.Verdict.String())
	setHeader(h, KeyHeader, HeaderKey(r.Key))
	setHeader(h, WindowHeader, r.Window)
	setHeader(h, FrontierHeader, r.Frontier)
	setHeader(h, VersionHeader, versionText(r.Version))
	setHeader(h, OriginHeader, r.Origin)
	setHeader(h, PipelineHeader, r.Pipeline)
	setHeader(h, DigestHeader, digest(r.Payload))
}

// setHeader sets a header, or removes it if the value is empty, and uses the memory of the message before.
func setHeader(h nats.Header, name, value string) {
	switch values := h[name]; {
	case value == "":
		delete(h, name)
	case len(values) == 1:
		values[0] = value
	default:
		h[name] = []string{value}
	}
}
