package jetstore_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	"github.com/calmstream/calmstream/internal/natstest"
	"github.com/calmstream/calmstream/pipeline/internal/checkpoint"
	"github.com/calmstream/calmstream/pipeline/internal/checkpoint/checkpointtest"
	"github.com/calmstream/calmstream/pipeline/internal/checkpoint/jetstore"
)

func TestConformance(t *testing.T) {
	t.Parallel()
	server := natstest.Run(t)
	conn := server.Conn(t)
	n := make(chan int, 1)
	n <- 0
	checkpointtest.Run(t, func(t *testing.T) checkpoint.Store {
		i := <-n + 1
		n <- i
		return sender{openOn(t, conn, fmt.Sprintf("p%d", i)), t, conn, fmt.Sprintf("p%d", i)}
	})
}

// misfortunes are the ways in which the answer to a fence can go missing, each as the n-th attempt to send it.
func misfortunes() map[string]func(n int, send func() (*nats.Msg, error)) (*nats.Msg, error) {
	lost := func(*nats.Msg, error) (*nats.Msg, error) { return nil, context.DeadlineExceeded }
	return map[string]func(n int, send func() (*nats.Msg, error)) (*nats.Msg, error){
		"stored and not told": func(n int, send func() (*nats.Msg, error)) (*nats.Msg, error) {
			return lost(send())
		},
		"never arrived": func(n int, send func() (*nats.Msg, error)) (*nats.Msg, error) {
			if n < 3 {
				return lost(nil, nil)
			}
			return send()
		},
		"busy": func(n int, send func() (*nats.Msg, error)) (*nats.Msg, error) {
			if n < 3 {
				return apiError(429, 10210), nil
			}
			return send()
		},
		"no leader": func(n int, send func() (*nats.Msg, error)) (*nats.Msg, error) {
			switch n {
			case 1:
				return nil, nats.ErrNoResponders
			case 2:
				return apiError(503, 10008), nil
			case 3:
				return nil, nats.ErrDisconnected
			}
			return send()
		},
		"incomplete": func(n int, send func() (*nats.Msg, error)) (*nats.Msg, error) {
			if n == 1 {
				return apiError(400, 10176), nil
			}
			return send()
		},
		"refused for an attempt under way": func(n int, send func() (*nats.Msg, error)) (*nats.Msg, error) {
			if n < 4 {
				return apiError(400, 10164), nil
			}
			return send()
		},
		"stored and then refused": func(n int, send func() (*nats.Msg, error)) (*nats.Msg, error) {
			if _, err := send(); err != nil {
				return nil, err
			}
			return apiError(400, 10201), nil
		},
	}
}

func TestLostAcknowledgement(t *testing.T) {
	t.Parallel()
	server := natstest.Run(t)
	for name, do := range misfortunes() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := openOn(t, server.Conn(t), "p-"+tokenOf(name))
			onFence(s, do)
			fence, segments := step(t, "w", 1)
			revision := mustCommit(t, s, 0, fence, segments)
			// One chunk and one fence, however many attempts: nothing was stored twice.
			if revision != 2 {
				t.Errorf("revision %d, want 2", revision)
			}
			mustStand(t, s, revision, fence)
		})
	}
}

// TestStrangeAnswer gets answers that no server gives. They are no reason to believe in a commit, or not to.
func TestStrangeAnswer(t *testing.T) {
	t.Parallel()
	server := natstest.Run(t)
	for name, answer := range map[string]string{
		"other stream": `{"stream":"OTHER","seq":2,"batch":"b","count":2}`,
		"other batch":  `{"stream":"KV_calm_%s","seq":2,"batch":"b","count":2}`,
		"no batch":     `{"stream":"KV_calm_%s","seq":2}`,
		"no JSON":      `+OK`,
		"nothing":      ``,
	} {
		for _, arrives := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s %v", name, arrives), func(t *testing.T) {
				t.Parallel()
				pipeline := fmt.Sprintf("p-%s-%v", tokenOf(name), arrives)
				s := openOn(t, server.Conn(t), pipeline)
				onFence(s, func(_ int, send func() (*nats.Msg, error)) (*nats.Msg, error) {
					if arrives {
						if _, err := send(); err != nil {
							return nil, err
						}
					}
					return &nats.Msg{Data: []byte(strings.Replace(answer, "%s", pipeline, 1))}, nil
				})
				fence, segments := step(t, "w", 1)
				_, err := s.Commit(testContext(t), shard, 0, fence, segments)
				if arrives != (err == nil) {
					t.Errorf("got %v", err)
				}
			})
		}
	}
}

