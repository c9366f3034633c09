package sinks_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"testing"
	"time"

	"github.com/calmstream/calmstream/crdt"
	"github.com/calmstream/calmstream/internal/natstest"
	"github.com/calmstream/calmstream/sinks"
	"github.com/calmstream/calmstream/sinks/sinktest"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

func TestViewConforms(t *testing.T) {
	t.Parallel()
	server := natstest.Run(t)
	var number atomic.Int64
	sinktest.Run(t, sinktest.Config{
		New: func(t testing.TB) (sinks.Sink, func() ([]sinks.Record, error)) {
			bucket := fmt.Sprintf("view-%d", number.Add(1))
			js := server.JetStream(t)
			return sinks.View{Bucket: bucket}, func() ([]sinks.Record, error) { return readBucket(js, bucket) }
		},
		Features: sinktest.Features{Durable: true, CreateOnce: true, NeedsPath: true, Supersedes: true},
		Conn:     func(t testing.TB) *nats.Conn { return server.Conn(t) },
		Missing:  []sinks.Sink{sinks.View{}, sinks.View{Bucket: "a.b"}, sinks.View{Bucket: "b", Replicas: -1}},
	})
}

// readBucket returns what a bucket shows, in the order in which it came there. A value may be replaced while it is read.
func readBucket(js jetstream.JetStream, bucket string) (all []sinks.Record, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	stream, err := js.Stream(ctx, "KV_"+bucket)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	for seq := uint64(1); ; seq++ {
		m, err := stream.GetMsg(ctx, seq, jetstream.WithGetMsgSubject("$KV."+bucket+".>"))
		if errors.Is(err, jetstream.ErrMsgNotFound) {
			return all, nil
		}
		if err != nil {
			return nil, err
		}
		r, err := recordOf(m.Header, m.Data)
		if err != nil {
			return nil, err
		}
		all, seq = append(all, r), m.Sequence
	}
}

// bound is a version of what is known of key k.
func bound(version uint64, path, payload string) sinks.Record {
	return sinks.Record{ID: fmt.Sprint("id/v", version), Verdict: crdt.LowerBound, Key: "k", Path: path, Version: version, Payload: []byte(payload)}
}

func TestViewReadsAsBucket(t *testing.T) {
	t.Parallel()
	conn := natstest.Run(t).Conn(t)
	w := open(t, sinks.View{Bucket: "counts"}, conn)
	for v := uint64(1); v <= 3; v++ {
		if err := w.Write(testContext(t), []sinks.Record{bound(v, "e1.global.k_1", fmt.Sprint(v))}); err != nil {
			t.Fatal(err)
		}
	}
	kv, err := newJetStream(t, conn).KeyValue(testContext(t), "counts")
	if err != nil {
		t.Fatal(err)
	}
	entry, err := kv.Get(testContext(t), "e1.global.k_1")
	if err != nil || string(entry.Value()) != "3" {
		t.Fatalf("the bucket has %v, %v", entry, err)
	}
	stream, err := newJetStream(t, conn).Stream(testContext(t), "KV_counts")
	if err != nil {
		t.Fatal(err)
	}
	if stream.CachedInfo().Config.AllowDirect {
		t.Error("any replica answers a Get")
	}
	m, err := stream.GetMsg(testContext(t), entry.Revision())
	if err != nil || m.Header.Get(sinks.VersionHeader) != "3" || m.Header.Get(sinks.VerdictHeader) != "lower-bound" {
		t.Errorf("the message has %+v, %v", m, err)
	}
}

