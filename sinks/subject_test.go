package sinks_test

import (
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/calmstream/calmstream/crdt"
	"github.com/calmstream/calmstream/internal/natstest"
	"github.com/calmstream/calmstream/sinks"
	"github.com/calmstream/calmstream/sinks/sinktest"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// subjects returns a suite configuration in which each sink has a subject and a stream of its own on one server.
func subjects(connect func(testing.TB) *nats.Conn, replicas int) sinktest.Config {
	var number atomic.Int64
	return sinktest.Config{
		New: func(t testing.TB) (sinks.Sink, func() ([]sinks.Record, error)) {
			name := fmt.Sprintf("results-%d", number.Add(1))
			js := newJetStream(t, connect(t))
			return sinks.Subject{Name: name, Stream: name, Replicas: replicas},
				func() ([]sinks.Record, error) { return readStream(js, name) }
		},
		Features: sinktest.Features{Durable: true, CreateOnce: true},
		Conn:     connect,
		Missing: []sinks.Sink{
			sinks.Subject{},
			sinks.Subject{Name: "nobody"},
			sinks.Subject{Name: "a.*.b", Stream: "S"},
			sinks.Subject{Name: "results", Stream: "S", Replicas: -1},
		},
	}
}

func TestSubjectConforms(t *testing.T) {
	t.Parallel()
	server := natstest.Run(t)
	sinktest.Run(t, subjects(func(t testing.TB) *nats.Conn { return server.Conn(t) }, 0))
}

func TestSubjectConformsReplicated(t *testing.T) {
	t.Parallel()
	cluster := natstest.RunCluster(t, 3)
	sinktest.Run(t, subjects(func(t testing.TB) *nats.Conn { return cluster.Conn(t) }, 3))
}

func TestSubjectMessage(t *testing.T) {
	t.Parallel()
	conn := natstest.Run(t).Conn(t)
	w := open(t, sinks.Subject{Name: "ads.hot", Stream: "ADS"}, conn)
	records := []sinks.Record{
		{ID: "1", Verdict: crdt.LowerBound, Payload: []byte("a")},
		{
			ID: "2", Verdict: crdt.Final, Key: "50% \n", Window: "w", Frontier: "end", Pipeline: "ads",
			Path: "e1.w.k", Payload: []byte("abc"),
		},
		{ID: "3", Verdict: crdt.Stable, Payload: nil},
	}
	if err := w.Write(testContext(t), records); err != nil {
		t.Fatal(err)
	}
	want := []struct {
		subject string
		header  map[string]string
	}{
		{"ads.hot.lower-bound", map[string]string{
			"Calm-Id": "1", "Calm-Verdict": "lower-bound", "Calm-Digest": "d24ec4f1a98c6e5b", "Nats-Msg-Id": "1",
		}},
		{"ads.hot.final.e1.w.k", map[string]string{
			"Calm-Id": "2", "Calm-Verdict": "final", "Calm-Key": "50%25 %0A", "Calm-Window": "w", "Calm-Frontier": "end",
			"Calm-Pipeline": "ads", "Calm-Digest": "44bc2cf5ad770999", "Nats-Expected-Last-Subject-Sequence": "0",
		}},
		{"ads.hot.stable", map[string]string{
			"Calm-Id": "3", "Calm-Verdict": "stable", "Calm-Digest": "ef46db3751d8e999", "Nats-Msg-Id": "3",
		}},
	}
	stream, err := newJetStream(t, conn).Stream(testContext(t), "ADS")
	if err != nil {
		t.Fatal(err)
	}
	for i, w := range want {
		m, err := stream.GetMsg(testContext(t), uint64(i+1))
		if err != nil {
			t.Fatal(err)
		}
		got := map[string]string{}
		for name := range m.Header {
			got[name] = m.Header.Get(name)
		}
		for _, name := range []string{"Nats-Stream", "Nats-Subject", "Nats-Sequence", "Nats-Time-Stamp"} { // of the direct get
			delete(got, name)
		}
		if m.Subject != w.subject || fmt.Sprint(got) != fmt.Sprint(w.header) {
			t.Errorf("message %d:\n got %s %v\nwant %s %v", i+1, m.Subject, got, w.subject, w.header)
		}
		if string(m.Data) != string(records[i].Payload) {
			t.Errorf("message %d has payload %q", i+1, m.Data)
		}
	}
}

func TestSubjectMakesStream(t *testing.T) {
	t.Parallel()
	conn := natstest.Run(t).Conn(t)
	open(t, sinks.Subject{Name: "ads", Stream: "ADS"}, conn)
	stream, err := newJetStream(t, conn).Stream(testContext(t), "ADS")
	if err != nil {
		t.Fatal(err)
	}
	c := stream.CachedInfo().Config
	if fmt.Sprint(c.Subjects) != "[ads.>]" || c.Storage != jetstream.FileStorage || c.Replicas != 1 || !c.AllowDirect {
		t.Errorf("the stream was made as %+v", c)
	}
}

func TestSubjectUsesStream(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ pattern, stream, name string }{
		{"ads.>", "", "ads"},
		{">", "", "ads"},
		{"ads.*.>", "", "ads.hot"},
		{"ads.>", "ADS", "ads.hot"},
	} {
		t.Run(test.pattern+test.stream, func(t *testing.T) {
			t.Parallel()
			conn := natstest.Run(t).Conn(t)
			makeStream(t, conn, jetstream.StreamConfig{Name: "ADS", Subjects: []string{"other", test.pattern}, NoAck: test.pattern == ">"})
			sink := sinks.Subject{Name: test.name, Stream: test.stream}
			if test.pattern == ">" { // the server allows it only without acknowledgements
				openError(t, sink, conn, `"ADS"`, "does not acknowledge")
				return
			}
			w := open(t, sink, conn)
			if err := w.Write(testContext(t), []sinks.Record{result("1", "k", "p")}); err != nil {
				t.Fatal(err)
			}
			got, err := readStream(newJetStream(t, conn), "ADS")
			if err != nil || len(got) != 1 || got[0].ID != "1" {
				t.Errorf("the stream holds %v, %v", got, err)
			}
		})
	}
}