// TestLateAttempt lets the first attempt arrive after the second was decided on: the second is refused because of the first.
func TestLateAttempt(t *testing.T) {
	t.Parallel()
	s := open(t, natstest.Run(t))
	var late func() (*nats.Msg, error)
	onFence(s, func(n int, send func() (*nats.Msg, error)) (*nats.Msg, error) {
		if n == 1 {
			late = send
			return nil, context.DeadlineExceeded
		}
		if n == 2 {
			if reply, err := late(); err != nil {
				return reply, err
			}
		}
		return send()
	})
	fence, segments := step(t, "w", 1)
	mustStand(t, s, mustCommit(t, s, 0, fence, segments), fence)
}

// TestLostAndOvertaken lets another owner commit on top of a commit whose acknowledgement is lost.
func TestLostAndOvertaken(t *testing.T) {
	t.Parallel()
	server := natstest.Run(t)
	s, other := open(t, server), open(t, server)
	theirs, theirSegments := step(t, "other", 2)
	onFence(s, func(_ int, send func() (*nats.Msg, error)) (*nats.Msg, error) {
		if _, err := send(); err != nil {
			return nil, err
		}
		mustCommit(t, other, 2, theirs, theirSegments)
		return nil, context.DeadlineExceeded
	})
	fence, segments := step(t, "w", 1)
	_, err := s.Commit(testContext(t), shard, 0, fence, segments)
	wantError(t, err, checkpoint.ErrConflict, "other")
	mustStand(t, s, 4, theirs)
}

// TestWinnerUnderWay is refused for a commit that shows a moment later. The batch is not sent again for that.
func TestWinnerUnderWay(t *testing.T) {
	t.Parallel()
	server := natstest.Run(t)
	s, other := open(t, server), open(t, server)
	theirs, theirSegments := step(t, "other", 2)
	sent, reads := 0, 0
	s.OnRequest(func(next jetstore.RequestFunc) jetstore.RequestFunc {
		return func(ctx context.Context, msg *nats.Msg) (*nats.Msg, error) {
			if isFence(msg) {
				sent++
				return apiError(400, 10164), nil
			}
			reply, err := next(ctx, msg)
			if reads++; reads == 1 {
				mustCommit(t, other, 0, theirs, theirSegments)
			}
			return reply, err
		}
	})
	fence, segments := step(t, "w", 1)
	_, err := s.Commit(testContext(t), shard, 0, fence, segments)
	wantError(t, err, checkpoint.ErrConflict, "other")
	if sent != 1 {
		t.Errorf("the batch was sent %d times", sent)
	}
}

func TestContextEndsCommit(t *testing.T) {
	t.Parallel()
	s := open(t, natstest.Run(t))
	ctx, cancel := context.WithCancel(testContext(t))
	onFence(s, func(n int, _ func() (*nats.Msg, error)) (*nats.Msg, error) {
		if n == 2 {
			cancel()
		}
		return nil, nats.ErrNoResponders
	})
	fence, segments := step(t, "w", 1)
	_, err := s.Commit(ctx, shard, 0, fence, segments)
	wantError(t, err, context.Canceled, "count/3", "revision 0")
}

