package pipeline_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/calmstream/calmstream/crdt"
	"github.com/calmstream/calmstream/internal/natstest"
	"github.com/calmstream/calmstream/operators"
	"github.com/calmstream/calmstream/pipeline"
	"github.com/calmstream/calmstream/sinks"
	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go/jetstream"
)

// Dead letters that cannot be stored stop their shard: there is no checkpoint behind them, and none is lost.
func TestFullDeadLetters(t *testing.T) {
	t.Parallel()
	srv := natstest.Run(t)
	js := srv.JetStream(t)
	in := newInput(t, js, "fd", 1)
	full := jetstream.StreamConfig{Name: "CALM_DLQ_fd", Subjects: []string{"calm.dead.fd.>", "calm.late.fd.>"}, AllowDirect: true, MaxMsgs: 2, Discard: jetstream.DiscardNew}
	dead, err := js.CreateStream(t.Context(), full)
	if err != nil {
		t.Fatal(err)
	}
	const broken = 10
	for i := range broken {
		in.put(t, 0, fmt.Sprint("broken ", i))
	}
	in.put(t, 0, "a")
	decode := func(m *pipeline.Message) (string, error) {
		if strings.HasPrefix(string(m.Data), "broken") {
			return "", errors.New("it is broken")
		}
		return string(m.Data), nil
	}
	var monitor pipeline.Monitor
	ended := make(chan error, 1)
	go func() {
		ended <- counting("fd", pipeline.Source[string]{Stream: "fd", Decode: decode}).Run(t.Context(), pipeline.Config{Conn: srv.Conn(t), Monitor: &monitor, CheckpointEvery: 20 * time.Millisecond, Logger: quiet})
	}()
	natstest.Eventually(t, "the stream is full and all is read", func() bool {
		info, err := dead.Info(t.Context())
		shards := monitor.Shards()
		return err == nil && info.State.Msgs == 2 && len(shards) == 1 && shards[0].Position == broken+1
	})
	if s := monitor.Shards()[0]; s.Committed > broken {
		t.Errorf("a checkpoint at %d covers dead letters that are not stored", s.Committed)
	}
	full.MaxMsgs = -1
	if _, err := js.UpdateStream(t.Context(), full); err != nil {
		t.Fatal(err)
	}
	in.end(t)
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	if got := rejected(t, js, "fd", "dead"); len(got) != broken {
		t.Errorf("%d dead letters are stored, want %d: %v", len(got), broken, got)
	}
	if got := finalCounts(t, js, "fd_OUT"); !maps.Equal(got, map[string]uint64{"a": 1}) {
		t.Errorf("got %v", got)
	}
}

