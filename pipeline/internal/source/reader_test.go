package source_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
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

func TestReadsAllInOrder(t *testing.T) {
	t.Parallel()
	f, _ := setup(t)
	f.publish(1000, "log.a", "log.b")
	config := f.config()
	config.MaxBatch = 64 // many requests
	r := f.open(config)

	got := f.read(r, 1000)

	f.wantSeqs(got, 1, 1000)
	stored, err := f.stream.GetMsg(f.ctx, 1000)
	if err != nil {
		t.Fatal(err)
	}
	last := got[999]
	if last.Subject != stored.Subject || !bytes.Equal(last.Data, stored.Data) || last.Time != stored.Time.UnixNano() {
		t.Errorf("read %s %q %d, stored was %s %q %d", last.Subject, last.Data, last.Time, stored.Subject, stored.Data, stored.Time.UnixNano())
	}
	if last.Header["Nats-Msg-Id"] == nil {
		t.Error("the header is missing")
	}
	if r.Incarnation() != f.created() || r.Lag() != 0 {
		t.Errorf("incarnation %d and lag %d, want %d and 0", r.Incarnation(), r.Lag(), f.created())
	}
}

func TestHeaderIsNilWithoutOne(t *testing.T) {
	t.Parallel()
	f, _ := setup(t)
	if err := f.conn.Publish("log.plain", []byte("x")); err != nil {
		t.Fatal(err)
	}
	if got := f.read(f.open(f.config()), 1); got[0].Header != nil {
		t.Errorf("header %v", got[0].Header)
	}
}

func TestFilterAndLag(t *testing.T) {
	t.Parallel()
	f, _ := setup(t)
	f.publish(300, "log.a", "log.b", "log.c")
	config := f.config()
	config.Filter, config.MaxBatch = "log.b", 7
	r := f.open(config)
	if r.Lag() != 100 {
		t.Errorf("lag %d at the start, want 100", r.Lag())
	}

	first, err := r.Next(f.ctx, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	if len(first) == 0 || len(first) > 7 || r.Lag() != uint64(100-len(first)) {
		t.Errorf("lag %d after a batch of %d", r.Lag(), len(first))
	}
	for i, m := range append(first, f.read(r, 299)...) {
		if m.Subject != "log.b" || m.Seq != uint64(3*i+2) {
			t.Fatalf("message %d is %s at %d", i, m.Subject, m.Seq)
		}
	}
}

func TestGoesOnFromAPosition(t *testing.T) {
	t.Parallel()
	f, _ := setup(t)
	f.publish(200, "log.a")
	one := f.open(f.config())
	got := f.read(one, 200)
	config := f.config()
	config.Incarnation, config.After, config.LastSeq, config.LastTime = one.Incarnation(), 120, 120, got[119].Time

	two := f.open(config)

	if two.Position() != 120 {
		t.Errorf("position %d at the start, want 120", two.Position())
	}
	f.wantSeqs(f.read(two, 200), 121, 200)

	config.LastSeq, config.LastTime = 0, 0 // as after heartbeats alone
	f.wantSeqs(f.read(f.open(config), 200), 121, 200)
}

func TestFirstStartTakesTheStreamAsItIs(t *testing.T) {
	t.Parallel()
	f, _ := setup(t)
	f.publish(100, "log.a")
	if err := f.stream.Purge(f.ctx, jetstream.WithPurgeSequence(41)); err != nil {
		t.Fatal(err)
	}
	r := f.open(f.config())
	if r.Position() != 40 {
		t.Errorf("position %d, want 40", r.Position())
	}
	f.wantSeqs(f.read(r, 100), 41, 100)
	if err := r.Verify(f.ctx, 0); err != nil {
		t.Error(err)
	}
}

func TestHeartbeatsMoveThePosition(t *testing.T) {
	t.Parallel()
	f, _ := setup(t)
	f.publish(1, "log.mine")
	config := f.config()
	config.Filter = "log.mine"
	r := f.open(config)
	f.wantSeqs(f.read(r, 1), 1, 1)
	f.publish(50, "log.other")

	if got := f.read(r, 51); len(got) != 0 {
		t.Errorf("read %v on the way", seqs(got))
	}

	f.publish(1, "log.mine")
	f.wantSeqs(f.read(r, 52), 52, 52)
	if err := r.Verify(f.ctx, 0); err != nil {
		t.Errorf("nothing was removed, but: %v", err)
	}
}

func TestWakeEndsTheWait(t *testing.T) {
	t.Parallel()
	f, _ := setup(t)
	r := f.open(f.config())
	wake := make(chan struct{}, 1)
	wake <- struct{}{}
	got, err := r.Next(f.ctx, wake, make([]plan.Message, 3))
	if len(got) != 0 || err != nil || len(wake) != 0 {
		t.Errorf("Next returned %d messages and %v; %d wakes are left", len(got), err, len(wake))
	}
}

func TestContextEndsTheWait(t *testing.T) {
	t.Parallel()
	f, _ := setup(t)
	r := f.open(f.config())
	ctx, cancel := context.WithTimeout(f.ctx, 10*time.Millisecond)
	defer cancel()
	if got, err := r.Next(ctx, nil, nil); len(got) != 0 || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Next returned %d messages and %v", len(got), err)
	}
	f.publish(1, "log.a")
	f.wantSeqs(f.read(r, 1), 1, 1)
}

