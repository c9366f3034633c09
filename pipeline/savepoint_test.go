package pipeline_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/calmstream/calmstream/internal/natstest"
	"github.com/calmstream/calmstream/pipeline"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// copyStream backs a stream up on one server and restores it on another, as `nats stream backup` and `restore` do.
func copyStream(t testing.TB, from, to *nats.Conn, name string) {
	t.Helper()
	inbox := from.NewInbox()
	sub, err := from.SubscribeSync(inbox)
	if err != nil {
		t.Fatal(err)
	}
	var snapshot struct {
		Config json.RawMessage `json:"config"`
		State  json.RawMessage `json:"state"`
		Error  json.RawMessage `json:"error"`
	}
	ask(t, from, "$JS.API.STREAM.SNAPSHOT."+name, map[string]any{"deliver_subject": inbox}, &snapshot)
	if snapshot.Error != nil {
		t.Fatalf("backup of %s: %s", name, snapshot.Error)
	}
	var chunks [][]byte
	for {
		msg, err := sub.NextMsg(10 * time.Second)
		if err != nil {
			t.Fatal(err)
		}
		if len(msg.Data) == 0 {
			break
		}
		chunks = append(chunks, msg.Data)
		if msg.Reply != "" {
			if err := msg.Respond(nil); err != nil {
				t.Fatal(err)
			}
		}
	}
	var restore struct {
		Deliver string          `json:"deliver_subject"`
		Error   json.RawMessage `json:"error"`
	}
	ask(t, to, "$JS.API.STREAM.RESTORE."+name, map[string]any{"config": snapshot.Config, "state": snapshot.State}, &restore)
	if restore.Error != nil {
		t.Fatalf("restore of %s: %s", name, restore.Error)
	}
	for _, chunk := range append(chunks, nil) {
		reply, err := to.Request(restore.Deliver, chunk, 10*time.Second)
		if err != nil || bytes.Contains(reply.Data, []byte(`"error"`)) {
			t.Fatalf("restore of %s: %v", name, err)
		}
	}
}

