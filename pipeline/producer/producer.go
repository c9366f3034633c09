package producer

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/calmstream/calmstream/internal/plan"
	"github.com/calmstream/calmstream/pipeline/internal/seal"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// ErrNameInUse says that another process publishes under the same name: the server has stored, from somebody else, a record with
// the number that this one wanted to use.
var ErrNameInUse = errors.New("another process publishes under this producer's name")

// Config says who publishes where.
type Config struct {
	// Conn is the connection to publish over. It should reconnect for ever.
	Conn *nats.Conn
	// Name is that of the producer, as the pipeline has registered it. It belongs to one process at a time.
	Name string
	// Stream is the stream, and Shards its division into shards: the same subject filters, in any order, as in pipeline.Source.
	// If there is one shard it may be "", the whole stream.
	Stream string
	Shards []string
	// Since bounds how far back Open looks for what the producer has published before: there must be a promise of its own after
	// it. Zero looks through the whole stream, which a new producer needs.
	Since time.Time
	// Begun is a time before the first record that the producer has ever published, such as the day on which it was put into service;
	// it is written into the configuration once, and not computed at each start. Where the stream has lost messages, and nothing of the
	// producer is left, it tells a new one from one that was away for longer than the stream keeps messages: whose numbers would
	// begin at 1 a second time, and whose records would count as published before. Such a one is refused, and so is one
	// that does not say when it has begun. It can come back by Known.
	Begun time.Time
	// Known is what the caller has kept of what Positions said last, after a Seal or a Flush that has succeeded and with nothing published since. It
	// stands in for what the stream has lost; what is still there counts on from it. It may be left out where the stream keeps the last promise
	// of the producer.
	Known []Position
	// Replay says that the caller publishes again all records since its last Seal that succeeded, whose time is Sealed, in any order. Those that
	// are in the stream already, by their subjects and payloads, are not published a second time: so nothing is lost, and nothing
	// counted twice, whenever the process dies. Until all of them have come again nothing can be promised. It takes some 100 bytes for
	// each until then.
	Replay bool
	// Sealed is the time of that Seal. It is zero if there was none yet, and all records come again.
	Sealed time.Time
	// MaxPending is how many records may be on their way to the server, at most 4096; 0 means 256.
	MaxPending int
}

// Producer publishes records and promises. It may be used by several goroutines: calls wait for each other, and one whose
// context ends before its turn has done nothing.
type Producer struct {
	cfg Config
	js  jetstream.JetStream
	// subjects are those that the stream takes.
	subjects []string

	turn    chan struct{} // holds one while a call has its turn
	shards  []*shard
	pending []flight // the oldest first
	failed  error    // for good: a record that will never arrive has a number
}

// shard is one shard of the input.
type shard struct {
	filter string
	// punctuation is the subject of promises.
	punctuation string
	tally       seal.Tally
	promised    int64
	// there holds, for a Replay, the records in the stream that have not come again: how many of each.
	there map[identity]int
}

// flight is a message on its way.
type flight struct {
	msg    *nats.Msg
	id     string
	future jetstream.PubAckFuture
}

const defaultPending = 256

// Open finds out what the producer has published before, and goes on from there. Numbers that a crash has left unused, between
// records that arrived, are filled with messages that are no records. It reads the stream from Since on. A producer that may have
// been here before, with numbers that are not known any more, is refused: see Config.Begun and Config.Known.
func Open(ctx context.Context, cfg Config) (*Producer, error) {
	switch {
	case cfg.Conn == nil:
		return nil, errors.New("producer: Config.Conn is nil; connect with nats.Connect first")
	case !plan.ValidName(cfg.Name):
		return nil, fmt.Errorf("producer: Config.Name %q must be 1 to 64 letters, digits, '-' or '_'", cfg.Name)
	case cfg.MaxPending < 0:
		return nil, errors.New("producer: Config.MaxPending must not be negative")
	case !cfg.Replay && !cfg.Sealed.IsZero():
		return nil, errors.New("producer: Config.Sealed says from where records come again, but Config.Replay does not say that they do")
	case cfg.MaxPending > seal.MaxAhead:
		return nil, fmt.Errorf("producer: Config.MaxPending must not be above %d: a shard remembers no more records behind one that is published again", seal.MaxAhead)
	case len(cfg.Shards) == 0:
		cfg.Shards = []string{""}
	}
	cfg.MaxPending = cmp.Or(cfg.MaxPending, defaultPending)
	js, err := jetstream.New(cfg.Conn, jetstream.WithPublishAsyncMaxPending(cfg.MaxPending+1), jetstream.WithPublishAsyncTimeout(silence))
	if err != nil {
		return nil, fmt.Errorf("producer %s: %w", cfg.Name, err)
	}
	p := &Producer{cfg: cfg, js: js, turn: make(chan struct{}, 1)}
	if err := p.open(ctx); err != nil {
		return nil, fmt.Errorf("producer %s: %w", cfg.Name, err)
	}
	return p, nil
}

