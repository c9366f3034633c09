package source_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/calmstream/calmstream/internal/natstest"
	"github.com/calmstream/calmstream/internal/plan"
	"github.com/calmstream/calmstream/pipeline/internal/source"
	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// script plays the JetStream API on a server that has none, for what a real one does too seldom to wait for.
type script struct {
	*testing.T
	conn    *nats.Conn
	tails   []uint64 // last sequences that the stream is said to have, in turn; the last one stays
	limits  jetstream.ConsumerConfig
	creates chan string
	pulls   chan request
}

// request is a pull request.
type request struct {
	reply     string
	Batch     int           `json:"batch"`
	MaxBytes  int           `json:"max_bytes"`
	Expires   time.Duration `json:"expires"`
	Heartbeat time.Duration `json:"idle_heartbeat"`
}

func (q request) inbox() string { return q.reply[:strings.LastIndex(q.reply, ".")] }

func play(t *testing.T, s *script) (*script, source.Config) {
	t.Helper()
	srv := natstest.Run(t, func(o *server.Options) { o.JetStream = false })
	s.T, s.conn, s.creates, s.pulls = t, srv.Conn(t), make(chan string, 100), make(chan request, 100)
	if _, err := s.conn.Subscribe("$JS.API.>", s.answer); err != nil {
		t.Fatal(err)
	}
	if err := s.conn.Flush(); err != nil {
		t.Fatal(err)
	}
	return s, source.Config{
		Conn: srv.Conn(t), Stream: "S", ConsumerName: "c", MaxBatch: 10, MaxBytes: 1000,
		Heartbeat: 10 * time.Second, // so that silence is never the reason
		Logger:    slog.New(&logs{}),
	}
}

func (s *script) answer(m *nats.Msg) {
	switch call := strings.TrimPrefix(m.Subject, "$JS.API."); {
	case call == "STREAM.INFO.S":
		tail := s.tails[0]
		if len(s.tails) > 1 {
			s.tails = s.tails[1:]
		}
		s.respond(m, jetstream.StreamInfo{
			Config: jetstream.StreamConfig{Name: "S", Subjects: []string{"s"}}, Created: time.Unix(1, 0),
			State: jetstream.StreamState{FirstSeq: 1, LastSeq: tail},
		})
	case strings.HasPrefix(call, "CONSUMER.CREATE.S."):
		config := s.limits
		config.Name = strings.TrimPrefix(call, "CONSUMER.CREATE.S.")
		s.creates <- config.Name
		s.respond(m, jetstream.ConsumerInfo{Name: config.Name, Config: config})
	case strings.HasPrefix(call, "CONSUMER.MSG.NEXT.S."):
		q := request{reply: m.Reply}
		if err := json.Unmarshal(m.Data, &q); err != nil {
			s.Errorf("pull request %s: %v", m.Data, err)
		}
		s.pulls <- q
	case strings.HasPrefix(call, "CONSUMER.DELETE.S.") && m.Reply != "":
		s.respond(m, struct{}{})
	}
}

func (s *script) respond(m *nats.Msg, answer any) {
	data, err := json.Marshal(answer)
	if err == nil {
		err = m.Respond(data)
	}
	if err != nil {
		s.Error(err)
	}
}

// status sends a status message to a reply subject.
func (s *script) status(reply, code, description string, more ...string) {
	s.Helper()
	m := nats.NewMsg(reply)
	m.Header.Set("Status", code)
	m.Header.Set("Description", description)
	for i := 0; i < len(more); i += 2 {
		m.Header.Set(more[i], more[i+1])
	}
	if err := s.conn.PublishMsg(m); err != nil {
		s.Fatal(err)
	}
}

func (s *script) beat(reply string, consumer, stream int) {
	s.Helper()
	s.status(reply, "100", "Idle Heartbeat", "Nats-Last-Consumer", fmt.Sprint(consumer), "Nats-Last-Stream", fmt.Sprint(stream))
}