func ask(t testing.TB, conn *nats.Conn, subject string, request, answer any) {
	t.Helper()
	data, err := json.Marshal(request)
	if err != nil {
		t.Fatal(err)
	}
	reply, err := conn.Request(subject, data, 10*time.Second)
	if err == nil {
		err = json.Unmarshal(reply.Data, answer)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// begun is a pipeline of two shards with an exchange between its stages that was stopped, or not, in the middle of its input.
type begun struct {
	srv  *natstest.Server
	in   *input
	want map[string]uint64
	file []byte
	sum  pipeline.Savepoint
}

// begin runs the pipeline for some of its input and exports it, while it runs or once it was stopped.
func begin(t *testing.T, name string, running bool) *begun {
	t.Helper()
	b := &begun{srv: natstest.Run(t), want: make(map[string]uint64)}
	b.in = newInput(t, b.srv.JetStream(t), name, 2)
	put := func(from, to int) {
		for i := from; i < to; i++ {
			line := fmt.Sprintf("a b%d c%d", i%13, i%101)
			b.in.put(t, i, line)
			for _, w := range strings.Fields(line) {
				b.want[w]++
			}
		}
	}
	put(0, 500)
	ctx, stop := context.WithCancel(t.Context())
	var run sync.WaitGroup
	defer run.Wait()
	defer stop()
	monitor, conn := new(pipeline.Monitor), b.srv.Conn(t)
	run.Go(func() {
		if err := wordcount(name, 2, 50).Run(ctx, pipeline.Config{Conn: conn, Monitor: monitor, CheckpointEvery: 5 * time.Millisecond, Logger: quiet}); err != nil {
			t.Error(err)
		}
	})
	natstest.Eventually(t, "every shard has a checkpoint", func() bool {
		committed := 0
		for _, s := range monitor.Shards() {
			if s.Committed > 0 {
				committed++
			}
		}
		return committed == 4
	})
	var others sync.WaitGroup
	if running {
		others.Go(func() { put(500, 1500) })
	} else {
		stop()
		run.Wait()
	}
	var file bytes.Buffer
	var err error
	if b.sum, err = pipeline.ExportSavepoint(t.Context(), b.srv.Conn(t), name, "", &file); err != nil {
		t.Fatal(err)
	}
	others.Wait()
	put(1500, 2000)
	b.in.end(t)
	b.file = file.Bytes()
	if b.sum.Shards != 4 || b.sum.Bytes != int64(len(b.file)) || b.sum.Pipeline != name {
		t.Errorf("the savepoint has %+v, and the file %d bytes", b.sum, len(b.file))
	}
	return b
}

func (b *begun) load(t *testing.T, srv *natstest.Server, rebase bool) (pipeline.Savepoint, error) {
	t.Helper()
	return pipeline.ImportSavepoint(t.Context(), bytes.NewReader(b.file), pipeline.ImportConfig{Conn: srv.Conn(t), Rebase: rebase, Logger: quiet})
}

// goOn runs the pipeline to its end on a server and compares the results.
func (b *begun) goOn(t *testing.T, srv *natstest.Server) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	var monitor pipeline.Monitor
	if err := wordcount(b.in.name, 2, 50).Run(ctx, pipeline.Config{Conn: srv.Conn(t), Monitor: &monitor, Logger: quiet}); err != nil {
		t.Fatal(err)
	}
	for _, s := range monitor.Shards() {
		if s.Stage == "top" { // it had nothing to do yet
			continue
		}
		if s.Resumed == 0 || s.RestoredBytes == 0 || s.Restored == 0 {
			t.Errorf("%s/%d began at %d, with %d bytes in %s: it did not go on from the savepoint", s.Stage, s.Shard, s.Resumed, s.RestoredBytes, s.Restored)
		}
	}
	if got := finalCounts(t, srv.JetStream(t), b.in.name+"_OUT"); !maps.Equal(got, b.want) {
		t.Errorf("got %v, want %v", got, b.want)
	}
}

// A pipeline that was exported, while it ran or after it was stopped, goes on elsewhere with a restored input and comes to the same end.
func TestSavepointElsewhere(t *testing.T) {
	t.Parallel()
	for _, running := range []bool{false, true} {
		t.Run(fmt.Sprintf("running=%t", running), func(t *testing.T) {
			t.Parallel()
			b := begin(t, "sv", running)
			other := natstest.Run(t)
			_, err := b.load(t, other, false)
			if !errors.Is(err, jetstream.ErrStreamNotFound) {
				t.Fatalf("without the input: %v", err)
			}
			copyStream(t, b.srv.Conn(t), other.Conn(t), "sv")
			if _, err := b.load(t, other, false); !errors.Is(err, pipeline.ErrSavepointInput) || !strings.Contains(err.Error(), "if it is a copy") {
				t.Errorf("the input is restored, and nothing says that it may be: %v", err)
			}
			sum, err := b.load(t, other, true) // the failures before have left nothing
			if err != nil {
				t.Fatal(err)
			}
			if sum.Shards != 4 || len(sum.Rebased) != 1 || sum.Bytes != b.sum.Bytes || sum.Epoch != b.sum.Epoch {
				t.Errorf("imported %+v of %+v", sum, b.sum)
			}
			if _, err := b.load(t, other, true); !errors.Is(err, pipeline.ErrSavepointTaken) {
				t.Errorf("imported twice: %v", err)
			}
			b.goOn(t, other)
			if _, err := b.load(t, b.srv, false); !errors.Is(err, pipeline.ErrSavepointTaken) {
				t.Errorf("imported where it came from: %v", err)
			}
		})
	}
}

// A mirror of the input has another creation time: the import says so, and takes it if it is told to, but nothing that is no copy.
func TestSavepointRebased(t *testing.T) {
	t.Parallel()
	b := begin(t, "rb", false)
	js := b.srv.JetStream(t)
	remove := func(names ...string) {
		for _, name := range names {
			if err := js.DeleteStream(t.Context(), name); err != nil {
				t.Fatal(err)
			}
		}
	}
	mirror := func(name, of string) {
		s, err := js.CreateStream(t.Context(), jetstream.StreamConfig{Name: name, Mirror: &jetstream.StreamSource{Name: of}})
		if err != nil {
			t.Fatal(err)
		}
		natstest.Eventually(t, "the mirror is full", func() bool {
			info, err := s.Info(t.Context())
			return err == nil && info.State.LastSeq == 2000+2-1000
		})
	}
	mirror("COPY", "rb")
	remove("rb", "KV_calm_rb", "CALM_X_rb")
	if _, err := js.UpdateStream(t.Context(), jetstream.StreamConfig{Name: "COPY"}); err != nil { // it mirrors nothing any more
		t.Fatal(err)
	}

	other, err := js.CreateStream(t.Context(), jetstream.StreamConfig{Name: "rb"})
	if err != nil {
		t.Fatal(err)
	}
	for range 1100 {
		if _, err := js.Publish(t.Context(), "rb", nil); err != nil {
			t.Fatal(err)
		}
	}
	for rebase, want := range map[bool]string{false: "if it is a copy", true: "was stored at"} {
		if _, err := b.load(t, b.srv, rebase); !errors.Is(err, pipeline.ErrSavepointInput) || !strings.Contains(err.Error(), want) {
			t.Errorf("another stream, rebase %t: %v", rebase, err)
		}
	}
	if err := other.Purge(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := b.load(t, b.srv, true); !errors.Is(err, pipeline.ErrSavepointInput) || !strings.Contains(err.Error(), "still to be read") {
		t.Errorf("a purged stream: %v", err)
	}
	remove("rb")
	mirror("rb", "COPY")
	if _, err := b.load(t, b.srv, false); !errors.Is(err, pipeline.ErrSavepointInput) {
		t.Errorf("a copy without a word: %v", err)
	}
	sum, err := b.load(t, b.srv, true)
	if err != nil || len(sum.Rebased) != 1 || sum.Rebased[0] != "rb" {
		t.Fatalf("%+v, %v", sum, err)
	}
	b.goOn(t, b.srv)
}

// A damaged file leaves nothing behind, wherever the damage is.
func TestDamagedSavepointLeavesNothing(t *testing.T) {
	t.Parallel()
	b := begin(t, "dm", false)
	other := natstest.Run(t)
	copyStream(t, b.srv.Conn(t), other.Conn(t), "dm")
	whole := b.file
	for _, at := range []int{20, len(whole) / 4, len(whole) / 2, len(whole) - 30, len(whole) - 1} {
		b.file = bytes.Clone(whole)
		b.file[at] ^= 1
		_, err := b.load(t, other, true)
		var damaged *pipeline.SavepointDamagedError
		if !errors.As(err, &damaged) || !errors.Is(err, pipeline.ErrSavepointDamaged) || int64(at) < damaged.From || int64(at) >= damaged.To {
			t.Errorf("byte %d is changed: %v", at, err)
		}
	}
	js := other.JetStream(t)
	if _, err := js.Stream(t.Context(), "CALM_X_dm"); !errors.Is(err, jetstream.ErrStreamNotFound) {
		t.Errorf("the exchange was left: %v", err)
	}
	if bucket, err := js.Stream(t.Context(), "KV_calm_dm"); err == nil && bucket.CachedInfo().State.Msgs > 0 {
		t.Errorf("%d keys were left", bucket.CachedInfo().State.Msgs)
	}
	b.file = whole
	if _, err := b.load(t, other, true); err != nil {
		t.Fatal(err)
	}
	b.goOn(t, other)
}

// Where the streams are still there, as after a bucket was lost, nothing has to be said about them.
func TestSavepointBesideItsInput(t *testing.T) {
	t.Parallel()
	b := begin(t, "bs", true)
	for _, name := range []string{"KV_calm_bs", "CALM_X_bs"} {
		if err := b.srv.JetStream(t).DeleteStream(t.Context(), name); err != nil {
			t.Fatal(err)
		}
	}
	if sum, err := b.load(t, b.srv, false); err != nil || len(sum.Rebased) > 0 {
		t.Fatalf("%+v, %v", sum, err)
	}
	b.goOn(t, b.srv)
}
