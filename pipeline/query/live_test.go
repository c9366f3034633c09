package query_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/calmstream/calmstream/crdt"
	"github.com/calmstream/calmstream/internal/natstest"
	"github.com/calmstream/calmstream/operators"
	"github.com/calmstream/calmstream/pipeline"
	"github.com/calmstream/calmstream/pipeline/query"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// member is a worker that answers from memory: it takes no checkpoint after the first.
type member struct {
	pipeline.Monitor
	conn  *nats.Conn
	ended chan error
	stop  context.CancelFunc
}

func work(t *testing.T, srv *natstest.Server, p *pipeline.Pipeline, name string, standbys int) *member {
	t.Helper()
	m := &member{conn: srv.Conn(t), ended: make(chan error, 1)}
	var ctx context.Context
	ctx, m.stop = context.WithCancel(t.Context())
	go func() {
		m.ended <- p.Run(ctx, pipeline.Config{
			Conn: m.conn, Worker: name, Standbys: standbys, Queries: true, CheckpointEvery: time.Hour, Logger: quiet, Monitor: &m.Monitor,
		})
	}()
	t.Cleanup(func() { m.stop() })
	return m
}

// crash takes the worker's connection away, and returns what the worker says of that.
func (m *member) crash() error {
	m.conn.Close()
	m.stop()
	return <-m.ended
}

func (m *member) runs(shards int) func() bool {
	return func() bool { return m.Running() && len(m.Shards()) == shards }
}

const inputs = 3

// adsOf makes a stream with an input for each length of an ad.
func adsOf(t *testing.T, js jetstream.JetStream, name string) *feed {
	t.Helper()
	if _, err := js.CreateStream(t.Context(), jetstream.StreamConfig{Name: name, Subjects: []string{name + ".*"}}); err != nil {
		t.Fatal(err)
	}
	return newFeed(t, js, func(ad string) string { return fmt.Sprint(name, ".", len(ad)%inputs) })
}

func subjectsOf(name string) (all []string) {
	for i := range inputs {
		all = append(all, fmt.Sprint(name, ".", i))
	}
	return all
}

func count[K string | number](t *testing.T, s *query.State[K, crdt.GCounter], key K) (n uint64, a query.Answer[crdt.Max[uint64]]) {
	t.Helper()
	a, err := query.LowerBound(t.Context(), s, key, crdt.CountOf())
	if err != nil {
		t.Fatal(err)
	}
	value, known := a.Value()
	if !known {
		t.Fatalf("%v: a lower bound is always known: %v", key, a)
	}
	n, _ = value.Value()
	return n, a
}

// Two workers answer about the keys of each shard what no checkpoint has. When one dies the other goes on, without a gap and without going
// back; when both are gone the checkpoints do not take back what was said, and the next worker comes there again.
func TestWorkersAnswerForTheirShards(t *testing.T) {
	t.Parallel()
	srv := natstest.Run(t)
	js, conn := srv.JetStream(t), srv.Conn(t)
	f, subjects := adsOf(t, js, "live"), subjectsOf("live")
	program := func() *ads { return newAds("live", subjects, "") }
	const shards = 4 * inputs
	a, b := work(t, srv, program().Pipeline, "a", 1), work(t, srv, program().Pipeline, "b", 1)
	for _, m := range []*member{a, b} {
		natstest.Eventually(t, "both run all shards", m.runs(shards))
	}
	each(func(ad string) { f.put(ad) })
	p := program()
	live, err := query.Open(t.Context(), p.Pipeline, p.clicks, query.Config{Conn: conn, Ask: query.Workers})
	if err != nil {
		t.Fatal(err)
	}
	lengths, err := query.Open(t.Context(), p.Pipeline, p.length, query.Config{Conn: conn, Ask: query.WorkersFirst})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	place := make(map[int]bool)
	ask := func() {
		t.Helper()
		each(func(ad string) {
			got, err := live.Await(ctx, ad, crdt.AtLeast(f.clicks[ad]))
			if err != nil || got.Verdict() != crdt.Stable || !strings.HasPrefix(got.Origin, "worker ") {
				t.Fatalf("%s: %v by %q, %v", ad, got, got.Origin, err)
			}
			place[got.Position.Shard] = true
			n, bound := count(t, live, ad)
			if n != f.clicks[ad] || bound.Verdict() != crdt.LowerBound || bound.Position.Seq < got.Position.Seq {
				t.Fatalf("%s: %v after %v, want %d", ad, bound, got, f.clicks[ad])
			}
			more, err := live.Threshold(ctx, ad, crdt.AtLeast(n+1))
			if _, yes := more.Value(); err != nil || yes {
				t.Fatalf("%s has %d, and the answer is %v, %v", ad, n, more, err)
			}
			if end := exact(t, live, ad); end.Answer.String() != "unknown" {
				t.Fatalf("%s: the input goes on, and the count is said to be %v", ad, end)
			}
		})
		for n, want := range f.length {
			if got, err := lengths.Await(ctx, n, crdt.AtLeast(want)); err != nil || got.Verdict() != crdt.Stable {
				t.Fatalf("%d: %v, %v", n, got, err)
			}
		}
	}
	ask()
	if len(place) != inputs {
		t.Fatalf("the keys are in %d shards of %d", len(place), inputs)
	}
	homes(t, conn, p.Pipeline, "c1-a")
	_ = a.crash()
	f.put("c1-a", "c2-aa", "c3-aaa")
	ask()

	late := make(chan error, 1)
	go func() {
		got, err := live.Await(ctx, "late-x", crdt.AtLeast(2))
		if err == nil && got.Origin != "worker b" {
			err = fmt.Errorf("answered by %q", got.Origin)
		}
		late <- err
	}()
	f.put("late-x")
	if n, _ := count(t, live, "late-x"); n > 1 || len(late) > 0 {
		t.Errorf("one record, and %d", n)
	}
	f.put("late-x")
	if err := <-late; err != nil {
		t.Error(err)
	}
	_ = b.crash()
	if _, err := live.Threshold(ctx, "c1-a", crdt.AtLeast(1)); !errors.Is(err, query.ErrNoWorker) {
		t.Errorf("nobody is there: %v", err)
	}
	if _, err := query.LowerBound(ctx, lengths, -4, crdt.CountOf()); !errors.Is(err, query.ErrBehind) {
		t.Errorf("a checkpoint took back what was said: %v", err)
	}
	older := open(t, conn, p.Pipeline, p.length)
	if n, old := count(t, older, -4); n > f.length[-4] || old.Origin != "checkpoint" {
		t.Errorf("who has seen nothing takes what there is: %v", old)
	}
	c := work(t, srv, program().Pipeline, "c", 0)
	natstest.Eventually(t, "a third worker runs all", c.runs(shards))
	ask()
}

