package jetstore_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/calmstream/calmstream/internal/natstest"
	"github.com/calmstream/calmstream/pipeline/internal/checkpoint"
	"github.com/calmstream/calmstream/pipeline/internal/checkpoint/checkpointtest"
	"github.com/calmstream/calmstream/pipeline/internal/checkpoint/jetstore"
)

var shard = checkpoint.ShardID{Stage: "count", Shard: 3}

// testContext ends with the test, and before the test binary loses its patience.
func testContext(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	return ctx
}

// open opens a store of the pipeline "p" in epoch "e1" on a connection of its own.
func open(t *testing.T, server *natstest.Server) *jetstore.Store {
	t.Helper()
	return openOn(t, server.Conn(t), "p")
}

func openOn(t *testing.T, conn *nats.Conn, pipeline string) *jetstore.Store {
	t.Helper()
	s, err := jetstore.Open(testContext(t), jetstore.Config{Conn: conn, Pipeline: pipeline, Epoch: "e1", Logger: logger(t)})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// logger shows with a failed test what its stores have to say.
func logger(t *testing.T) *slog.Logger {
	t.Helper()
	return slog.New(slog.NewTextHandler(t.Output(), nil))
}

// step is a commit of one small segment, whose number is the position too.
func step(t testing.TB, writer string, n uint64) (checkpoint.Fence, []checkpoint.Segment) {
	t.Helper()
	seg := checkpointtest.NewSegment(t, fmt.Sprintf("%s-%d", writer, n), fmt.Appendf(nil, "state %d", n))
	return checkpointtest.NewFence(writer, n, n, seg), []checkpoint.Segment{seg}
}

func mustCommit(t *testing.T, s *jetstore.Store, revision uint64, fence checkpoint.Fence, segments []checkpoint.Segment) uint64 {
	t.Helper()
	got, err := s.Commit(testContext(t), shard, revision, fence, segments)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// mustStand checks that the fence of the commit stands and that all its segments can be read.
func mustStand(t *testing.T, s *jetstore.Store, revision uint64, fence checkpoint.Fence) {
	t.Helper()
	got, err := s.Load(testContext(t), shard)
	if err != nil || got.Revision != revision || !bytes.Equal(checkpoint.AppendFence(nil, got.Fence), checkpoint.AppendFence(nil, fence)) {
		t.Fatalf("loaded %+v, %v; want revision %d of %+v", got, err, revision, fence)
	}
	for _, ref := range got.Fence.Segments {
		if err := s.Read(testContext(t), shard, ref, func([]byte) error { return nil }); err != nil {
			t.Fatal(err)
		}
	}
}

// wantError checks the kind of an error and the words that must be in it.
func wantError(t *testing.T, err, kind error, words ...string) {
	t.Helper()
	if !errors.Is(err, kind) {
		t.Fatalf("got error %v, want one that is %q", err, kind)
	}
	for _, w := range words {
		if !strings.Contains(err.Error(), w) {
			t.Errorf("error %q does not say %q", err, w)
		}
	}
}

func isFence(msg *nats.Msg) bool { return strings.HasSuffix(msg.Subject, ".fence") }

// onFence lets do answer the n-th attempt (from 1) to send a fence; every other message goes its way. Send also
// works when the store has given the attempt up.
func onFence(s *jetstore.Store, do func(n int, send func() (*nats.Msg, error)) (*nats.Msg, error)) {
	n := 0
	s.OnRequest(func(next jetstore.RequestFunc) jetstore.RequestFunc {
		return func(ctx context.Context, msg *nats.Msg) (*nats.Msg, error) {
			if !isFence(msg) {
				return next(ctx, msg)
			}
			n++
			return do(n, func() (*nats.Msg, error) {
				ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
				defer cancel()
				return next(ctx, msg)
			})
		}
	})
}

func apiError(code, errCode int) *nats.Msg {
	return &nats.Msg{Data: fmt.Appendf(nil, `{"error":{"code":%d,"err_code":%d,"description":"made up by a test"},"stream":"KV_calm_p","seq":0}`, code, errCode)}
}