// A server whose disk is full, by its own limit, refuses everything. When there is room again the pipeline goes on.
func TestFullServer(t *testing.T) {
	t.Parallel()
	const room = 8 << 20
	srv := natstest.Run(t, func(o *server.Options) { o.JetStreamMaxStore = room })
	js := srv.JetStream(t)
	in := newInput(t, js, "fs", 2)
	want := map[string]uint64{}
	for i := range 200 {
		in.put(t, i, fmt.Sprint("w", i%10))
		want[fmt.Sprint("w", i%10)]++
	}
	in.end(t)
	reached, hold := make(chan struct{}, 1), make(chan struct{})
	decode := func(m *pipeline.Message) (string, error) {
		select {
		case reached <- struct{}{}:
		default:
		}
		<-hold
		return string(m.Data), nil
	}
	var monitor pipeline.Monitor
	ended := make(chan error, 1)
	go func() {
		ended <- counting("fs", pipeline.Source[string]{Stream: "fs", Subjects: []string{"fs.in.0", "fs.in.1"}, Decode: decode}).
			Run(t.Context(), pipeline.Config{Conn: srv.Conn(t), Monitor: &monitor, CheckpointEvery: 20 * time.Millisecond, Logger: quiet})
	}()
	<-reached
	natstest.Eventually(t, "it runs", monitor.Running)
	if _, err := js.CreateStream(t.Context(), jetstream.StreamConfig{Name: "ballast", Subjects: []string{"ballast"}}); err != nil {
		t.Fatal(err)
	}
	for size := 256 << 10; size > 16; { // to the last byte
		if _, err := js.Publish(t.Context(), "ballast", make([]byte, size)); err != nil {
			size /= 2
		}
	}
	close(hold)
	var stuck time.Time
	natstest.Eventually(t, "it has been stuck for a while", func() bool {
		for _, s := range monitor.Shards() {
			if s.Stage == "lines" && s.Messages > 0 && stuck.IsZero() {
				stuck = time.Now()
			}
		}
		return !stuck.IsZero() && time.Since(stuck) > 2*time.Second
	})
	select {
	case err := <-ended:
		t.Fatalf("without room it has ended: %v", err)
	default:
	}
	if err := js.DeleteStream(t.Context(), "ballast"); err != nil {
		t.Fatal(err)
	}
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	if got := finalCounts(t, js, "fs_OUT"); !maps.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

// Leaders of every stream change while a pipeline of several stages and workers runs.
func TestLeadersChange(t *testing.T) {
	t.Parallel()
	cluster := natstest.RunCluster(t, 3)
	js := cluster.JetStream(t)
	if _, err := js.CreateStream(t.Context(), jetstream.StreamConfig{Name: "lc", Subjects: []string{"lc.in.*"}, Replicas: 3}); err != nil {
		t.Fatal(err)
	}
	in := &input{js: js, name: "lc", subjects: 2}
	var monitors [2]pipeline.Monitor
	ended := make(chan error, len(monitors))
	for i := range monitors {
		conn := cluster.Servers[i].Conn(t)
		go func() {
			ended <- wordcount("lc", 2, 5).Run(t.Context(), pipeline.Config{Conn: conn, Replicas: 3, Monitor: &monitors[i], CheckpointEvery: 50 * time.Millisecond, Logger: quiet})
		}()
	}
	natstest.Eventually(t, "both run", func() bool { return monitors[0].Running() && monitors[1].Running() })
	want := map[string]uint64{}
	for round, stream := range []string{"lc", "CALM_X_lc", "KV_calm_lc", "CALM_X_lc", "KV_calm_lc", "lc"} {
		for i := range 40 {
			word := fmt.Sprint("w", (round+i)%7)
			in.put(t, i, word)
			want[word]++
		}
		cluster.StepDown(t, stream)
	}
	in.end(t)
	for range monitors {
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}
	if got := finalCounts(t, js, "lc_OUT"); !maps.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

// A server that is away for longer than any answer is waited for.
func TestServerIsAwayForLong(t *testing.T) {
	t.Parallel()
	c := newCrew(t, "away", 0)
	a, b := c.start("a"), c.start("b")
	natstest.Eventually(t, "two workers share the shards", settles(1, a, b))
	c.feed()
	c.srv.Shutdown()
	gone := time.Now()
	natstest.Eventually(t, "the server was away for long", func() bool { return time.Since(gone) > 13*time.Second })
	c.srv.Restart(t)
	natstest.Eventually(t, "both are back", func() bool { return a.conn.IsConnected() && b.conn.IsConnected() })
	c.feed()
	c.finish(a, b)
}

// Checkpoints that are older than the last ones, as from a backup, or gone, lead to the same results if the input is still there, and to none
// if it is not.
func TestOlderAndMissingCheckpoints(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		older, purge bool
		want         string // in the error, "" if there is none
	}{
		"older":                    {older: true},
		"missing":                  {},
		"older, and input is gone": {older: true, purge: true, want: `stream "om" no longer holds sequences 3 to 4`},
		"missing, and so is input": {purge: true, want: `stream "om" no longer holds sequences 1 to 4`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv := natstest.Run(t)
			js := srv.JetStream(t)
			in := newInput(t, js, "om", 1)
			build := func() *pipeline.Pipeline {
				return counting("om", pipeline.Source[string]{Stream: "om", Decode: pipeline.Text})
			}
			until := func(at uint64) {
				t.Helper()
				ctx, stop := context.WithCancel(t.Context())
				defer stop()
				var monitor pipeline.Monitor
				ended := make(chan error, 1)
				conn := srv.Conn(t)
				go func() {
					ended <- build().Run(ctx, pipeline.Config{Conn: conn, Monitor: &monitor, CheckpointEvery: 20 * time.Millisecond, Logger: quiet})
				}()
				natstest.Eventually(t, "it has saved what it has read", func() bool {
					s := monitor.Shards()
					return len(s) == 1 && s[0].Committed >= at
				})
				stop()
				if err := <-ended; err != nil {
					t.Fatal(err)
				}
				conn.Close()
			}
			in.put(t, 0, "a")
			in.put(t, 0, "b")
			until(2)
			kept, dir := t.TempDir(), filepath.Join(srv.Dir(), "jetstream", "$G", "streams", "KV_calm_om")
			srv.Shutdown()
			if err := os.CopyFS(kept, os.DirFS(dir)); err != nil {
				t.Fatal(err)
			}
			srv.Restart(t)
			in.put(t, 0, "a")
			in.put(t, 0, "c")
			until(4)
			if c.older {
				srv.Shutdown()
				if err := errors.Join(os.RemoveAll(dir), os.CopyFS(dir, os.DirFS(kept))); err != nil {
					t.Fatal(err)
				}
				srv.Restart(t)
			} else {
				stream, err := js.Stream(t.Context(), "KV_calm_om")
				if err != nil {
					t.Fatal(err)
				}
				if err := stream.Purge(t.Context(), jetstream.WithPurgeSubject("$KV.calm_om.*.lines.>")); err != nil {
					t.Fatal(err)
				}
			}
			if c.purge {
				stream, err := js.Stream(t.Context(), "om")
				if err != nil {
					t.Fatal(err)
				}
				if err := stream.Purge(t.Context(), jetstream.WithPurgeSequence(5)); err != nil {
					t.Fatal(err)
				}
			}
			in.end(t)
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
			defer cancel()
			err := build().Run(ctx, pipeline.Config{Conn: srv.Conn(t), Logger: quiet})
			switch {
			case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)), c.want == "" && err != nil:
				t.Errorf("got %v, want %q", err, c.want)
			case c.want == "":
				if got := finalCounts(t, js, "om_OUT"); !maps.Equal(got, map[string]uint64{"a": 2, "b": 1, "c": 1}) {
					t.Errorf("got %v", got)
				}
			}
		})
	}
}

// counting counts the words of an input.
func counting(name string, from pipeline.Source[string]) *pipeline.Pipeline {
	p := pipeline.New(name)
	words := operators.FlatMap(pipeline.Read(p, "lines", from), strings.FieldsSeq)
	counts := operators.Count("counts", operators.KeyBy(words, "word", strings.ToLower))
	finals := operators.Finals(operators.Seal(counts, operators.EndOfInput()))
	pipeline.Write(p, "out", operators.Map(finals, func(f operators.Final[string, crdt.GCounter]) counted { return counted{f.Key, f.Value.Value()} }),
		sinks.Subject{Name: name + ".out", Stream: name + "_OUT"}, pipeline.EncodeJSON)
	return p
}