// homes asks all shards about a key: its own answers, and the others name that.
func homes(t *testing.T, conn *nats.Conn, p *pipeline.Pipeline, key string) {
	t.Helper()
	fingerprint, err := p.Fingerprint()
	if err != nil {
		t.Fatal(err)
	}
	home, named := -1, ""
	for i := range inputs {
		answer, code, text := request(t, conn, fmt.Sprintf("calm.q.live.e%s.counts.%d.counts.lower-bound", fingerprint, i), `{"key": "`+key+`"}`)
		switch {
		case strings.HasPrefix(answer, `{"verdict":"lower-bound","value":1,`) && home < 0:
			home = i
		case code == "421" && (named == "" || named == text):
			named = text
		default:
			t.Errorf("shard %d: %s %s %s", i, answer, code, text)
		}
	}
	if named != fmt.Sprint("the key belongs to shard ", home) {
		t.Errorf("shard %d has the key, and %q", home, named)
	}
}

// Who asks says how far the answers before have come, and takes no owner's word who is behind that.
func TestNoOwnerTakesBack(t *testing.T) {
	t.Parallel()
	conn := natstest.Run(t).Conn(t)
	p := newSites()
	fingerprint, err := p.Fingerprint()
	if err != nil {
		t.Fatal(err)
	}
	asked, at := make(chan string, 8), uint64(10)
	sub, err := conn.Subscribe("calm.q.sites.e"+fingerprint+".visits.0.all.lower-bound", func(m *nats.Msg) {
		asked <- string(m.Data)
		_ = m.Respond(fmt.Appendf(nil, `{"verdict":"unknown","position":{"seq":%d},"raw":{"frontier":0,"lastSeq":%d}}`, at, at-1))
		at -= 4
	})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = sub.Unsubscribe() }()
	s, err := query.Open(t.Context(), p.Pipeline, p.all, query.Config{Conn: conn, Ask: query.Workers})
	if err != nil {
		t.Fatal(err)
	}
	if n, a := count(t, s, "a"); n != 0 || a.Position.Seq != 10 {
		t.Errorf("%v", a)
	}
	if a, err := query.LowerBound(t.Context(), s, "a", crdt.CountOf()); !errors.Is(err, query.ErrBehind) {
		t.Errorf("%v, %v", a, err)
	}
	if first, second := <-asked, <-asked; first != `{"encodedKey":"YQ==","raw":true}` || second != `{"encodedKey":"YQ==","wait":"500ms","from":9,"raw":true}` {
		t.Errorf("asked %s and %s", first, second)
	}
}