// A watcher sees each version that was stored, in order, whatever owners do.
func TestViewWatchersNeverSeeLess(t *testing.T) {
	t.Parallel()
	server := natstest.Run(t)
	const last = 150
	first := open(t, sinks.View{Bucket: "counts"}, server.Conn(t))
	kv, err := server.JetStream(t).KeyValue(testContext(t), "counts")
	if err != nil {
		t.Fatal(err)
	}
	watch, err := kv.WatchAll(testContext(t))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = watch.Stop() }()
	writers := []sinks.Writer{first, open(t, sinks.View{Bucket: "counts"}, server.Conn(t)), open(t, sinks.View{Bucket: "counts"}, server.Conn(t))}
	ended := make(chan error, len(writers))
	for i, w := range writers {
		go func() {
			var err error
			for from := uint64(1); from <= last && err == nil; from += uint64(i + 1) {
				var batch []sinks.Record
				for v := from; v < from+uint64(i+1) && v <= last; v++ {
					batch = append(batch, bound(v, "k", fmt.Sprint(v)))
				}
				err = w.Write(testContext(t), batch)
			}
			ended <- err
		}()
	}
	var seen int
	for seen < last {
		entry := <-watch.Updates()
		if entry == nil {
			continue // the values of the beginning are through
		}
		var now int
		if _, err := fmt.Sscan(string(entry.Value()), &now); err != nil || now <= seen {
			t.Fatalf("%q came behind %d, %v", entry.Value(), seen, err)
		}
		seen = now
	}
	for range writers {
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}
}

