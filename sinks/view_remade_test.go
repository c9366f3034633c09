package sinks_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/calmstream/calmstream/crdt"
	"github.com/calmstream/calmstream/internal/natstest"
	"github.com/calmstream/calmstream/sinks"
	"github.com/nats-io/nats.go/jetstream"
)

// shows returns what a key of a bucket shows.
func shows(t *testing.T, js jetstream.JetStream, bucket, key string) string {
	t.Helper()
	kv, err := js.KeyValue(testContext(t), bucket)
	if err != nil {
		t.Fatal(err)
	}
	entry, err := kv.Get(testContext(t), key)
	if err != nil {
		t.Fatal(err)
	}
	return string(entry.Value())
}

// versions are the records of key k from one version to another, as batches.
func versions(from, to uint64) (batches [][]sinks.Record) {
	for v := from; v <= to; v++ {
		batches = append(batches, []sinks.Record{bound(v, "k", fmt.Sprint(v))})
	}
	return batches
}

// A bucket that was deleted and made again has other sequences: what a writer knows of the one before replaces nothing there.
func TestViewThatIsMadeAgain(t *testing.T) {
	t.Parallel()
	server := natstest.Run(t)
	js := server.JetStream(t)
	old := open(t, sinks.View{Bucket: "counts"}, server.Conn(t))
	put(t, old, versions(1, 3)...)
	if err := js.DeleteKeyValue(testContext(t), "counts"); err != nil {
		t.Fatal(err)
	}
	put(t, open(t, sinks.View{Bucket: "counts"}, server.Conn(t)), versions(8, 10)...) // as many messages as there were
	put(t, old, versions(4, 4)...)
	if got := shows(t, js, "counts", "k"); got != "10" {
		t.Errorf("a reader saw 10, and then %s", got)
	}
	put(t, old, versions(5, 12)...)
	if got := shows(t, js, "counts", "k"); got != "12" {
		t.Errorf("it shows %s, want 12", got)
	}
}

// A bucket that somebody else has made, and makes again, may have sequences that a writer knows. It forgets them all when the next one that it
// is told does not come behind the last.
func TestViewForgetsAnotherBucket(t *testing.T) {
	t.Parallel()
	server := natstest.Run(t)
	js := server.JetStream(t)
	remake := func() {
		t.Helper()
		err := js.DeleteKeyValue(testContext(t), "counts")
		if errors.Is(err, jetstream.ErrBucketNotFound) {
			err = nil
		}
		if err != nil {
			t.Fatal(err)
		}
		// The server removes the files of the old one after it has answered, and makes no new one until they are gone.
		const storeFailed = 10049
		natstest.Eventually(t, "the bucket is made", func() bool {
			_, err := js.CreateKeyValue(testContext(t), jetstream.KeyValueConfig{Bucket: "counts"})
			if refused := (*jetstream.APIError)(nil); err != nil && (!errors.As(err, &refused) || refused.ErrorCode != storeFailed) {
				t.Fatal(err)
			}
			return err == nil
		})
	}
	remake()
	old := open(t, sinks.View{Bucket: "counts"}, server.Conn(t))
	put(t, old, versions(1, 3)...)
	put(t, old, []sinks.Record{bound(1, "i", "1")}, []sinks.Record{bound(2, "i", "2")})
	remake()
	put(t, open(t, sinks.View{Bucket: "counts"}, server.Conn(t)), []sinks.Record{bound(9, "j", "9")}, versions(8, 8)[0], versions(9, 9)[0])
	put(t, old, []sinks.Record{bound(7, "i", "7")}, []sinks.Record{bound(8, "i", "8")}, versions(4, 4)[0]) // k of version 9 has the sequence that 3 had
	if got := shows(t, js, "counts", "k"); got != "9" {
		t.Errorf("a reader saw 9, and then %s", got)
	}
}

