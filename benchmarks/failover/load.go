//go:build unix

package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// load sends ids at an even pace and notes when the result of each comes.
type load struct {
	conn   *nats.Conn
	js     jetstream.JetStream
	shards int
	began  time.Time
	pace   time.Duration // between two ids

	mu   sync.Mutex
	sent int
	came map[int]time.Time // when the first result of an id came
	err  error
}

// newLoad makes the stream of the input and listens to results.
func newLoad(ctx context.Context, url string, shards, rate int) (*load, error) {
	conn, err := nats.Connect(url, nats.MaxReconnects(-1))
	if err != nil {
		return nil, err
	}
	js, err := jetstream.New(conn, jetstream.WithPublishAsyncMaxPending(4096))
	if err != nil {
		return nil, err
	}
	if _, err := js.CreateStream(ctx, jetstream.StreamConfig{Name: inStream, Subjects: []string{"failover.in.*"}}); err != nil {
		return nil, err
	}
	l := &load{conn: conn, js: js, shards: shards, pace: time.Second / time.Duration(rate), began: time.Now(), came: make(map[int]time.Time)}
	_, err = conn.Subscribe(seenSubject+".>", func(m *nats.Msg) {
		id, err := strconv.Atoi(string(m.Data))
		l.mu.Lock()
		defer l.mu.Unlock()
		if err != nil {
			l.err = fmt.Errorf("a result is no id: %w", err)
		} else if _, again := l.came[id]; !again {
			l.came[id] = time.Now()
		}
	})
	return l, err
}

// intended is when an id is to be sent.
func (l *load) intended(id int) time.Time { return l.began.Add(time.Duration(id) * l.pace) }

// run sends ids until ctx ends, and then waits until all are stored.
func (l *load) run(ctx context.Context) error {
	ticker := time.NewTicker(time.Millisecond)
	defer ticker.Stop()
	var acks []jetstream.PubAckFuture
	for ctx.Err() == nil {
		select {
		case <-ticker.C:
		case <-ctx.Done():
		}
		for l.intended(l.sent).Before(time.Now()) {
			ack, err := l.js.PublishAsync(inSubject(l.sent%l.shards), []byte(strconv.Itoa(l.sent)))
			if err != nil {
				return err
			}
			acks = append(acks, ack)
			l.mu.Lock()
			l.sent++
			l.mu.Unlock()
		}
		for len(acks) > 0 && acked(acks[0]) {
			acks = acks[1:]
		}
	}
	for _, ack := range acks {
		select {
		case <-ack.Ok():
		case err := <-ack.Err():
			return fmt.Errorf("an id was not stored: %w", err)
		}
	}
	return nil
}

func acked(ack jetstream.PubAckFuture) bool {
	select {
	case <-ack.Ok():
		return true
	default:
		return false
	}
}

// worst waits until every id that was to be sent from since to until has its result, and returns the longest time that one took.
func (l *load) worst(ctx context.Context, since, until time.Time) (worst time.Duration, err error) {
	first := max(0, int(since.Sub(l.began)/l.pace))
	last := int(until.Sub(l.began) / l.pace)
	ticker := time.NewTicker(5 * time.Millisecond)
	defer ticker.Stop()
	for id := first; id <= last; {
		l.mu.Lock()
		for at, there := l.came[id]; there && id <= last; at, there = l.came[id] {
			worst = max(worst, at.Sub(l.intended(id)))
			id++
		}
		err := l.err
		l.mu.Unlock()
		if err != nil {
			return 0, err
		}
		if id > last {
			break
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return 0, fmt.Errorf("id %d has no result: %w", id, ctx.Err())
		}
	}
	return worst, nil
}

// end ends the input.
func (l *load) end(ctx context.Context) error {
	for i := range l.shards {
		m := nats.NewMsg(inSubject(i))
		m.Header.Set("Calm-Seal", "end")
		if _, err := l.js.PublishMsg(ctx, m); err != nil {
			return err
		}
	}
	return nil
}

// check compares what is stored with what was sent: each id once, and each group's count.
func (l *load) check(ctx context.Context) error {
	seen := make(map[string]int)
	if err := l.read(ctx, seenStream, func(data string) { seen[data]++ }); err != nil {
		return err
	}
	var errs []error
	for id := range l.sent {
		if n := seen[strconv.Itoa(id)]; n != 1 {
			errs = append(errs, fmt.Errorf("id %d has %d results", id, n))
		}
	}
	if len(seen) != l.sent {
		errs = append(errs, fmt.Errorf("%d ids have results, %d were sent", len(seen), l.sent))
	}
	want := make(map[string]int)
	for id := range l.sent {
		want[strconv.Itoa(id%groups)]++
	}
	sums := make(map[string]int)
	if err := l.read(ctx, sumsStream, func(data string) {
		key, text, _ := strings.Cut(data, " ")
		n, err := strconv.Atoi(text)
		if err != nil {
			errs = append(errs, fmt.Errorf("the sum %q: %w", data, err))
		}
		sums[key] += n
	}); err != nil {
		return err
	}
	for key, n := range want {
		if sums[key] != n {
			errs = append(errs, fmt.Errorf("group %s has %d ids, and %d were sent", key, sums[key], n))
		}
	}
	if len(errs) > 20 {
		errs = append(errs[:20], fmt.Errorf("and %d more", len(errs)-20))
	}
	return errors.Join(errs...)
}

// read calls each with the content of every message of a stream.
func (l *load) read(ctx context.Context, stream string, each func(string)) error {
	s, err := l.js.Stream(ctx, stream)
	if err != nil {
		return err
	}
	left := s.CachedInfo().State.Msgs
	if left == 0 {
		return nil
	}
	c, err := s.OrderedConsumer(ctx, jetstream.OrderedConsumerConfig{})
	if err != nil {
		return err
	}
	it, err := c.Messages()
	if err != nil {
		return err
	}
	defer it.Stop()
	for ; left > 0; left-- {
		m, err := it.Next(jetstream.NextContext(ctx))
		if err != nil {
			return err
		}
		each(string(m.Data()))
	}
	return nil
}
