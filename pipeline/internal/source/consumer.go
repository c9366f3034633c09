package source

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/nats-io/nuid"
)

const (
	// inactive is how long the server keeps a consumer that nobody asks for messages.
	inactive = 30 * time.Second
	// heartbeats is how many intervals of heartbeats a pull request lives.
	heartbeats = 100
	// late is how long after its end a pull request that said nothing is taken for forgotten.
	late = 2 * time.Second
)

// consumer is a consumer on the server with the two pull requests that keep messages coming.
//
// Each request has a subscription of its own, so that it is known of every message which request it used up. Both
// deliver into one channel in the order of the connection. The channel has room for everything that two requests
// can bring, so the client library never has to drop a message.
type consumer struct {
	api    *api
	name   string
	prefix string // of the reply subjects of messages; "" until the first
	ch     chan *nats.Msg
	pulls  [2]pull

	// pending is how many messages wait on the server, as the last message said.
	pending uint64

	batch    int // of one request
	maxBytes int
	beat     time.Duration
	expires  time.Duration
}

// pull is one of the two pull requests. The server serves open requests in turns, and going back and forth between two
// costs it and us about a sixth of the speed; so the second is made only when the first is nearly used up.
type pull struct {
	open    bool
	sub     *nats.Subscription
	inbox   string
	serial  int
	reply   string // where the present request is answered: statuses of former ones are told apart by it
	left    int    // messages and bytes that the request still allows
	bytes   int
	asked   int // bytes that it allowed at first
	expires time.Time
}

// consume makes a consumer that begins at sequence start, and asks for its first messages.
func (a *api) consume(ctx context.Context, c Config, start uint64) (*consumer, uint64, error) {
	info, err := a.create(ctx, jetstream.ConsumerConfig{
		Name:              c.ConsumerName + "-" + nuid.Next(),
		DeliverPolicy:     jetstream.DeliverByStartSequencePolicy,
		OptStartSeq:       start,
		AckPolicy:         jetstream.AckNonePolicy,
		FilterSubject:     c.Filter,
		InactiveThreshold: inactive,
		Replicas:          1,
		MemoryStorage:     true,
		Metadata:          c.Metadata,
	})
	if err != nil {
		return nil, 0, err
	}
	// A server can be told to limit what one request may ask for; it then says so in the configuration it answers with.
	expires := lesser(heartbeats*c.Heartbeat, info.Config.MaxRequestExpires)
	k := &consumer{
		api:      a,
		name:     info.Name,
		batch:    lesser(c.MaxBatch, info.Config.MaxRequestBatch),
		maxBytes: lesser(c.MaxBytes, info.Config.MaxRequestMaxBytes),
		pending:  info.NumPending,
		beat:     min(c.Heartbeat, expires/2),
		expires:  expires,
	}
	// Beside its messages a request brings its heartbeats, an end, and sometimes one status more.
	k.ch = make(chan *nats.Msg, 2*(k.batch+heartbeats+8))
	if err := k.start(); err != nil {
		k.abandon()
		return nil, 0, fmt.Errorf("%w: cannot ask for the messages of stream %q: %w", ErrUnavailable, a.stream, err)
	}
	return k, info.NumPending, nil
}

// lesser is the smaller one, where a limit of 0 or less means none.
func lesser[N int | time.Duration](wanted, limit N) N {
	if limit <= 0 {
		return wanted
	}
	return min(wanted, limit)
}

func (k *consumer) start() error {
	for i := range k.pulls {
		p := &k.pulls[i]
		p.inbox = k.api.conn.NewInbox()
		sub, err := k.api.conn.ChanSubscribe(p.inbox+".*", k.ch)
		if err != nil {
			return err
		}
		p.sub = sub
	}
	return k.ask()
}

// reserve is the part of a request, one in so many, that is left when the next one is made: enough to cover the way
// to the server and back.
const reserve = 8

// ask makes requests until what they allow is more than the reserve.
func (k *consumer) ask() error {
	left, bytes := 0, 0
	for i := range k.pulls {
		if p := &k.pulls[i]; p.open {
			left, bytes = left+p.left, bytes+p.bytes
		}
	}
	for i := range k.pulls {
		p := &k.pulls[i]
		if p.open || left*reserve > k.batch && bytes > k.maxBytes/reserve {
			continue
		}
		if err := k.request(p, k.batch, k.maxBytes); err != nil {
			return err
		}
		left, bytes = left+p.left, bytes+p.bytes
	}
	return nil
}

// again notes that a request has ended, and asks for more.
func (k *consumer) again(p *pull) error {
	p.open = false
	return k.ask()
}

