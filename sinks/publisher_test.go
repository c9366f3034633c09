package sinks_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/calmstream/calmstream/internal/natstest"
	"github.com/calmstream/calmstream/sinks"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// numbered returns n results with paths.
func numbered(n int) []sinks.Record {
	all := make([]sinks.Record, n)
	for i := range all {
		all[i] = result(fmt.Sprint(i), fmt.Sprintf("k%d", i), fmt.Sprintf("payload %d", i))
	}
	return all
}

func TestWriteBoundsOnTheWay(t *testing.T) {
	t.Parallel()
	conn := natstest.Run(t).Conn(t)
	for _, window := range [][3]int{{1, 1, 1}, {3, 1 << 20, 2}, {100, 20, 1}} {
		sink := sinks.Subject{Name: fmt.Sprintf("r%d", window[0]), Stream: fmt.Sprintf("R%d", window[0])}
		w := open(t, sink, conn)
		sinks.SetWindow(w, window[0], window[1], window[2])
		records := numbered(50)
		for range 2 { // the second time every record is compared with what is stored
			if err := w.Write(testContext(t), records); err != nil {
				t.Fatal(err)
			}
		}
		got, err := readStream(newJetStream(t, conn), sink.Stream)
		if err != nil || len(got) != 50 || got[49].ID != "49" {
			t.Errorf("window %v: the stream holds %d records, %v", window, len(got), err)
		}
	}
}

func TestConflictSaysWhatIsThere(t *testing.T) {
	t.Parallel()
	conn := natstest.Run(t).Conn(t)
	w := open(t, sinks.Subject{Name: "r", Stream: "R"}, conn)
	if err := w.Write(testContext(t), []sinks.Record{result("first", "taken", "a")}); err != nil {
		t.Fatal(err)
	}
	foreign := nats.NewMsg("r.final.foreign")
	altered := nats.NewMsg("r.final.altered")
	altered.Header.Set(sinks.IDHeader, "second")
	altered.Header.Set(sinks.DigestHeader, "44bc2cf5ad770999")
	altered.Data = []byte("abd")
	claimed := nats.NewMsg("r.final.claimed")
	claimed.Header.Set(sinks.IDHeader, "second")
	claimed.Header.Set(sinks.DigestHeader, "d24ec4f1a98c6e5b")
	claimed.Data = []byte("abc")
	for _, m := range []*nats.Msg{foreign, altered, claimed} {
		if _, err := newJetStream(t, conn).PublishMsg(testContext(t), m); err != nil {
			t.Fatal(err)
		}
	}
	for path, want := range map[string]struct {
		conflict sinks.ConflictError
		words    string
	}{
		"taken": {
			sinks.ConflictError{Subject: "r.final.taken", ID: "second", Digest: "44bc2cf5ad770999", StoredID: "first", StoredDigest: "d24ec4f1a98c6e5b"},
			"not deterministic, two versions of it share an epoch, or two Writes share a destination",
		},
		"foreign": {sinks.ConflictError{Subject: "r.final.foreign", ID: "second", Digest: "44bc2cf5ad770999"}, "not a result"},
		"altered": {
			sinks.ConflictError{Subject: "r.final.altered", ID: "second", Digest: "44bc2cf5ad770999", StoredID: "second", StoredDigest: "44bc2cf5ad770999"},
			"altered or damaged",
		},
		"claimed": {
			sinks.ConflictError{Subject: "r.final.claimed", ID: "second", Digest: "44bc2cf5ad770999", StoredID: "second", StoredDigest: "d24ec4f1a98c6e5b"},
			"two different results",
		},
	} {
		err := w.Write(testContext(t), []sinks.Record{result("second", path, "abc")})
		var got *sinks.ConflictError
		if !errors.As(err, &got) || *got != want.conflict {
			t.Errorf("%s: %+v, want %+v", path, err, want.conflict)
			continue
		}
		wantPermanent(t, err, true)
		wantWords(t, err, want.words, want.conflict.Subject, want.conflict.ID, want.conflict.Digest, want.conflict.StoredID, want.conflict.StoredDigest)
	}
}

func TestWriteTooLong(t *testing.T) {
	t.Parallel()
	conn := natstest.Run(t).Conn(t)
	makeStream(t, conn, jetstream.StreamConfig{Name: "SHORT", Subjects: []string{"short.>"}, MaxMsgSize: 1024})
	for _, test := range []struct {
		sink  sinks.Sink
		words []string
	}{
		{sinks.Subject{Name: "r", Stream: "R"}, []string{"max_payload", "(1048576 bytes)"}},
		{sinks.KeyValue{Bucket: "b"}, []string{"max_payload", "(1048576 bytes)"}},
		{sinks.Subject{Name: "short", Stream: "SHORT"}, []string{"max_msg_size", `"SHORT"`}},
	} {
		w := open(t, test.sink, conn)
		size := 1<<20 - 50 // fits, but not with its headers
		if strings.Contains(test.sink.Target(), "short") {
			size = 1000
		}
		err := w.Write(testContext(t), []sinks.Record{result("small", "a", "p"), result("the-id", "b", strings.Repeat("x", size))})
		wantPermanent(t, err, true)
		wantWords(t, err, append(test.words, test.sink.Target(), `"the-id"`, fmt.Sprintf("of %d bytes", size))...)
		if err := w.Write(testContext(t), []sinks.Record{result("small", "a", "p")}); err != nil {
			t.Errorf("after that: %v", err)
		}
	}
}