func TestBatchesAreBoundedInMessagesAndBytes(t *testing.T) {
	t.Parallel()
	f, _ := setup(t)
	const small, large, most = 10 << 10, 100 << 10, 64 << 10
	var want []int
	for i := range 60 {
		size := small
		if i%10 == 9 {
			size = large // does not even fit into a whole request
		}
		want = append(want, size)
		f.publishData(bytes.Repeat([]byte{'x'}, size), "log.a")
	}
	config := f.config()
	config.MaxBytes, config.MaxBatch = most, 20
	r := f.open(config)
	var buf []plan.Message
	for n := 0; n < len(want); {
		var err error
		if buf, err = r.Next(f.ctx, nil, buf); err != nil {
			t.Fatal(err)
		}
		total := 0
		for i, m := range buf {
			if i > 0 && total >= most {
				t.Fatalf("a batch had %d bytes and went on", total)
			}
			if total += len(m.Data); len(m.Data) != want[n+i] || m.Seq != uint64(n+i+1) {
				t.Fatalf("message %d has sequence %d and %d bytes", n+i, m.Seq, len(m.Data))
			}
		}
		if n += len(buf); len(buf) > config.MaxBatch {
			t.Fatalf("a batch of %d", len(buf))
		}
	}
}

func TestReadsBothVersionsOfTheReplySubject(t *testing.T) {
	t.Parallel()
	server := natstest.Run(t, func(o *server.Options) {
		o.FeatureFlags = map[string]bool{server.FeatureFlagJsAckFormatV2: true}
	})
	f := on(t, server.JetStream(t), server.Conn(t), 1)
	f.publish(100, "log.a")
	probe, err := f.stream.OrderedConsumer(f.ctx, jetstream.OrderedConsumerConfig{})
	if err != nil {
		t.Fatal(err)
	}
	if m, err := probe.Next(); err != nil || strings.Count(m.Reply(), ".") < 10 {
		t.Fatalf("the server does not use version 2: %v %v", m, err)
	}
	f.wantSeqs(f.read(f.open(f.config()), 100), 1, 100)
}

func TestCloseLeavesNothingBehind(t *testing.T) {
	t.Parallel()
	f, _ := setup(t)
	f.publish(10, "log.a")
	r := f.open(f.config())
	f.read(r, 10)
	if n := consumers(f); n != 1 {
		t.Fatalf("%d consumers while reading", n)
	}
	before := f.conn.NumSubscriptions()
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	if n := consumers(f); n != 0 || f.conn.NumSubscriptions() != before-2 {
		t.Errorf("%d consumers and %d of %d subscriptions are left", n, f.conn.NumSubscriptions(), before)
	}
	if _, err := r.Next(f.ctx, nil, nil); !errors.Is(err, source.ErrClosed) {
		t.Errorf("Next of a closed reader: %v", err)
	}
}

func consumers(f *fixture) int {
	f.Helper()
	info, err := f.stream.Info(f.ctx)
	if err != nil {
		f.Fatal(err)
	}
	return info.State.Consumers
}