// The states of two versions are asked apart, and a version that has not run has nothing to answer, whoever runs another.
func TestEachVersionAnswersForItself(t *testing.T) {
	t.Parallel()
	srv := natstest.Run(t)
	js, conn := srv.JetStream(t), srv.Conn(t)
	f := adsOf(t, js, "vers")
	version := func(v string) (*pipeline.Pipeline, operators.Shared[string, crdt.GCounter]) { // which counts an ad as often as its version is long
		p := pipeline.New("vers")
		p.Version = v
		in := pipeline.Read(p, "clicks", pipeline.Source[string]{Stream: "vers", Decode: pipeline.Text})
		repeated := operators.FlatMap(in, func(ad string) iter.Seq[string] { return slices.Values(slices.Repeat([]string{ad}, len(v))) })
		counts := operators.Count("counts", operators.KeyBy(repeated, "ad", func(ad string) string { return ad }))
		pipeline.Write(p, "often", operators.Threshold(counts, crdt.AtLeast(100)), discard("often"), pipeline.EncodeText)
		return p, operators.Share(counts)
	}
	f.put("c-aaa", "c-aaaa", "c-aaaa")
	for _, v := range []string{"1", "22"} {
		p, _ := version(v)
		natstest.Eventually(t, "a version runs", work(t, srv, p, "w"+v, 0).Running)
	}
	for _, v := range []string{"1", "22"} {
		p, shared := version(v)
		s, err := query.Open(t.Context(), p, shared, query.Config{Conn: conn, Ask: query.WorkersFirst})
		if err != nil {
			t.Fatal(err)
		}
		for ad, clicks := range f.clicks {
			want := clicks * uint64(len(v))
			if _, err := s.Await(t.Context(), ad, crdt.AtLeast(want)); err != nil {
				t.Fatal(err)
			}
			if n, a := count(t, s, ad); n != want || a.Origin != "worker w"+v {
				t.Errorf("version %q, %s: %v by %s, want %d", v, ad, a, a.Origin, want)
			}
		}
	}
	p, shared := version("3")
	if _, err := query.Open(t.Context(), p, shared, query.Config{Conn: conn, Ask: query.WorkersFirst}); !errors.Is(err, query.ErrNotRun) {
		t.Errorf("a version that has not run: %v", err)
	}
	s, err := query.Open(t.Context(), p, shared, query.Config{Conn: conn, Ask: query.Workers})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Threshold(t.Context(), "c-aaa", crdt.AtLeast(0)); !errors.Is(err, query.ErrNoWorker) {
		t.Errorf("a version that nobody runs: %v", err)
	}
}

// A value is final once every shard that sends to its own has come to the end of its input, and not before.
func TestFinalNeedsTheEndInEveryShard(t *testing.T) {
	t.Parallel()
	for _, of := range []query.Of{query.Checkpoints, query.WorkersFirst} {
		t.Run(fmt.Sprint(of), func(t *testing.T) {
			t.Parallel()
			srv := natstest.Run(t)
			js, conn := srv.JetStream(t), srv.Conn(t)
			f, subjects := adsOf(t, js, "ends"), subjectsOf("ends")
			each(func(ad string) { f.put(ad, ad) })
			f.end(subjects[:inputs-1]...)
			p := newAds("ends", subjects, "")
			monitor, ended := new(pipeline.Monitor), make(chan error, 1)
			go func() {
				ended <- p.Run(t.Context(), pipeline.Config{Conn: conn, CheckpointEvery: 5 * time.Millisecond, Queries: true, Logger: quiet, Monitor: monitor})
			}()
			natstest.Eventually(t, "all but one input has ended", func() bool {
				done := 0
				for _, s := range monitor.Shards() {
					if s.Stage == "clicks" && s.Done {
						done++
					}
				}
				return done == inputs-1
			})
			s, err := query.Open(t.Context(), p.Pipeline, p.clicks, query.Config{Conn: conn, Ask: of, Every: 5 * time.Millisecond})
			if err != nil {
				t.Fatal(err)
			}
			each(func(ad string) {
				if _, err := s.Await(t.Context(), ad, crdt.AtLeast(f.clicks[ad])); err != nil {
					t.Fatal(err)
				}
				if a := exact(t, s, ad); a.Answer.String() != "unknown" || a.Frontier == "end" {
					t.Fatalf("%s: an input goes on, and the count is said to be %v, complete up to %q", ad, a, a.Frontier)
				}
				if n, a := count(t, s, ad); n != f.clicks[ad] || a.Verdict() != crdt.LowerBound {
					t.Fatalf("%s: %v", ad, a)
				}
			})
			f.end(subjects[inputs-1])
			if err := <-ended; err != nil {
				t.Fatal(err)
			}
			each(func(ad string) {
				a := exact(t, s, ad)
				value, _ := a.Value()
				if n, _ := value.Value(); n != f.clicks[ad] || a.Verdict() != crdt.Final || a.Frontier != "end" {
					t.Fatalf("%s: %v", ad, a)
				}
			})
		})
	}
}