func (p *Producer) open(ctx context.Context) error {
	stream, err := p.js.Stream(ctx, p.cfg.Stream)
	if err != nil {
		return fmt.Errorf("stream %q: %w", p.cfg.Stream, err)
	}
	p.subjects = stream.CachedInfo().Config.Subjects
	for i, filter := range p.cfg.Shards {
		switch {
		case filter == "" && len(p.cfg.Shards) > 1:
			return fmt.Errorf("Config.Shards[%d] is empty, but there are %d; name the subjects of each", i, len(p.cfg.Shards))
		case len(p.subjects) == 0:
			return fmt.Errorf("stream %q takes no messages of its own; publish to its origin", p.cfg.Stream)
		}
		s := &shard{filter: filter, punctuation: plan.Concrete(cmp.Or(filter, p.subjects[0])), promised: plan.Beginning}
		if err := p.takes(s.punctuation); err != nil {
			return fmt.Errorf("Config.Shards[%d] is %q, where promises are published on %s: %w", i, filter, s.punctuation, err)
		}
		p.shards = append(p.shards, s)
		missing, err := p.resume(ctx, stream, s)
		if err != nil {
			return err
		}
		for _, n := range missing {
			if err := p.send(ctx, s, void(s, p.cfg.Name, n), n); err != nil {
				return err
			}
		}
	}
	return p.wait(ctx, 0)
}

// Publish publishes a record and returns once it is on its way, or has waited until fewer than MaxPending are. A record that
// the server has not acknowledged is published again, under its number, until ctx ends. A record that is refused, or has not had its
// turn, has no number and changes nothing; any other error is for good: open the producer again then, with Config.Replay, and
// publish again what was not followed by a Seal that succeeded.
func (p *Producer) Publish(ctx context.Context, subject string, payload []byte) error {
	return p.PublishMsg(ctx, &nats.Msg{Subject: subject, Data: payload})
}

// PublishMsg is Publish for a message with headers, which must not be those of this package or Nats-Msg-Id. The producer
// owns the message after the call.
func (p *Producer) PublishMsg(ctx context.Context, msg *nats.Msg) error {
	if err := p.enter(ctx); err != nil {
		return err
	}
	defer p.leave()
	if err := p.takes(msg.Subject); err != nil {
		return fmt.Errorf("producer %s: %w", p.cfg.Name, err)
	}
	s := p.shardOf(msg.Subject)
	if s == nil {
		return fmt.Errorf("producer %s: the subject %q belongs to none of the shards %q", p.cfg.Name, msg.Subject, p.cfg.Shards)
	}
	if s.again(msg) {
		return nil
	}
	if s.promised == plan.End {
		return fmt.Errorf("producer %s: it has promised that nothing comes any more to the shard %q", p.cfg.Name, s.filter)
	}
	for _, name := range []string{seal.Header, seal.ProducerHeader, seal.SequenceHeader, jetstream.MsgIDHeader} {
		if msg.Header.Get(name) != "" {
			return fmt.Errorf("producer %s: the header %s is not for records to set", p.cfg.Name, name)
		}
	}
	if msg.Header == nil {
		msg.Header = make(nats.Header, 3)
	}
	n := s.tally.Count + 1
	for name, v := range seal.RecordHeaders(p.cfg.Name, n) {
		msg.Header[name] = v
	}
	s.tally.Add(msg.Data)
	return p.fail(p.send(ctx, s, msg, n))
}

// Seal promises that every record before the time has been published, to whatever shard: it waits until all are stored, and then
// until each shard has the promise. A promise that says no more than the one before is not published.
func (p *Producer) Seal(ctx context.Context, before time.Time) error {
	earliest, latest := time.Unix(0, plan.Beginning).Add(plan.MaxWindow), time.Unix(0, plan.End).Add(-plan.MaxWindow)
	if before.Before(earliest) || before.After(latest) {
		return fmt.Errorf("producer %s: the time %s is outside the years that can be represented", p.cfg.Name, before.UTC().Format(time.RFC3339))
	}
	return p.promise(ctx, before.UnixNano())
}

// End promises that nothing comes any more. An input whose producers have all ended is read to its end.
func (p *Producer) End(ctx context.Context) error { return p.promise(ctx, plan.End) }

// Flush waits until all records are stored.
func (p *Producer) Flush(ctx context.Context) error {
	if err := p.enter(ctx); err != nil {
		return err
	}
	defer p.leave()
	return p.fail(p.wait(ctx, 0))
}

