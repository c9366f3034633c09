package jetstore_test

import (
	"context"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/calmstream/calmstream/internal/natstest"
	"github.com/calmstream/calmstream/pipeline/internal/checkpoint"
	"github.com/calmstream/calmstream/pipeline/internal/checkpoint/checkpointtest"
	"github.com/calmstream/calmstream/pipeline/internal/checkpoint/jetstore"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// A bucket without room is waited for, whether the commit is one batch or has parts that go ahead of it.
func TestFullBucket(t *testing.T) {
	t.Parallel()
	large := make([][]byte, 40)
	for i := range large {
		large[i] = make([]byte, 200<<10)
	}
	for name, entries := range map[string][][]byte{"small": {make([]byte, 20<<10)}, "large": large} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := natstest.Run(t)
			js := server.JetStream(t)
			s := open(t, server)
			fence, segments := step(t, "w", 1)
			revision := mustCommit(t, s, 0, fence, segments)
			cfg := settingsOf(t, js)
			cfg.MaxBytes = 10 << 10
			if _, err := js.UpdateStream(testContext(t), cfg); err != nil {
				t.Fatal(err)
			}
			var looks atomic.Int32 // at what has become of an attempt
			s.OnRequest(func(next jetstore.RequestFunc) jetstore.RequestFunc {
				return func(ctx context.Context, msg *nats.Msg) (*nats.Msg, error) {
					if strings.HasPrefix(msg.Subject, "$JS.API.STREAM.MSG.GET.") {
						looks.Add(1)
					}
					return next(ctx, msg)
				}
			})
			seg := checkpointtest.NewSegment(t, "s", entries...)
			next := checkpointtest.NewFence("w", 2, 2, seg)
			ended := make(chan error, 1)
			go func() {
				_, err := s.Commit(testContext(t), shard, revision, next, []checkpoint.Segment{seg})
				ended <- err
			}()
			natstest.Eventually(t, "it was tried several times", func() bool {
				select {
				case err := <-ended:
					t.Fatalf("without room: %v", err)
				default:
				}
				return looks.Load() > 4
			})
			cfg.MaxBytes = -1
			if _, err := js.UpdateStream(testContext(t), cfg); err != nil {
				t.Fatal(err)
			}
			if err := <-ended; err != nil {
				t.Fatal(err)
			}
			got, err := s.Load(testContext(t), shard)
			if err != nil || got.Fence.Position.Seq != 2 {
				t.Errorf("it stands at %d, %v", got.Fence.Position.Seq, err)
			}
		})
	}
}

// What makes checkpoints no less safe may be changed by hand.
func TestSettingsThatMayBeChanged(t *testing.T) {
	t.Parallel()
	server := natstest.Run(t)
	js := server.JetStream(t)
	open(t, server)
	for name, change := range map[string]func(*jetstream.StreamConfig){
		"compression": func(c *jetstream.StreamConfig) { c.Compression = jetstream.NoCompression },
		"history":     func(c *jetstream.StreamConfig) { c.MaxMsgsPerSubject = 5 },
		"limit":       func(c *jetstream.StreamConfig) { c.MaxBytes = 64 << 20 },
		"direct":      func(c *jetstream.StreamConfig) { c.AllowDirect = false },
		"description": func(c *jetstream.StreamConfig) { c.Description = "ours" },
		"markers":     func(c *jetstream.StreamConfig) { c.SubjectDeleteMarkerTTL = time.Minute },
	} {
		cfg := settingsOf(t, js)
		change(&cfg)
		if _, err := js.UpdateStream(testContext(t), cfg); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		s, err := jetstore.Open(testContext(t), jetstore.Config{Conn: server.Conn(t), Pipeline: "p", Epoch: "e-" + name, Logger: logger(t)})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		fence, segments := step(t, "w", 1)
		revision := mustCommit(t, s, 0, fence, segments)
		mustStand(t, s, revision, fence)
		fence, segments = step(t, "w", 2)
		mustStand(t, s, mustCommit(t, s, revision, fence, segments), fence)
	}
}