func TestWriteRefusesWhatHeadersCannotHold(t *testing.T) {
	t.Parallel()
	conn := natstest.Run(t).Conn(t)
	w := open(t, sinks.Subject{Name: "r", Stream: "R"}, conn)
	for header, change := range map[string]func(*sinks.Record){
		"no ID":                func(r *sinks.Record) { r.ID = "" },
		sinks.IDHeader:         func(r *sinks.Record) { r.ID = "a\r\nb" },
		sinks.WindowHeader:     func(r *sinks.Record) { r.Window = " w" },
		sinks.FrontierHeader:   func(r *sinks.Record) { r.Frontier = "f\t" },
		sinks.PipelineHeader:   func(r *sinks.Record) { r.Pipeline = "p " },
		`the Path "a b" has`:   func(r *sinks.Record) { r.Path = "a b" },
		`the Path "a.>" has`:   func(r *sinks.Record) { r.Path = "a.>" },
		`the Path "a..b" has`:  func(r *sinks.Record) { r.Path = "a..b" },
		`the Path "a\r\nPUB b`: func(r *sinks.Record) { r.Path = "a\r\nPUB b" },
	} {
		r := result("the-id", "k", "p")
		change(&r)
		err := w.Write(testContext(t), []sinks.Record{result("good", "g", "p"), r})
		wantPermanent(t, err, true)
		wantWords(t, err, "subject r", header)
	}
	if got, err := readStream(newJetStream(t, conn), "R"); err != nil || len(got) != 0 {
		t.Errorf("the stream holds %v, %v", got, err)
	}
}

func TestWriteAcrossRestart(t *testing.T) {
	t.Parallel()
	server := natstest.Run(t)
	conn := server.Conn(t)
	w := open(t, sinks.Subject{Name: "r", Stream: "R"}, conn)
	records := numbered(100)
	if err := w.Write(testContext(t), records[:60]); err != nil {
		t.Fatal(err)
	}
	down := conn.StatusChanged(nats.RECONNECTING)
	server.Shutdown()
	<-down
	natstest.Eventually(t, "the connection knows", func() bool { return conn.Status() == nats.RECONNECTING })
	err := w.Write(testContext(t), records)
	wantPermanent(t, err, false)
	wantWords(t, err, "subject r", "reconnecting")
	if !errors.Is(err, nats.ErrDisconnected) {
		t.Errorf("the error does not wrap nats.ErrDisconnected: %v", err)
	}
	server.Restart(t)
	natstest.Eventually(t, "the records are written", func() bool { return w.Write(testContext(t), records) == nil })
	got, err := readStream(newJetStream(t, conn), "R")
	if err != nil || len(got) != 100 {
		t.Errorf("the stream holds %d records, %v", len(got), err)
	}
}

func TestWriteWithoutStream(t *testing.T) {
	t.Parallel()
	conn := natstest.Run(t).Conn(t)
	sink := sinks.Subject{Name: "r", Stream: "R"}
	w := open(t, sink, conn)
	if err := newJetStream(t, conn).DeleteStream(testContext(t), "R"); err != nil {
		t.Fatal(err)
	}
	records := numbered(3)
	err := w.Write(testContext(t), records)
	wantPermanent(t, err, false)
	wantWords(t, err, "subject r", "no stream listens")
	open(t, sink, conn)
	if err := w.Write(testContext(t), records); err != nil {
		t.Errorf("with the stream made again: %v", err)
	}
	other := jetstream.StreamConfig{Name: "OTHER", Subjects: []string{"r.>"}}
	if err := newJetStream(t, conn).DeleteStream(testContext(t), "R"); err != nil {
		t.Fatal(err)
	}
	makeStream(t, conn, other)
	err = w.Write(testContext(t), records)
	wantPermanent(t, err, false)
	wantWords(t, err, `taken by stream "OTHER" and not by "R"`)
}

// A denied publish is only silence; the reason is the last error of the connection.
func TestSilenceNamesTheDenial(t *testing.T) {
	t.Parallel()
	silence := errors.New("sinks: silence")
	denied := fmt.Errorf("%w: publish to r.final.k0", nats.ErrPermissionViolation)
	err := sinks.Blame(silence, denied)
	wantWords(t, err, "sinks: silence; ", "publish to r.final.k0")
	if !errors.Is(err, silence) || !errors.Is(err, nats.ErrPermissionViolation) {
		t.Errorf("a cause is lost: %v", err)
	}
	for _, other := range []error{nil, nats.ErrSlowConsumer} {
		if err := sinks.Blame(silence, other); !errors.Is(err, silence) {
			t.Errorf("%v was blamed: %v", other, err)
		}
	}
}

func TestCovers(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		outer, inner string
		want         bool
	}{
		{"a.>", "a.>", true},
		{">", "a.>", true},
		{"*.>", "a.>", true},
		{"a.>", "a.b.>", true},
		{"a.*.>", "a.b.>", true},
		{"a.*.>", "a.>", false},
		{"a.*", "a.>", false},
		{"a.b.>", "a.>", false},
		{"b.>", "a.>", false},
		{"a", "a.>", false},
		{"a.>", "a", false},
		{"a", "a", true},
		{"*", "a", true},
		{"a", "*", false},
		{"a.b", "a", false},
		{"ab.>", "a.>", false},
	} {
		if got := sinks.Covers(test.outer, test.inner); got != test.want {
			t.Errorf("covers(%q, %q) = %v", test.outer, test.inner, got)
		}
	}
}