// permissions are those that the package comment lists for the stream LOG and the filter log.3.>.
func permissions() *server.Permissions {
	return &server.Permissions{
		Publish: &server.SubjectPermission{Allow: []string{
			"$JS.API.STREAM.INFO.LOG", "$JS.API.STREAM.MSG.GET.LOG", "$JS.API.CONSUMER.CREATE.LOG.*.log.3.>",
			"$JS.API.CONSUMER.MSG.NEXT.LOG.*", "$JS.API.CONSUMER.DELETE.LOG.*",
		}},
		Subscribe: &server.SubjectPermission{Allow: []string{"_INBOX_w.>"}},
	}
}

func restricted(t *testing.T, allowed *server.Permissions) *fixture {
	t.Helper()
	s := natstest.Run(t, func(o *server.Options) {
		o.Users = []*server.User{{Username: "admin"}, {Username: "worker", Permissions: allowed}}
	})
	js, err := jetstream.New(s.Conn(t, nats.UserInfo("admin", "")))
	if err != nil {
		t.Fatal(err)
	}
	return on(t, js, s.Conn(t, nats.UserInfo("worker", ""), nats.CustomInboxPrefix("_INBOX_w"), nats.ErrorHandler(func(*nats.Conn, *nats.Subscription, error) {})), 1)
}

func TestNeedsNoMorePermissionsThanItSays(t *testing.T) {
	t.Parallel()
	f := restricted(t, permissions())
	f.publish(30, "log.3.x", "log.4.x")
	config := f.config()
	config.Filter = "log.3.>"
	r := f.open(config)
	got := f.read(r, 30)
	if len(got) != 15 {
		t.Fatalf("read %d messages, want 15", len(got))
	}
	if err := r.Verify(f.ctx, 0); err != nil {
		t.Error(err)
	}
	config.Incarnation, config.After, config.LastSeq, config.LastTime = r.Incarnation(), 29, 29, got[14].Time
	f.open(config)
	if err := r.Close(); err != nil {
		t.Error(err)
	}
}

func TestDeniedRequestNamesTheSubject(t *testing.T) {
	t.Parallel()
	allowed := permissions()
	allowed.Publish.Allow = allowed.Publish.Allow[:1]
	f := restricted(t, allowed)
	config := f.config()
	config.Filter, config.Timeout = "log.3.>", 200*time.Millisecond
	_, err := source.Open(f.ctx, config)
	if !errors.Is(err, source.ErrUnavailable) || !errors.Is(err, nats.ErrPermissionViolation) {
		t.Errorf("opened: %v", err)
	}
	f.contains(err, "$JS.API.CONSUMER.CREATE.LOG.calm-test-", ".log.3.>", "may not publish")
}

func TestConfigIsChecked(t *testing.T) {
	t.Parallel()
	good := source.Config{Conn: &nats.Conn{}, Stream: "S", ConsumerName: "c"}
	for name, change := range map[string]func(*source.Config){
		"Conn":         func(c *source.Config) { c.Conn = nil },
		"Stream":       func(c *source.Config) { c.Stream = "a.b" },
		"ConsumerName": func(c *source.Config) { c.ConsumerName = "" },
		"Filter":       func(c *source.Config) { c.Filter = "a b" },
		"Heartbeat":    func(c *source.Config) { c.Heartbeat = time.Microsecond },
		"negative":     func(c *source.Config) { c.MaxBatch = -1 },
	} {
		config := good
		change(&config)
		if _, err := source.Open(t.Context(), config); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("wrong %s: %v", name, err)
		}
	}
}

// Reading while publishing, with a caller that is sometimes slow: the requests run out and are made again.
func TestFollowsALiveStream(t *testing.T) {
	t.Parallel()
	f, server := setup(t)
	const n = 3000
	writer := server.JetStream(t)
	failed := make(chan error, 1)
	go func() {
		for i := range n {
			if _, err := writer.PublishAsync("log.a", fmt.Append(nil, i)); err != nil {
				failed <- err
				return
			}
		}
		failed <- nil
	}()
	config := f.config()
	config.MaxBatch = 16
	f.wantSeqs(f.read(f.open(config), n), 1, n)
	if err := <-failed; err != nil {
		t.Fatal(err)
	}
}