// TestAbandonedBatch ends a committer in the middle of a batch: nothing of it shows, and the next one is not hindered.
func TestAbandonedBatch(t *testing.T) {
	t.Parallel()
	server := natstest.Run(t)
	killed, s := open(t, server), open(t, server)
	fence, segments := step(t, "w", 1)
	revision := mustCommit(t, s, 0, fence, segments)

	ctx, cancel := context.WithCancel(testContext(t))
	big := checkpointtest.NewSegment(t, "big", make([]byte, 200<<10), make([]byte, 200<<10), make([]byte, 200<<10), make([]byte, 200<<10))
	killed.OnPublish(func(next func(*nats.Msg) error) func(*nats.Msg) error {
		sent := 0
		return func(msg *nats.Msg) error {
			if sent++; sent == 3 {
				cancel()
				return errors.New("killed")
			}
			return next(msg)
		}
	})
	if _, err := killed.Commit(ctx, shard, revision, checkpointtest.NewFence("k", 2, 2, big), []checkpoint.Segment{big}); err == nil {
		t.Fatal("half a batch was acknowledged")
	}
	mustStand(t, s, revision, fence)
	if ids, err := s.Segments(testContext(t), shard); err != nil || len(ids) != 1 {
		t.Errorf("segments %v, %v; want only the first", ids, err)
	}
	next, nextSegments := step(t, "w", 3)
	mustStand(t, s, mustCommit(t, s, revision, next, nextSegments), next)
}

func TestRestart(t *testing.T) {
	t.Parallel()
	server := natstest.Run(t)
	s := open(t, server)
	fence, segments := step(t, "w", 1)
	revision := mustCommit(t, s, 0, fence, segments)
	s.SetPatience(time.Second)
	server.Restart(t)
	mustStand(t, s, revision, fence)
	next, nextSegments := step(t, "w", 2)
	revision = mustCommit(t, s, revision, next, nextSegments)
	mustStand(t, s, revision, next)
}

// TestRestartInsideBatch restarts the server when it has half of a batch, which it forgets.
func TestRestartInsideBatch(t *testing.T) {
	t.Parallel()
	server := natstest.Run(t)
	s := open(t, server)
	s.SetPatience(time.Second)
	big := checkpointtest.NewSegment(t, "big", make([]byte, 200<<10), make([]byte, 200<<10), make([]byte, 200<<10), make([]byte, 200<<10))
	s.OnPublish(func(next func(*nats.Msg) error) func(*nats.Msg) error {
		sent := 0
		return func(msg *nats.Msg) error {
			if sent++; sent == 3 {
				server.Restart(t)
			}
			return next(msg)
		}
	})
	fence := checkpointtest.NewFence("w", 1, 1, big)
	revision := mustCommit(t, s, 0, fence, []checkpoint.Segment{big})
	mustStand(t, s, revision, fence)
	if revision != uint64(len(big.Chunks))+1 {
		t.Errorf("revision %d: more than one batch was stored", revision)
	}
}

// TestManyShardsAtOnce commits more batches at once than the server keeps open.
func TestManyShardsAtOnce(t *testing.T) {
	t.Parallel()
	s := open(t, natstest.Run(t, func(o *server.Options) { o.JetStreamLimits.MaxBatchInflightPerStream = 2 }))
	const shards = 20
	var group sync.WaitGroup
	for i := range shards {
		fence, segments := step(t, "w", uint64(i+1))
		group.Go(func() {
			if _, err := s.Commit(testContext(t), checkpoint.ShardID{Stage: "many", Shard: i}, 0, fence, segments); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	for i := range shards {
		got, err := s.Load(testContext(t), checkpoint.ShardID{Stage: "many", Shard: i})
		if err != nil || got.Fence.Commit != uint64(i+1) {
			t.Errorf("shard %d: loaded %+v, %v", i, got, err)
		}
	}
}

func tokenOf(name string) string {
	b := []byte(name)
	for i, c := range b {
		if c == ' ' {
			b[i] = '-'
		}
	}
	return string(b)
}