func (k *consumer) request(p *pull, batch, maxBytes int) error {
	p.open = true
	p.serial++
	p.reply = p.inbox + "." + strconv.Itoa(p.serial)
	p.left, p.bytes, p.asked = batch, maxBytes, maxBytes
	p.expires = time.Now().Add(k.expires + late)
	body := fmt.Appendf(nil, `{"batch":%d,"max_bytes":%d,"expires":%d`, batch, maxBytes, k.expires)
	if !k.behind() {
		body = fmt.Appendf(body, `,"idle_heartbeat":%d`, k.beat)
	}
	body = append(body, '}')
	return k.api.conn.PublishRequest("$JS.API.CONSUMER.MSG.NEXT."+k.api.stream+"."+k.name, p.reply, body)
}

// behind reports whether all open requests will be used up by messages that wait already. Such requests go without
// heartbeats: the server reads its clock for each message of a request that wants them. If what waits is taken away
// meanwhile, the consumer falls silent and is replaced.
func (k *consumer) behind() bool {
	wanted := 0
	for i := range k.pulls {
		if p := &k.pulls[i]; p.open {
			wanted += max(0, p.left)
		}
	}
	return k.pending >= uint64(wanted)
}

// delivery reads what the reply subject says. It is not ok for a message that does not come from the stream.
func (k *consumer) delivery(m *nats.Msg) (delivery, bool) {
	if k.prefix == "" || !strings.HasPrefix(m.Reply, k.prefix) {
		prefix := ackPrefix(m.Reply)
		if prefix == "" {
			return delivery{}, false
		}
		k.prefix = prefix
	}
	return parseDelivery(m.Reply, len(k.prefix))
}

// take counts a message against the request that brought it, and asks again if the request is used up. The server counts
// the same bytes; a request of which it has used the last byte ends without a word.
func (k *consumer) take(m *nats.Msg) error {
	p := k.of(m)
	p.left--
	p.bytes -= m.Size()
	switch {
	case p.left == 0 || p.bytes == 0:
		return k.again(p)
	case p.left*reserve <= k.batch || p.bytes <= k.maxBytes/reserve:
		return k.ask()
	}
	return nil
}

func (k *consumer) of(m *nats.Msg) *pull {
	if m.Sub == k.pulls[0].sub {
		return &k.pulls[0]
	}
	return &k.pulls[1]
}

// end handles the status messages that end a request. It returns an error if the consumer is in doubt.
func (k *consumer) end(m *nats.Msg) error {
	p := k.of(m)
	present := m.Subject == p.reply
	status, description := m.Header.Get("Status"), m.Header.Get("Description")
	switch {
	case status == "408", status == "409" && description == "Batch Completed":
		if present {
			return k.again(p)
		}
		return nil
	case status == "409" && description == "Message Size Exceeds MaxBytes":
		if !present {
			return nil
		}
		if p.bytes == p.asked && p.asked == k.maxBytes {
			// Not even one message fits into a whole request.
			k.maxBytes *= 2
		}
		return k.again(p)
	case status == "503":
		return errors.New("the server does not know the consumer any more (503)")
	case status == "":
		return fmt.Errorf("a message on %s is neither of the stream nor a status", m.Subject)
	}
	return fmt.Errorf("the server ended a request with %s %s", status, description)
}

// revive replaces requests that must have ended without having said so.
func (k *consumer) revive() error {
	now := time.Now()
	for i := range k.pulls {
		if p := &k.pulls[i]; p.open && now.After(p.expires) {
			if err := k.again(p); err != nil {
				return err
			}
		}
	}
	return nil
}

// heartbeat reads the sequences of a heartbeat. It is not ok for other messages.
func heartbeat(m *nats.Msg) (consumer, stream uint64, ok bool) {
	if m.Header.Get("Status") != "100" {
		return 0, 0, false
	}
	consumer, err := strconv.ParseUint(m.Header.Get("Nats-Last-Consumer"), 10, 64)
	if err != nil {
		return 0, 0, false
	}
	stream, err = strconv.ParseUint(m.Header.Get("Nats-Last-Stream"), 10, 64)
	return consumer, stream, err == nil
}

// silence ends the subscriptions. Errors mean that there is nothing to end.
func (k *consumer) silence() {
	for i := range k.pulls {
		if sub := k.pulls[i].sub; sub != nil {
			_ = sub.Unsubscribe()
		}
	}
}

// abandon ends the consumer without waiting for an answer. If the request to delete it gets lost, the server deletes it
// for inactivity.
func (k *consumer) abandon() {
	k.silence()
	_ = k.api.conn.Publish(k.api.deleteSubject(k.name), nil)
}

// remove ends the consumer and waits for the answer.
func (k *consumer) remove(ctx context.Context) error {
	k.silence()
	return k.api.remove(ctx, k.name)
}