func makeStream(t testing.TB, conn *nats.Conn, c jetstream.StreamConfig) {
	t.Helper()
	if c.NoAck { // these would overlap
		c.Subjects = c.Subjects[len(c.Subjects)-1:]
	}
	if _, err := newJetStream(t, conn).CreateStream(testContext(t), c); err != nil {
		t.Fatal(err)
	}
}

func TestSubjectRefusesStream(t *testing.T) {
	t.Parallel()
	ads := sinks.Subject{Name: "ads", Stream: "ADS"}
	for _, test := range []struct {
		name   string
		stream jetstream.StreamConfig
		sink   sinks.Subject
		words  []string
	}{
		{
			"elsewhere",
			jetstream.StreamConfig{Name: "ADS", Subjects: []string{"news.>"}},
			ads,
			[]string{`"ADS"`, `"ads.>"`, `nats stream edit ADS --subjects 'news.>,ads.>'`},
		},
		{"too narrow", jetstream.StreamConfig{Name: "ADS", Subjects: []string{"ads.final.>"}}, ads, []string{`does not cover "ads.>"`}},
		{
			"too narrow, found",
			jetstream.StreamConfig{Name: "ADS", Subjects: []string{"ads.final.>"}},
			sinks.Subject{Name: "ads"},
			[]string{`"ADS"`, `does not cover "ads.>"`},
		},
		{
			"none",
			jetstream.StreamConfig{Name: "ADS", Subjects: []string{"news"}},
			sinks.Subject{Name: "ads"},
			[]string{"no stream covers", `nats stream add RESULTS --subjects 'ads.>'`},
		},
		{"taken", jetstream.StreamConfig{Name: "OTHER", Subjects: []string{"ads.final.>"}}, ads, []string{"another stream already takes"}},
		{"no ack", jetstream.StreamConfig{Name: "ADS", Subjects: []string{"ads.>"}, NoAck: true}, ads, []string{"does not acknowledge"}},
		{"renamed", jetstream.StreamConfig{
			Name: "ADS", Subjects: []string{"ads.>"},
			SubjectTransform: &jetstream.SubjectTransformConfig{Source: "ads.>", Destination: "x.>"},
		}, ads, []string{"renames subjects"}},
		{"mirror", jetstream.StreamConfig{Name: "ADS", Mirror: &jetstream.StreamSource{Name: "ORIGIN"}}, ads, []string{`mirrors "ORIGIN"`}},
		{"bad name", jetstream.StreamConfig{Name: "X", Subjects: []string{"x"}}, sinks.Subject{Name: "ads..hot", Stream: "ADS"}, []string{"token"}},
		{"space", jetstream.StreamConfig{Name: "X", Subjects: []string{"x"}}, sinks.Subject{Name: "hot ads", Stream: "ADS"}, []string{"' '"}},
		{"bad stream", jetstream.StreamConfig{Name: "X", Subjects: []string{"x"}}, sinks.Subject{Name: "ads", Stream: "A.B"}, []string{`"A.B"`}},
		{
			"replicas",
			jetstream.StreamConfig{Name: "X", Subjects: []string{"x"}},
			sinks.Subject{Name: "ads", Stream: "ADS", Replicas: 3},
			[]string{`making stream "ADS"`},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			conn := natstest.Run(t).Conn(t)
			makeStream(t, conn, test.stream)
			openError(t, test.sink, conn, test.words...)
		})
	}
}
