package producer_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/calmstream/calmstream/crdt"
	"github.com/calmstream/calmstream/internal/natstest"
	"github.com/calmstream/calmstream/operators"
	"github.com/calmstream/calmstream/pipeline"
	"github.com/calmstream/calmstream/pipeline/producer"
	"github.com/calmstream/calmstream/sinks"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// Cuts that are made while others publish are between the same two records for all shards, and each result is what the stream
// holds before its cut.
func TestCut(t *testing.T) {
	t.Parallel()
	srv := natstest.Run(t)
	js := srv.JetStream(t)
	stream, err := js.CreateStream(t.Context(), jetstream.StreamConfig{Name: "MOVES", Subjects: []string{"moves.>"}, AllowAtomicPublish: true})
	if err != nil {
		t.Fatal(err)
	}
	shards := []string{"moves.a.*", "moves.b.>"}
	var publishers sync.WaitGroup
	for _, shard := range []string{"moves.a.x", "moves.b.y.z"} {
		publishers.Go(func() {
			for range 300 {
				if _, err := js.Publish(t.Context(), shard, []byte("1")); err != nil {
					t.Error(err)
				}
			}
		})
	}
	for n := range uint64(5) {
		for range 1 + n%2 { // a call that is repeated changes nothing
			if err := producer.Cut(t.Context(), srv.Conn(t), "MOVES", shards, n+1); err != nil {
				t.Fatal(err)
			}
		}
	}
	publishers.Wait()
	want := map[string]string{}
	info, err := stream.Info(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	moves, cut := 0, 0
	for seq := uint64(1); seq <= info.State.LastSeq; seq++ {
		m, err := stream.GetMsg(t.Context(), seq)
		if err != nil {
			t.Fatal(err)
		}
		var number int
		if _, err := fmt.Sscan(m.Header.Get("Calm-Cut"), &number); err != nil {
			moves++
		} else if number > cut {
			cut = number
			want[fmt.Sprint("cut ", number)] = fmt.Sprint(moves)
		}
	}
	want["cut 6"] = "600" // the end
	for _, subject := range []string{"moves.a.end", "moves.b.end"} {
		if _, err := js.PublishMsg(t.Context(), &nats.Msg{Subject: subject, Header: nats.Header{"Calm-Seal": {"end"}}}); err != nil {
			t.Fatal(err)
		}
	}
	var mu sync.Mutex
	got := map[string]string{}
	p := pipeline.New("moves")
	in := pipeline.Read(p, "moves", pipeline.Source[string]{Stream: "MOVES", Subjects: shards, Decode: pipeline.Text, Cuts: true})
	counts := operators.Count("counts", operators.Window(operators.KeyBy(in, "all", func(string) string { return "all" }), operators.UpToCut()))
	pipeline.Write(p, "out", operators.Finals(operators.Seal(counts, operators.RecordedCut())), sinks.Func{Name: "test", Do: func(_ context.Context, r sinks.Record) error {
		mu.Lock()
		defer mu.Unlock()
		got[r.Window] = string(r.Payload)
		return nil
	}}, func(f operators.Final[string, crdt.GCounter]) ([]byte, error) {
		return fmt.Append(nil, f.Value.Value()), nil
	})
	if err := p.Run(t.Context(), pipeline.Config{Conn: srv.Conn(t), Logger: slog.New(slog.DiscardHandler)}); err != nil {
		t.Fatal(err)
	}
	for cut, n := range want { // a cut at which nothing has changed has no result
		if got[cut] == "" {
			got[cut] = n
		}
	}
	if !maps.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

// What cannot be a cut is refused, with what to do.
func TestCutMistakes(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	conn := f.server.Conn(t)
	for want, call := range map[string]func() error{
		"no connection":          func() error { return producer.Cut(t.Context(), nil, "ORDERS", shards, 1) },
		"a number from 1":        func() error { return producer.Cut(t.Context(), conn, "ORDERS", shards, 0) },
		"stream not found":       func() error { return producer.Cut(t.Context(), conn, "ELSEWHERE", shards, 1) },
		"set AllowAtomicPublish": func() error { return producer.Cut(t.Context(), conn, "ORDERS", shards, 1) },
	} {
		if err := call(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
	}
}

// A version that begins on a stream whose first cuts have been aged out goes on from the first marker that is left, also if the stream
// begins between the markers of one cut.
func TestCutsThatWereAgedOut(t *testing.T) {
	t.Parallel()
	srv := natstest.Run(t)
	js := srv.JetStream(t)
	stream, err := js.CreateStream(t.Context(), jetstream.StreamConfig{Name: "MOVES", Subjects: []string{"moves.>"}, AllowAtomicPublish: true})
	if err != nil {
		t.Fatal(err)
	}
	shards := []string{"moves.a.*", "moves.b.>"}
	// publish puts messages: records of each shard, "1" and so on the markers of a cut, "end" the ends.
	publish := func(what ...string) {
		t.Helper()
		for _, w := range what {
			var err error
			var n uint64
			if _, e := fmt.Sscan(w, &n); e == nil {
				err = producer.Cut(t.Context(), srv.Conn(t), "MOVES", shards, n)
			} else if w == "end" {
				for _, s := range []string{"moves.a.x", "moves.b.y"} {
					_, e := js.PublishMsg(t.Context(), &nats.Msg{Subject: s, Header: nats.Header{"Calm-Seal": {"end"}}})
					err = cmp.Or(err, e)
				}
			} else {
				_, err = js.Publish(t.Context(), map[string]string{"a": "moves.a.x", "b": "moves.b.y"}[w[:1]], []byte(w))
			}
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	run := func(version string) (map[string]string, error) {
		var mu sync.Mutex
		got := map[string]string{}
		p := pipeline.New("moves")
		p.Version = version
		in := pipeline.Read(p, "moves", pipeline.Source[string]{Stream: "MOVES", Subjects: shards, Decode: pipeline.Text, Cuts: true})
		heard := operators.Distinct("heard", operators.Window(operators.KeyBy(in, "all", func(string) string { return "all" }), operators.Cuts()), strings.Clone)
		pipeline.Write(p, "out", operators.Finals(operators.Seal(heard, operators.RecordedCut())), sinks.Func{Name: "test", Do: func(_ context.Context, r sinks.Record) error {
			mu.Lock()
			defer mu.Unlock()
			got[r.Window] = string(r.Payload)
			return nil
		}}, func(f operators.Final[string, crdt.GSet[string]]) ([]byte, error) {
			return []byte(strings.Join(slices.Collect(f.Value.All()), " ")), nil
		})
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		defer cancel()
		err := p.Run(ctx, pipeline.Config{Conn: srv.Conn(t), Logger: slog.New(slog.DiscardHandler)})
		return got, errors.Join(err, ctx.Err())
	}
	purge := func(upTo uint64) {
		t.Helper()
		if err := stream.Purge(t.Context(), jetstream.WithPurgeSequence(upTo+1)); err != nil {
			t.Fatal(err)
		}
	}
	publish("a1", "b1", "1", "a2", "b2", "2", "a3") // 1 to 9: the markers of cut 2 are 7 and 8
	purge(8)
	if _, err := run("none"); err == nil || !strings.Contains(err.Error(), "holds no marker of a recorded cut") {
		t.Errorf("it has begun without knowing the number of the next cut: %v", err)
	}
	publish("b3", "3", "a4", "b4", "4", "a5", "end") // 10; the markers of cut 3 are 11 and 12; a4 is 13
	for i, c := range []struct {
		gone uint64
		want map[string]string
	}{
		{8, map[string]string{"cut 3": "a3 b3", "cut 4": "a4 b4", "cut 5": "a5"}},
		{11, map[string]string{"cut 4": "a4 b4", "cut 5": "a5"}},
		{13, map[string]string{"cut 4": "b4", "cut 5": "a5"}},
	} {
		purge(c.gone)
		got, err := run(fmt.Sprint("v", i))
		if err != nil {
			t.Fatal(err)
		}
		if !maps.Equal(got, c.want) {
			t.Errorf("without the first %d messages: got %v, want %v", c.gone, got, c.want)
		}
	}
	dead, err := js.Stream(t.Context(), "CALM_DLQ_moves")
	if err != nil {
		t.Fatal(err)
	}
	if n := dead.CachedInfo().State.Msgs; n != 0 {
		t.Errorf("%d markers were refused", n)
	}
	purge(15)
	if got, err := run("v0"); err != nil || len(got) != 0 { // it has ended, and reads its own start record
		t.Errorf("%v, %v", got, err)
	}
}
