package source_test

import (
	"context"
	"errors"
	"log/slog"
	"testing"

	"github.com/calmstream/calmstream/internal/natstest"
	"github.com/calmstream/calmstream/internal/plan"
	"github.com/calmstream/calmstream/pipeline/internal/source"
)

func TestMessageLostOnTheWayIsReadAgain(t *testing.T) {
	t.Parallel()
	f, _ := setup(t)
	f.publish(100, "log.a")
	r := f.open(f.config())
	natstest.Eventually(t, "messages have arrived", func() bool { return source.Arrived(r) >= 50 })
	source.Steal(t, r)
	f.wantSeqs(f.read(r, 100), 1, 100)
}

func TestLostTailIsReadAgain(t *testing.T) {
	t.Parallel()
	f, _ := setup(t)
	f.publish(5, "log.a")
	r := f.open(f.config())
	before := source.ConsumerName(r)
	for range 5 {
		source.Steal(t, r)
	}
	f.wantSeqs(f.read(r, 5), 1, 5)
	if source.ConsumerName(r) == before {
		t.Error("the consumer is the same")
	}
}

func TestConsumerDeletedUnderTheReader(t *testing.T) {
	t.Parallel()
	f, _ := setup(t)
	f.publish(500, "log.a")
	config := f.config()
	config.MaxBatch = 50
	r := f.open(config)
	got := f.read(r, 100)
	if err := f.stream.DeleteConsumer(f.ctx, f.consumer(r)); err != nil {
		t.Fatal(err)
	}
	f.publish(500, "log.a")
	f.wantSeqs(append(got, f.read(r, 1000)...), 1, 1000)
	natstest.Eventually(t, "one consumer is on the stream", func() bool { return consumers(f) == 1 })
}

// The words with which a deleted consumer ends its requests are lost, too: the heartbeats that do not come make up for them.
func TestSilentConsumerIsReplaced(t *testing.T) {
	t.Parallel()
	f, _ := setup(t)
	r := f.open(f.config())
	before := source.ConsumerName(r)
	steal := func(status string) {
		for source.Steal(t, r).Header.Get("Status") != status {
		}
	}
	steal("100") // the request has reached the consumer
	if err := f.stream.DeleteConsumer(f.ctx, before); err != nil {
		t.Fatal(err)
	}
	steal("409")
	f.publish(10, "log.a")
	f.wantSeqs(f.read(r, 10), 1, 10)
	if source.ConsumerName(r) == before {
		t.Error("the consumer is the same")
	}
}

func TestServerRestartedUnderTheReader(t *testing.T) {
	t.Parallel()
	f, server := setup(t)
	f.publish(400, "log.a")
	config := f.config()
	config.MaxBatch = 50
	r := f.open(config)
	got := f.read(r, 100)
	server.Restart(t)
	f.publish(100, "log.a")
	f.wantSeqs(append(got, f.read(r, 500)...), 1, 500)
}

func TestUnreachableServerIsWaitedFor(t *testing.T) {
	t.Parallel()
	f, server := setup(t)
	f.publish(20, "log.a")
	r := f.open(f.config())
	got := f.read(r, 20)
	server.Shutdown()

	warned, cancel := context.WithCancel(f.ctx)
	defer cancel()
	f.logs.onWarning(cancel)
	if _, err := r.Next(warned, nil, nil); !errors.Is(err, context.Canceled) {
		t.Fatalf("without a server: %v", err)
	}
	for range 3 {
		f.attempt(r)
	}
	wake := make(chan struct{}, 1)
	wake <- struct{}{}
	if buf, err := r.Next(f.ctx, wake, nil); len(buf) != 0 || err != nil || len(wake) != 0 {
		t.Errorf("woken without a server: %d messages, %v", len(buf), err)
	}

	server.Restart(t)
	f.publish(20, "log.a")
	f.wantSeqs(append(got, f.read(r, 40)...), 1, 40)
	if n := f.logs.count(slog.LevelWarn); n != 1 {
		t.Errorf("%d warnings of one outage", n)
	}
}

func TestClosedConnectionEndsTheReading(t *testing.T) {
	t.Parallel()
	f, _ := setup(t)
	r := f.open(f.config())
	f.conn.Close()
	if _, err := f.failure(r); !errors.Is(err, source.ErrClosed) {
		t.Errorf("ended with %v", err)
	}
}

func TestClusterLosesLeadersAndServers(t *testing.T) {
	t.Parallel()
	cluster := natstest.RunCluster(t, 3)
	f := on(t, cluster.JetStream(t), cluster.Conn(t), 3)
	f.publish(100, "log.a")
	config := f.config()
	config.MaxBatch = 20
	r := f.open(config)
	var got []plan.Message
	for end := uint64(100); end <= 300; end += 100 {
		got = append(got, f.read(r, end-50)...)
		cluster.StepDown(t, streamName)
		f.publish(100, "log.a")
	}
	got = append(got, f.read(r, 400)...)
	cluster.ConsumerLeader(t, streamName, f.consumer(r)).Shutdown()
	f.publish(100, "log.a")
	f.wantSeqs(append(got, f.read(r, 500)...), 1, 500)
	if err := r.Verify(f.ctx, 0); err != nil {
		t.Error(err)
	}
}