// What was stored without the writer knowing is found when it is written again, also if another owner has come further meanwhile.
func TestViewAfterLostAcknowledgements(t *testing.T) {
	t.Parallel()
	server := natstest.Run(t)
	conn := server.Conn(t)
	w := open(t, sinks.View{Bucket: "counts"}, conn)
	other := open(t, sinks.View{Bucket: "counts"}, server.Conn(t))
	if err := w.Write(testContext(t), []sinks.Record{bound(1, "k", "1")}); err != nil {
		t.Fatal(err)
	}
	for v := uint64(2); v < 10; v++ {
		if err := sinks.LoseReplies(w); err != nil {
			t.Fatal(err)
		}
		sinks.SetPatience(w, 50*time.Millisecond, 1)
		err := w.Write(testContext(t), []sinks.Record{bound(v, "k", fmt.Sprint(v))})
		wantPermanent(t, err, false)
		wantWords(t, err, "no acknowledgement")
		sinks.SetPatience(w, time.Minute, 50)
		want := v
		if v%2 == 0 { // meanwhile the other owner has come further
			want++
			if err := other.Write(testContext(t), []sinks.Record{bound(v+1, "k", fmt.Sprint(v+1))}); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.Write(testContext(t), []sinks.Record{bound(v, "k", fmt.Sprint(v))}); err != nil {
			t.Fatalf("writing again what was stored: %v", err)
		}
		got, err := readBucket(newJetStream(t, conn), "counts")
		if err != nil || len(got) != 1 || string(got[0].Payload) != fmt.Sprint(want) {
			t.Fatalf("after version %d the bucket has %v, %v", v, got, err)
		}
	}
}

func TestViewRefusesTwoOfOneVersion(t *testing.T) {
	t.Parallel()
	conn := natstest.Run(t).Conn(t)
	w := open(t, sinks.View{Bucket: "counts"}, conn)
	one, other := bound(3, "k", "3"), bound(3, "k", "three")
	err := w.Write(testContext(t), []sinks.Record{one, other})
	if !errors.Is(err, sinks.ErrConflict) {
		t.Errorf("in one batch they give %v", err)
	}
	if err := w.Write(testContext(t), []sinks.Record{one, one}); err != nil {
		t.Fatal(err)
	}
	if err := w.Write(testContext(t), []sinks.Record{other}); !errors.Is(err, sinks.ErrConflict) {
		t.Errorf("one behind the other they give %v", err)
	}
	if err := open(t, sinks.View{Bucket: "counts"}, conn).Write(testContext(t), []sinks.Record{other}); !errors.Is(err, sinks.ErrConflict) {
		t.Errorf("of two writers they give %v", err)
	}
}

// What somebody else has put there is not replaced.
func TestViewLeavesStrangersAlone(t *testing.T) {
	t.Parallel()
	conn := natstest.Run(t).Conn(t)
	w := open(t, sinks.View{Bucket: "counts"}, conn)
	kv, err := newJetStream(t, conn).KeyValue(testContext(t), "counts")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := kv.PutString(testContext(t), "k", "mine"); err != nil {
		t.Fatal(err)
	}
	err = w.Write(testContext(t), []sinks.Record{bound(1, "k", "1")})
	wantPermanent(t, err, true)
	wantWords(t, err, "not a result")
	m := nats.NewMsg("$KV.counts.j")
	m.Header.Set(sinks.IDHeader, "x")
	m.Header.Set(sinks.VersionHeader, "many")
	if _, err := newJetStream(t, conn).PublishMsg(testContext(t), m); err != nil {
		t.Fatal(err)
	}
	err = w.Write(testContext(t), []sinks.Record{bound(1, "j", "1")})
	wantPermanent(t, err, true)
	wantWords(t, err, sinks.VersionHeader, `"many"`)
}

// A key that was deleted comes back with the next version.
func TestViewMakesDeletedAgain(t *testing.T) {
	t.Parallel()
	conn := natstest.Run(t).Conn(t)
	w := open(t, sinks.View{Bucket: "counts"}, conn)
	kv, err := newJetStream(t, conn).KeyValue(testContext(t), "counts")
	if err != nil {
		t.Fatal(err)
	}
	for v, remove := range []func() error{
		func() error { return kv.Delete(testContext(t), "k") },
		func() error { return kv.Purge(testContext(t), "k") },
		func() error {
			stream, err := newJetStream(t, conn).Stream(testContext(t), "KV_counts")
			return errors.Join(err, stream.Purge(testContext(t)))
		},
	} {
		if err := w.Write(testContext(t), []sinks.Record{bound(uint64(v+1), "k", "p")}); err != nil {
			t.Fatal(err)
		}
		if err := remove(); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Write(testContext(t), []sinks.Record{bound(9, "k", "9")}); err != nil {
		t.Fatal(err)
	}
	if entry, err := kv.Get(testContext(t), "k"); err != nil || string(entry.Value()) != "9" {
		t.Errorf("the bucket has %v, %v", entry, err)
	}
}

// What a writer remembers is bounded, and what it has forgotten it finds again.
func TestViewForgetsRevisions(t *testing.T) {
	t.Parallel()
	conn := natstest.Run(t).Conn(t)
	w := open(t, sinks.View{Bucket: "counts"}, conn)
	write := func(path string, version uint64) {
		t.Helper()
		if err := w.Write(testContext(t), []sinks.Record{bound(version, path, fmt.Sprint(version))}); err != nil {
			t.Fatal(err)
		}
	}
	write("k", 1)
	sinks.FillRevisions(w)
	write("j", 1)
	if n := sinks.Revisions(w); n != 1 {
		t.Errorf("it remembers %d revisions", n)
	}
	write("k", 2)
	write("k", 1)
	got, err := readBucket(newJetStream(t, conn), "counts")
	if err != nil || len(got) != 2 || string(got[1].Payload) != "2" {
		t.Errorf("the bucket has %v, %v", got, err)
	}
}

// A bucket that any replica answers for is used, with a warning.
func TestViewWarnsOfReplicas(t *testing.T) {
	t.Parallel()
	cluster := natstest.RunCluster(t, 3)
	conn := cluster.Conn(t)
	if _, err := newJetStream(t, conn).CreateKeyValue(testContext(t), jetstream.KeyValueConfig{Bucket: "counts", Replicas: 3}); err != nil {
		t.Fatal(err)
	}
	var text bytes.Buffer
	env := testEnv(conn)
	env.Logger = slog.New(slog.NewTextHandler(&text, nil))
	w, err := sinks.View{Bucket: "counts"}.Open(testContext(t), env)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(w.Write(testContext(t), []sinks.Record{bound(1, "k", "1")}), w.Close()); err != nil {
		t.Fatal(err)
	}
	if !bytes.Contains(text.Bytes(), []byte("direct get")) {
		t.Errorf("the log says %s", &text)
	}
}