// A server that comes back may have lost its last messages, and give their sequences to others: what is known of them ends with the connection.
func TestViewForgetsWithTheConnection(t *testing.T) {
	t.Parallel()
	server := natstest.Run(t)
	conn := server.Conn(t)
	w := open(t, sinks.View{Bucket: "counts"}, conn)
	put(t, w, versions(1, 3)...)
	if n := sinks.Revisions(w); n != 1 {
		t.Fatalf("it remembers %d revisions", n)
	}
	server.Restart(t)
	natstest.Eventually(t, "it is connected again", func() bool { return conn.Stats().Reconnects == 1 && conn.IsConnected() })
	put(t, w, []sinks.Record{bound(1, "j", "1")})
	if n := sinks.Revisions(w); n != 1 {
		t.Errorf("it remembers %d revisions, want that of j", n)
	}
	put(t, w, versions(4, 4)...)
	if got := shows(t, newJetStream(t, conn), "counts", "k"); got != "4" {
		t.Errorf("it shows %s, want 4", got)
	}
	if err := sinks.LoseReplies(w); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- w.Write(testContext(t), versions(5, 5)[0]) }()
	js := server.JetStream(t)
	natstest.Eventually(t, "it waits for an answer", func() bool { return shows(t, js, "counts", "k") == "5" })
	server.Restart(t)
	wantWords(t, <-ended, "connection")
	if n := sinks.Revisions(w); n != 0 {
		t.Errorf("it remembers %d revisions over an outage", n)
	}
}

// Sequences of a bucket that is made here, also by a server that is started again, begin where no earlier one can have ended.
func TestViewBeginsBehindEarlierOnes(t *testing.T) {
	t.Parallel()
	server := natstest.Run(t)
	before := uint64(time.Now().UnixMicro())
	w := open(t, sinks.View{Bucket: "counts"}, server.Conn(t))
	server.Restart(t) // with nothing in it
	natstest.Eventually(t, "it writes", func() bool { return w.Write(testContext(t), versions(1, 1)[0]) == nil })
	kv, err := server.JetStream(t).KeyValue(testContext(t), "counts")
	if err != nil {
		t.Fatal(err)
	}
	entry, err := kv.Get(testContext(t), "k")
	if err != nil || entry.Revision() < before || entry.Revision() > uint64(time.Now().UnixMicro()) {
		t.Errorf("the first revision is %v, %v, want one of now (%d)", entry, err, before)
	}
	if entry.Revision() >= 1<<53 {
		t.Error("readers that take numbers for floats cannot tell revisions apart")
	}
}

// Two things under one key are a conflict, in either order: without that the final result would be lost, or replaced by a bound, which for a
// reader is a step back.
func TestViewRefusesTwoThingsUnderOneKey(t *testing.T) {
	t.Parallel()
	server := natstest.Run(t)
	of := func(write string, version uint64) sinks.Record {
		r := sinks.Record{ID: "e1/" + write + "/global/k", Verdict: crdt.Final, Key: "k", Path: "e1.global.k", Payload: []byte("p")}
		if version > 0 {
			r.Verdict, r.Version, r.ID = crdt.LowerBound, version, fmt.Sprint(r.ID, "/v", version)
		}
		return r
	}
	for i, pair := range [][2]sinks.Record{
		{of("live", 5), of("done", 0)},
		{of("done", 0), of("live", 5)},
		{of("clicks", 5), of("views", 4)},
		{of("clicks", 5), of("views", 5)},
		{of("clicks", 5), of("views", 6)},
	} {
		view := sinks.View{Bucket: fmt.Sprint("counts-", i)}
		put(t, open(t, view, server.Conn(t)), pair[:1])
		err := open(t, view, server.Conn(t)).Write(testContext(t), pair[1:])
		if !errors.Is(err, sinks.ErrConflict) {
			t.Errorf("%s behind %s: %v", pair[1].ID, pair[0].ID, err)
		}
		wantWords(t, err, pair[0].ID, pair[1].ID, "two Writes")
		fresh := sinks.View{Bucket: view.Bucket + "-fresh"}
		if err := open(t, fresh, server.Conn(t)).Write(testContext(t), pair[:]); i < 2 && !errors.Is(err, sinks.ErrConflict) { // a batch is of one Write
			t.Errorf("%s with %s: %v", pair[1].ID, pair[0].ID, err)
		}
		if got := shows(t, server.JetStream(t), view.Bucket, "e1.global.k"); got != "p" {
			t.Errorf("it shows %q", got)
		}
	}
}