func (s *script) open(config source.Config) *source.Reader {
	s.Helper()
	r, err := source.Open(s.Context(), config)
	if err != nil {
		s.Fatal(err)
	}
	s.Cleanup(func() {
		if err := r.Close(); err != nil {
			s.Error(err)
		}
	})
	return r
}

// next is the next pull request; it fails if there is none although the reader had time to make one.
func (s *script) next(r *source.Reader) request {
	s.Helper()
	deadline := time.Now().Add(10 * time.Second)
	for time.Now().Before(deadline) {
		select {
		case q := <-s.pulls:
			return q
		default:
			s.work(r)
		}
	}
	s.Fatal("no pull request came")
	return request{}
}

// work lets the reader handle what has arrived, and returns the messages.
func (s *script) work(r *source.Reader) []plan.Message {
	s.Helper()
	ctx, cancel := context.WithTimeout(s.Context(), 10*time.Millisecond)
	defer cancel()
	got, err := r.Next(ctx, nil, nil)
	if err != nil && !errors.Is(err, context.DeadlineExceeded) {
		s.Fatal(err)
	}
	return got
}

func TestOneAnswerFromThePastIsNotBelieved(t *testing.T) {
	t.Parallel()
	s, config := play(t, &script{tails: []uint64{5, 20}})
	config.Incarnation, config.After = time.Unix(1, 0).UnixNano(), 10
	if r := s.open(config); r.Position() != 10 {
		t.Errorf("position %d", r.Position())
	}
}

func TestRequestsAreBoundedAndStaggered(t *testing.T) {
	t.Parallel()
	s, config := play(t, &script{tails: []uint64{0}})
	r := s.open(config)
	first := s.next(r)
	if first.Batch != 10 || first.MaxBytes != 1000 || first.Heartbeat != 10*time.Second || first.Expires != 1000*time.Second {
		t.Errorf("asked for %+v", first)
	}
	for i := range 9 {
		if n := len(s.pulls); n > 0 {
			t.Fatalf("after %d of 10 messages there is another request", i)
		}
		source.Inject(r, &nats.Msg{Subject: "s", Reply: fmt.Sprintf("$JS.ACK.S.c.1.%d.%d.1000.0", i+1, i+1)})
		s.work(r)
	}
	if second := s.next(r); second.inbox() == first.inbox() || second.Batch != 10 {
		t.Errorf("asked for %+v after %+v", second, first)
	}
}

func TestLimitsOfTheServerAreKept(t *testing.T) {
	t.Parallel()
	limits := jetstream.ConsumerConfig{MaxRequestBatch: 4, MaxRequestMaxBytes: 300, MaxRequestExpires: 30 * time.Millisecond}
	s, config := play(t, &script{tails: []uint64{0}, limits: limits})
	r := s.open(config)
	if q := s.next(r); q.Batch != 4 || q.MaxBytes != 300 || q.Expires != 30*time.Millisecond || q.Heartbeat != 15*time.Millisecond {
		t.Errorf("asked for %+v", q)
	}
}

func TestRequestUsedUpToTheLastByteIsReplaced(t *testing.T) {
	t.Parallel()
	s, config := play(t, &script{tails: []uint64{0}})
	r := s.open(config)
	first := s.next(r)
	const subject, ack = "s", "$JS.ACK.S.c.1.1.1.1000.0"
	source.Inject(r, &nats.Msg{Subject: subject, Reply: ack, Data: make([]byte, first.MaxBytes-len(ack)-len(subject))})
	if q := s.next(r); q.reply == first.reply || q.Batch != 10 {
		t.Errorf("the next request is %+v after %+v", q, first)
	}
	if len(s.creates) != 1 {
		t.Errorf("%d consumers were made", len(s.creates))
	}
}