// enter waits for the turn of a call, which ends with leave. It fails if the producer has failed for good.
func (p *Producer) enter(ctx context.Context) error {
	select {
	case p.turn <- struct{}{}:
	case <-ctx.Done():
		return fmt.Errorf("producer %s: %w while another call was under way", p.cfg.Name, ctx.Err())
	}
	if err := p.failed; err != nil {
		p.leave()
		return err
	}
	return nil
}

func (p *Producer) leave() { <-p.turn }

func (p *Producer) promise(ctx context.Context, before int64) error {
	if err := p.enter(ctx); err != nil {
		return err
	}
	defer p.leave()
	if err := p.replayed(); err != nil {
		return err
	}
	if err := p.wait(ctx, 0); err != nil {
		return p.fail(err)
	}
	for _, s := range p.shards {
		if before <= s.promised {
			continue
		}
		made := seal.Promise{Tally: s.tally, Before: before}
		msg := &nats.Msg{Subject: s.punctuation, Header: made.Headers(p.cfg.Name)}
		if err := p.again(ctx, flight{msg: msg}); err != nil {
			return p.fail(err)
		}
		s.promised = before
	}
	return nil
}

// fail remembers an error, and says whose it is.
func (p *Producer) fail(err error) error {
	if err != nil && p.failed == nil {
		p.failed = fmt.Errorf("producer %s: %w", p.cfg.Name, err)
	}
	return p.failed
}

// takes returns nil if the stream takes messages on a subject, as far as it was known when the producer was opened.
func (p *Producer) takes(subject string) error {
	for _, token := range strings.Split(subject, ".") {
		if token == "" || token == "*" || token == ">" || strings.ContainsAny(token, " \t\r\n\f") {
			return fmt.Errorf("the stream does not take %q: it is no subject to publish on", subject)
		}
	}
	if !slices.ContainsFunc(p.subjects, func(s string) bool { return plan.Overlap(s, subject) }) {
		return fmt.Errorf("the stream does not take the subject %q, only %q", subject, p.subjects)
	}
	return nil
}

func (p *Producer) shardOf(subject string) *shard {
	for _, s := range p.shards {
		if s.filter == "" || plan.Overlap(s.filter, subject) {
			return s
		}
	}
	return nil
}

// send publishes message n of a shard, and waits while too many are under way.
func (p *Producer) send(ctx context.Context, s *shard, msg *nats.Msg, n uint64) error {
	return p.begin(ctx, flight{msg: msg, id: fmt.Sprintf("calm %s %d %s", p.cfg.Name, n, s.filter)})
}

// begin publishes a message, and waits while too many are under way.
func (p *Producer) begin(ctx context.Context, f flight) (err error) {
	if err := p.wait(ctx, p.cfg.MaxPending-1); err != nil {
		return err
	}
	if f.future, err = p.js.PublishMsgAsync(f.msg, p.options(f)...); err != nil {
		return p.again(ctx, f)
	}
	p.pending = append(p.pending, f)
	return nil
}

// wait waits until no more than so many are under way.
func (p *Producer) wait(ctx context.Context, most int) error {
	for len(p.pending) > most {
		f := p.pending[0]
		select {
		case ack := <-f.future.Ok():
			if ack.Duplicate {
				return fmt.Errorf("%w: %s", ErrNameInUse, f.id)
			}
		case cause := <-f.future.Err():
			if errors.Is(cause, nats.ErrMaxPayload) {
				return fmt.Errorf("%s cannot be stored: %w", f.msg.Subject, cause)
			}
			if err := p.again(ctx, f); err != nil {
				return err
			}
		case <-ctx.Done():
			return ctx.Err()
		}
		p.pending[0] = flight{}
		p.pending = p.pending[1:]
	}
	return nil
}

const (
	// between is the time between attempts.
	between = 250 * time.Millisecond
	// silence is how long an acknowledgement may take before a record is published again.
	silence = 5 * time.Second
)

func (p *Producer) options(f flight) []jetstream.PublishOpt {
	options := []jetstream.PublishOpt{jetstream.WithExpectStream(p.cfg.Stream)}
	if f.id != "" {
		options = append(options, jetstream.WithMsgID(f.id))
	}
	return options
}

// again publishes a message until it is stored, it never can be, or ctx has ended.
func (p *Producer) again(ctx context.Context, f flight) error {
	for {
		_, err := p.js.PublishMsg(ctx, f.msg, p.options(f)...)
		var refused *jetstream.APIError
		switch {
		case err == nil:
			return nil
		case ctx.Err() != nil:
			return fmt.Errorf("%s was not stored: %w", f.msg.Subject, errors.Join(ctx.Err(), err))
		case errors.As(err, &refused) && refused.Code < 500, errors.Is(err, nats.ErrMaxPayload), errors.Is(err, nats.ErrConnectionClosed):
			return fmt.Errorf("%s cannot be stored: %w", f.msg.Subject, err)
		}
		select {
		case <-time.After(between):
		case <-ctx.Done():
		}
	}
}
