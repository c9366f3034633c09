package jetstore_test

import (
	"context"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/calmstream/calmstream/internal/natstest"
	"github.com/calmstream/calmstream/pipeline/internal/checkpoint"
	"github.com/calmstream/calmstream/pipeline/internal/checkpoint/checkpointtest"
	"github.com/calmstream/calmstream/pipeline/internal/checkpoint/jetstore"
)

// TestLossIsNoticed takes an acknowledged checkpoint away in every way there is. None may look like a fresh start.
func TestLossIsNoticed(t *testing.T) {
	t.Parallel()
	cases := map[string]func(t *testing.T, js jetstream.JetStream, s *natstest.Server) string{
		"purged": func(t *testing.T, js jetstream.JetStream, _ *natstest.Server) string {
			stream, err := js.Stream(testContext(t), "KV_calm_p")
			if err != nil {
				t.Fatal(err)
			}
			if err := stream.Purge(testContext(t)); err != nil {
				t.Fatal(err)
			}
			return "purged"
		},
		"deleted": func(t *testing.T, js jetstream.JetStream, _ *natstest.Server) string {
			if err := js.DeleteStream(testContext(t), "KV_calm_p"); err != nil {
				t.Fatal(err)
			}
			return "deleted"
		},
		"made again": func(t *testing.T, js jetstream.JetStream, s *natstest.Server) string {
			if err := js.DeleteStream(testContext(t), "KV_calm_p"); err != nil {
				t.Fatal(err)
			}
			openAgain(t, s)
			return "made again"
		},
		"made again and used": func(t *testing.T, js jetstream.JetStream, s *natstest.Server) string {
			if err := js.DeleteStream(testContext(t), "KV_calm_p"); err != nil {
				t.Fatal(err)
			}
			mustCommit(t, openAgain(t, s), 0, checkpointtest.NewFence("w2", 1, 1), nil)
			return "made again"
		},
	}
	for name, take := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := natstest.Run(t)
			s := open(t, server)
			fence, segments := step(t, "w", 1)
			revision := mustCommit(t, s, 0, fence, segments)
			word := take(t, server.JetStream(t), server)
			_, err := s.Load(testContext(t), shard)
			wantError(t, err, checkpoint.ErrLost, word)
			next, nextSegments := step(t, "w", 2)
			_, err = s.Commit(testContext(t), shard, revision, next, nextSegments)
			wantError(t, err, checkpoint.ErrLost, word)
		})
	}
}

// openAgain opens a store on a bucket that was deleted just before, which the server refuses to make until it has cleaned up.
func openAgain(t *testing.T, server *natstest.Server) *jetstore.Store {
	t.Helper()
	conn := server.Conn(t)
	var s *jetstore.Store
	natstest.Eventually(t, "the bucket can be made again", func() bool {
		var err error
		s, err = jetstore.Open(testContext(t), jetstore.Config{Conn: conn, Pipeline: "p", Epoch: "e1"})
		return err == nil
	})
	return s
}

func TestDamagedFence(t *testing.T) {
	t.Parallel()
	server := natstest.Run(t)
	s := open(t, server)
	if _, err := server.JetStream(t).Publish(testContext(t), "$KV.calm_p.e1.count.3.fence", []byte("rubbish")); err != nil {
		t.Fatal(err)
	}
	_, err := s.Load(testContext(t), shard)
	wantError(t, err, checkpoint.ErrDamaged, "count/3", "revision 1")
}

// TestReadAsksTheLeader lets replicas be silent, behind, or answer for something else.
func TestReadAsksTheLeader(t *testing.T) {
	t.Parallel()
	server := natstest.Run(t)
	const chunks, ahead = 12, 8
	cases := map[string]struct {
		reply *nats.Msg
		err   error
		asked int32 // replicas, at most
	}{
		"silent":   {nil, context.DeadlineExceeded, ahead},
		"off":      {nil, nats.ErrNoResponders, ahead},
		"behind":   {&nats.Msg{Header: nats.Header{"Status": {"404"}, "Description": {"Message Not Found"}}}, nil, chunks},
		"confused": {&nats.Msg{Header: nats.Header{"Nats-Subject": {"else"}}, Data: []byte("else")}, nil, chunks},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			writer, s := openOn(t, server.Conn(t), "p-"+name), openOn(t, server.Conn(t), "p-"+name)
			var direct, leader atomic.Int32
			s.OnRequest(func(next jetstore.RequestFunc) jetstore.RequestFunc {
				return func(ctx context.Context, msg *nats.Msg) (*nats.Msg, error) {
					switch {
					case strings.HasPrefix(msg.Subject, "$JS.API.DIRECT.GET."):
						direct.Add(1)
						return c.reply, c.err
					case strings.HasPrefix(msg.Subject, "$JS.API.STREAM.MSG.GET."):
						leader.Add(1)
					}
					return next(ctx, msg)
				}
			})
			entries := [][]byte{make([]byte, checkpoint.MaxEntry)}
			for len(entries) < chunks {
				entries = append(entries, make([]byte, checkpoint.ChunkTarget/2))
			}
			seg := checkpointtest.NewSegment(t, "s", entries...)
			fence := checkpointtest.NewFence("w", 1, 1, seg)
			mustStand(t, s, mustCommit(t, writer, 0, fence, []checkpoint.Segment{seg}), fence)
			// The fence and all chunks come from the leader, each asked for once.
			if n := direct.Load(); n == 0 || n > c.asked || leader.Load() != 1+chunks {
				t.Errorf("%d requests to replicas and %d to the leader", direct.Load(), leader.Load())
			}
		})
	}
}

// TestFenceIsReadFromTheLeader forbids direct reads of anything but chunks.
func TestFenceIsReadFromTheLeader(t *testing.T) {
	t.Parallel()
	s := open(t, natstest.Run(t))
	s.OnRequest(func(next jetstore.RequestFunc) jetstore.RequestFunc {
		return func(ctx context.Context, msg *nats.Msg) (*nats.Msg, error) {
			if strings.HasPrefix(msg.Subject, "$JS.API.DIRECT.") && !strings.Contains(msg.Subject, ".seg.") {
				t.Errorf("direct read of %s", msg.Subject)
			}
			return next(ctx, msg)
		}
	})
	fence, segments := step(t, "w", 1)
	mustStand(t, s, mustCommit(t, s, 0, fence, segments), fence)
	for range 2 {
		if _, _, err := s.CreateOnce(testContext(t), "start", []byte("v")); err != nil {
			t.Fatal(err)
		}
	}
}

func TestReadEndsWithItsContext(t *testing.T) {
	t.Parallel()
	s := open(t, natstest.Run(t))
	entry := make([]byte, 200<<10)
	seg := checkpointtest.NewSegment(t, "s", entry, entry, entry, entry, entry, entry, entry, entry, entry, entry)
	mustCommit(t, s, 0, checkpointtest.NewFence("w", 1, 1, seg), []checkpoint.Segment{seg})
	s.OnRequest(func(jetstore.RequestFunc) jetstore.RequestFunc {
		return func(ctx context.Context, _ *nats.Msg) (*nats.Msg, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		}
	})
	ctx, cancel := context.WithCancel(testContext(t))
	cancel()
	err := s.Read(ctx, shard, seg.Ref, func([]byte) error { return nil })
	wantError(t, err, context.Canceled, "chunk 0")
}