func TestRequestUsedUpToTheLastMessageIsReplaced(t *testing.T) {
	t.Parallel()
	s, config := play(t, &script{tails: []uint64{0}})
	r := s.open(config)
	first := s.next(r)
	for i := range first.Batch {
		source.Inject(r, &nats.Msg{Subject: "s", Reply: fmt.Sprintf("$JS.ACK.S.c.1.%d.%d.1000.0", i+1, i+1)})
	}
	second := s.next(r)
	s.status(second.reply, "408", "Request Timeout") // the first one is free to be made again
	if q := s.next(r); q.inbox() != first.inbox() || q.reply == first.reply || q.Batch != 10 {
		t.Errorf("the next request is %+v after %+v", q, second)
	}
}

func TestSilenceEndsTheConsumer(t *testing.T) {
	t.Parallel()
	s, config := play(t, &script{tails: []uint64{0}})
	config.Heartbeat = 100 * time.Millisecond
	start := time.Now()
	r := s.open(config)
	s.next(r)
	s.next(r)
	if took := time.Since(start); len(s.creates) < 2 || took < 300*time.Millisecond {
		t.Errorf("%d consumers were made in %v of silence", len(s.creates), took)
	}
}

func TestEndOfAFormerRequestIsIgnored(t *testing.T) {
	t.Parallel()
	s, config := play(t, &script{tails: []uint64{0}})
	r := s.open(config)
	former := s.next(r)
	s.status(former.reply, "408", "Request Timeout")
	present := s.next(r)
	for _, description := range []string{"Batch Completed", "Message Size Exceeds MaxBytes"} {
		s.status(former.reply, "409", description)
	}
	s.status(former.reply, "408", "Request Timeout")
	s.status(present.reply, "408", "Request Timeout")
	if q := s.next(r); !strings.HasSuffix(q.reply, ".3") { // the third request, and no more than that
		t.Errorf("a status of request %s had request %s made after %s", former.reply, q.reply, present.reply)
	}
}

// The consumer is kept alive by heartbeats, but no request ends with a word.
func TestForgottenRequestIsReplaced(t *testing.T) {
	t.Parallel()
	s, config := play(t, &script{tails: []uint64{0}, limits: jetstream.ConsumerConfig{MaxRequestExpires: 100 * time.Millisecond}})
	config.Heartbeat = time.Second
	r := s.open(config)
	forgotten := s.next(r)
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); {
		s.beat(forgotten.reply, 0, 0)
		s.work(r)
		select {
		case q := <-s.pulls:
			if q.inbox() != forgotten.inbox() {
				t.Fatal("the consumer was given up: heartbeats came too slowly")
			}
			return
		default:
		}
	}
	t.Fatal("the forgotten request was not replaced")
}

func TestWhatNobodyUnderstandsEndsTheConsumer(t *testing.T) {
	t.Parallel()
	for name, send := range map[string]func(s *script, reply string){
		"a status":    func(s *script, reply string) { s.status(reply, "409", "Leadership Change") },
		"a heartbeat": func(s *script, reply string) { s.status(reply, "100", "Idle Heartbeat") },
		"a message": func(s *script, reply string) {
			if err := s.conn.Publish(reply, []byte("x")); err != nil {
				s.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, config := play(t, &script{tails: []uint64{7}})
			r := s.open(config)
			first := s.next(r)
			send(s, first.reply)
			s.next(r)
			if len(s.creates) != 2 {
				t.Errorf("%d consumers were made", len(s.creates))
			}
		})
	}
}

func TestAttemptsArePaced(t *testing.T) {
	t.Parallel()
	s, config := play(t, &script{tails: []uint64{0}})
	r := s.open(config)
	start := time.Now()
	const attempts = 4
	for range attempts {
		q := s.next(r)
		s.status(q.reply, "409", "Leadership Change")
	}
	// The first attempt is made at once, the others after 100 and 200 ms.
	if took := time.Since(start); took < 300*time.Millisecond {
		t.Errorf("%d consumers in %v", attempts, took)
	}
}
