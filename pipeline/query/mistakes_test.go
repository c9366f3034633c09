package query_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/calmstream/calmstream/crdt"
	"github.com/calmstream/calmstream/internal/compiletest"
	"github.com/calmstream/calmstream/internal/natstest"
	"github.com/calmstream/calmstream/operators"
	"github.com/calmstream/calmstream/pipeline"
	"github.com/calmstream/calmstream/pipeline/query"
	"github.com/nats-io/nats.go/jetstream"
)

// Each folder of testdata/illegal holds one small program that asks what must not be asked: see package compiletest.
func TestIllegalQuestionsDoNotCompile(t *testing.T) {
	t.Parallel()
	problems, cases, err := compiletest.Check("../..", "pipeline/query/testdata/illegal")
	if err != nil {
		t.Fatal(err)
	}
	if cases == 0 {
		t.Fatal("pipeline/query/testdata/illegal holds no program")
	}
	for _, p := range problems {
		t.Error(p)
	}
}

// What cannot be asked is said so.
func TestMistakes(t *testing.T) {
	t.Parallel()
	srv := natstest.Run(t)
	js, conn := srv.JetStream(t), srv.Conn(t)
	p, other := newAds("mistakes", nil, ""), newSites()
	open := func(p *pipeline.Pipeline, of operators.Shared[string, crdt.GCounter], cfg query.Config) error {
		_, err := query.Open(t.Context(), p, of, cfg)
		return err
	}
	if err := open(p.Pipeline, p.clicks, query.Config{Conn: conn}); !errors.Is(err, query.ErrNotRun) {
		t.Errorf("before the first run: %v", err)
	}
	if _, err := js.Stream(t.Context(), "KV_calm_mistakes"); !errors.Is(err, jetstream.ErrStreamNotFound) {
		t.Errorf("who asks must not make a bucket: %v", err)
	}
	if _, err := js.CreateStream(t.Context(), jetstream.StreamConfig{Name: "mistakes"}); err != nil {
		t.Fatal(err)
	}
	newFeed(t, js, func(string) string { return "mistakes" }).end("mistakes")
	if err := p.Run(t.Context(), pipeline.Config{Conn: conn, Logger: quiet}); err != nil {
		t.Fatal(err)
	}
	newer := newAds("mistakes", nil, "")
	newer.Version = "2"
	for what, c := range map[string]struct {
		err  error
		want string
	}{
		"another version":  {open(newer.Pipeline, newer.clicks, query.Config{Conn: conn}), "it has not run there in this version"},
		"no connection":    {open(p.Pipeline, p.clicks, query.Config{}), "Config.Conn is nil"},
		"another pipeline": {open(p.Pipeline, other.all, query.Config{Conn: conn}), "the state is one of the pipeline sites, and not of mistakes"},
		"a zero handle":    {open(p.Pipeline, operators.Shared[string, crdt.GCounter]{}, query.Config{Conn: conn}), "take one with operators.Share"},
		"a negative time":  {open(p.Pipeline, p.clicks, query.Config{Conn: conn, Every: -1}), "must not be negative"},
	} {
		if c.err == nil || !strings.Contains(c.err.Error(), c.want) {
			t.Errorf("%s: %v", what, c.err)
		}
	}
	cuts := pipeline.New("cuts")
	in := pipeline.Read(cuts, "clicks", pipeline.Source[string]{Stream: "mistakes", Cuts: true, Decode: pipeline.Text})
	counts := operators.Count("counts", operators.Window(operators.KeyBy(in, "ad", campaign), operators.Cuts()))
	pipeline.Write(cuts, "out", operators.Finals(operators.Seal(counts, operators.RecordedCut())), discard("out"), encodeFinal)
	if err := open(cuts, operators.Share(counts), query.Config{Conn: conn}); err == nil || !strings.Contains(err.Error(), "windows of recorded cuts") {
		t.Errorf("recorded cuts: %v", err)
	}
}

// A state with windows is asked about one of them, and Await ends with its context.
func TestWhichWindow(t *testing.T) {
	t.Parallel()
	srv := natstest.Run(t)
	js, conn := srv.JetStream(t), srv.Conn(t)
	if _, err := js.CreateStream(t.Context(), jetstream.StreamConfig{Name: "VISITS"}); err != nil {
		t.Fatal(err)
	}
	p := newSites()
	if _, err := js.Publish(t.Context(), "VISITS", []byte("a 100")); err != nil {
		t.Fatal(err)
	}
	runUntil(t, conn, p.Pipeline, func() bool {
		s, err := query.Open(t.Context(), p.Pipeline, p.tumbling, query.Config{Conn: conn})
		if err != nil {
			return false
		}
		a, err := s.At(time.Unix(119, 0)).Threshold(t.Context(), "a", crdt.AtLeast(1))
		_, yes := a.Value()
		return err == nil && yes && a.Window == "1970-01-01T00:01:40Z/1970-01-01T00:02:00Z" && a.Frontier == "1970-01-01T00:01:40Z"
	})
	s := open(t, conn, p.Pipeline, p.tumbling)
	if _, err := s.Threshold(t.Context(), "a", crdt.AtLeast(1)); !errors.Is(err, query.ErrWindow) {
		t.Errorf("no window: %v", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if _, err := s.At(time.Unix(100, 0)).Await(ctx, "a", crdt.AtLeast(2)); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("awaited: %v", err)
	}
}
