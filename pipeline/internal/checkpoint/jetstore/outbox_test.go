package jetstore_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/calmstream/calmstream/internal/natstest"
	"github.com/calmstream/calmstream/pipeline/internal/checkpoint"
	"github.com/calmstream/calmstream/pipeline/internal/checkpoint/checkpointtest"
	"github.com/calmstream/calmstream/pipeline/internal/checkpoint/jetstore"
)

// sender shows the outputs in the bucket of a store.
type sender struct {
	*jetstore.Store
	t        *testing.T
	conn     *nats.Conn
	pipeline string
}

func (s sender) Outputs(id checkpoint.ShardID) (all []checkpoint.Output) {
	prefix := fmt.Sprintf("$KV.calm_%s.e1.%s.%d.out.", s.pipeline, id.Stage, id.Shard)
	for _, m := range messages(s.t, s.conn, jetstore.StateStream(s.pipeline)) {
		name, is := strings.CutPrefix(m.Subject, prefix)
		if !is {
			continue
		}
		o := checkpoint.Output{Name: name, Data: m.Data}
		for h, v := range m.Header {
			if !strings.HasPrefix(h, "Nats-") {
				o.Headers = append(o.Headers, [2]string{h, v[0]})
			}
		}
		slices.SortFunc(o.Headers, func(a, b [2]string) int { return strings.Compare(a[0], b[0]) })
		all = append(all, o)
	}
	return all
}

// messages returns what a stream holds, in order.
func messages(t *testing.T, conn *nats.Conn, name string) (all []*jetstream.RawStreamMsg) {
	t.Helper()
	js, err := jetstream.New(conn)
	if err != nil {
		t.Fatal(err)
	}
	stream, err := js.Stream(testContext(t), name)
	if err != nil {
		t.Fatal(err)
	}
	state := stream.CachedInfo().State
	for seq := max(1, state.FirstSeq); seq <= state.LastSeq; seq++ {
		m, err := stream.GetMsg(testContext(t), seq)
		if errors.Is(err, jetstream.ErrMsgNotFound) {
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, m)
	}
	return all
}

// A stream that sources the outputs has each once and in order, although acknowledgements are lost and others write the same: and once
// it has them they can be removed.
func TestSourcedOutputs(t *testing.T) {
	t.Parallel()
	server := natstest.Run(t)
	s, zombie, conn := open(t, server), open(t, server), server.Conn(t)
	js := server.JetStream(t)
	target, err := js.CreateStream(testContext(t), jetstream.StreamConfig{Name: "T", Sources: []*jetstream.StreamSource{{
		Name: jetstore.StateStream("p"), SubjectTransforms: []jetstream.SubjectTransformConfig{{Source: "$KV.calm_p.*.*.*.out.a/b.>", Destination: "a.b.>"}},
	}}})
	if err != nil {
		t.Fatal(err)
	}
	s.SetPatience(500 * time.Millisecond)
	onFence(s, func(n int, send func() (*nats.Msg, error)) (*nats.Msg, error) {
		reply, err := send()
		if n%2 == 1 {
			return nil, nats.ErrTimeout // it is stored, and nobody hears of it
		}
		return reply, err
	})
	const commits, each = 6, 50
	var revision uint64
	var want []string
	for n := range uint64(commits) {
		fence, segments := step(t, "a", n+1)
		var outputs []checkpoint.Output
		for i := range each {
			outputs = append(outputs, checkpoint.Output{Name: fmt.Sprintf("a/b.final.%d-%d", n, i), Data: []byte("x")}, checkpoint.Output{Name: fmt.Sprintf("other.%d-%d", n, i)})
			want = append(want, fmt.Sprintf("a.b.final.%d-%d", n, i))
		}
		stored, err := s.Commit(testContext(t), shard, revision, fence, segments, outputs...)
		if err != nil {
			t.Fatal(err)
		}
		other, segments := step(t, "zombie", n+1)
		_, err = zombie.Commit(testContext(t), shard, revision, other, segments, append(outputs, checkpoint.Output{Name: "a/b.zombie"})...)
		wantError(t, err, checkpoint.ErrConflict)
		revision = stored
	}
	natstest.Eventually(t, "the stream has all", func() bool {
		info, err := target.Info(testContext(t))
		return err == nil && info.State.Msgs >= commits*each
	})
	var got []string
	last := ""
	for _, m := range messages(t, conn, "T") {
		got = append(got, m.Subject)
		last = m.Header.Get("Nats-Stream-Source")
	}
	if !slices.Equal(got, want) {
		t.Errorf("the stream has %q", got)
	}
	// The last but one before the fence is that of the other outbox.
	if want := fmt.Sprintf("KV_calm_p %d ", revision-2); !strings.HasPrefix(last, want) {
		t.Errorf("the last came from %q, want %q", last, want)
	}
	if _, owing, err := s.FirstOutput(testContext(t), "a/b"); err != nil || !owing {
		t.Errorf("owing is %v, %v", owing, err)
	}
	if header, found, err := s.Output(testContext(t), revision-2); err != nil || !found || header.Get("Nats-Batch-Id") == "" {
		t.Errorf("%v, %v, %v", header, found, err)
	}
	if err := s.RemoveOutputs(testContext(t), "a/b", revision-2); err != nil {
		t.Fatal(err)
	}
	if _, owing, err := s.FirstOutput(testContext(t), "a/b"); err != nil || owing {
		t.Errorf("owing is %v, %v", owing, err)
	}
	if _, found, err := s.Output(testContext(t), revision-2); err != nil || found {
		t.Errorf("found is %v, %v", found, err)
	}
	if left := len(sender{s, t, conn, "p"}.Outputs(shard)); left != commits*each {
		t.Errorf("%d outputs are left, want those of the other outbox", left)
	}
}

// Outputs stay in the batch of their fence, whatever goes ahead of it.
func TestOutputsDoNotGoAhead(t *testing.T) {
	t.Parallel()
	server := natstest.Run(t)
	s := open(t, server)
	fence, segments := step(t, "a", 1)
	revision := mustCommit(t, s, 0, fence, segments)
	var many []checkpoint.Segment
	for i := range 1200 {
		many = append(many, checkpointtest.NewSegment(t, fmt.Sprintf("many-%d", i), []byte("x")))
	}
	var outputs []checkpoint.Output
	for i := range 900 {
		outputs = append(outputs, checkpoint.Output{Name: fmt.Sprintf("box.%d", i)})
	}
	// The fence is not sent at all: what has gone ahead of it must not have outputs.
	onFence(s, func(int, func() (*nats.Msg, error)) (*nats.Msg, error) { return apiError(400, 10077), nil })
	if _, err := s.Commit(testContext(t), shard, revision, checkpointtest.NewFence("a", 2, 2, many...), many, outputs...); err == nil {
		t.Fatal("it was stored")
	}
	if n := len(sender{s, t, server.Conn(t), "p"}.Outputs(shard)); n > 0 {
		t.Errorf("%d outputs have left without their fence", n)
	}
	second := open(t, server)
	if _, err := second.Commit(testContext(t), shard, revision, checkpointtest.NewFence("b", 2, 2), nil, outputs...); err != nil {
		t.Fatal(err)
	}
	if n := len(sender{second, t, server.Conn(t), "p"}.Outputs(shard)); n != len(outputs) {
		t.Errorf("%d outputs have left, want %d", n, len(outputs))
	}
}
