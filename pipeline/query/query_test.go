package query_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/calmstream/calmstream/crdt"
	"github.com/calmstream/calmstream/internal/natstest"
	"github.com/calmstream/calmstream/operators"
	"github.com/calmstream/calmstream/pipeline"
	"github.com/calmstream/calmstream/pipeline/partition"
	"github.com/calmstream/calmstream/pipeline/producer"
	"github.com/calmstream/calmstream/pipeline/query"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// number is the name of a key that is no text.
type number int32

// ads counts clicks by ad and by campaign, which is what stands before the dash. Raised notes which campaigns have had a click by x.
type ads struct {
	*pipeline.Pipeline
	clicks operators.Shared[string, crdt.GCounter]
	length operators.Shared[number, crdt.GCounter]
	raised operators.Shared[string, crdt.Bool]
}

func campaign(ad string) string {
	name, _, _ := strings.Cut(ad, "-")
	return name
}

// newAds reads one subject for each shard, with or without an exchange.
func newAds(name string, subjects []string, partitioned string) *ads {
	p := pipeline.New(name)
	in := pipeline.Read(p, "clicks", pipeline.Source[string]{Stream: name, Subjects: subjects, PartitionedBy: partitioned, Decode: pipeline.Text})
	byAd := operators.Determines(operators.KeyBy(in, "ad", func(ad string) string { return ad }), "campaign", campaign)
	clicks := operators.Count("counts", byAd)
	pipeline.Write(p, "often", operators.Threshold(clicks, crdt.AtLeast(5)), discard("often"), pipeline.EncodeText)
	length := operators.Count("lengths", operators.KeyBy(in, "length", func(ad string) number { return number(-len(ad)) }))
	pipeline.Write(p, "lengths", operators.Threshold(length, crdt.AtLeast(5)), discard("lengths"), func(n number) ([]byte, error) { return fmt.Append(nil, n), nil })
	raised := operators.Aggregate("raised", operators.KeyBy(in, "campaign", campaign), func(ad string) (b crdt.Bool) {
		if strings.HasSuffix(ad, "-x") {
			b.Raise()
		}
		return b
	})
	pipeline.Write(p, "raised", operators.Threshold(raised, crdt.Raised()), discard("raised"), pipeline.EncodeText)
	return &ads{p, operators.Share(clicks), operators.Share(length), operators.Share(raised)}
}

// feed is a stream of ads, and what was put into it.
type feed struct {
	*testing.T
	js      jetstream.JetStream
	subject func(ad string) string
	clicks  map[string]uint64
	length  map[number]uint64
}

func (f *feed) put(ads ...string) {
	f.Helper()
	for _, ad := range ads {
		if _, err := f.js.Publish(f.Context(), f.subject(ad), []byte(ad)); err != nil {
			f.Fatal(err)
		}
		f.clicks[ad]++
		f.length[number(-len(ad))]++
	}
}

func (f *feed) end(subjects ...string) {
	f.Helper()
	for _, s := range subjects {
		m := nats.NewMsg(s)
		m.Header.Set("Calm-Seal", "end")
		if _, err := f.js.PublishMsg(f.Context(), m); err != nil {
			f.Fatal(err)
		}
	}
}

func newFeed(t *testing.T, js jetstream.JetStream, subject func(ad string) string) *feed {
	t.Helper()
	return &feed{T: t, js: js, subject: subject, clicks: make(map[string]uint64), length: make(map[number]uint64)}
}

// each calls f with some ads, of which one is not there.
func each(f func(ad string)) {
	for c := range 9 {
		for a := range 4 {
			f(fmt.Sprintf("c%d-%s", c, strings.Repeat("a", a)))
		}
	}
}

func open[K operators.Key, L any](t *testing.T, conn *nats.Conn, p *pipeline.Pipeline, of operators.Shared[K, L]) *query.State[K, L] {
	t.Helper()
	s, err := query.Open(t.Context(), p, of, query.Config{Conn: conn, Every: 5 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// exact asks for a count that will not change any more.
func exact[K operators.Key](t *testing.T, s *query.State[K, crdt.GCounter], key K) query.Answer[crdt.Max[uint64]] {
	t.Helper()
	a, err := query.Final(t.Context(), s, key, crdt.Exact(crdt.CountOf()))
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// A key is asked for where it is, with and without an exchange, while its state grows and once the input has ended, when every answer is final.
func TestEveryShardIsAskedForItsKeys(t *testing.T) {
	t.Parallel()
	layout := partition.Layout{Subject: "part.*.*", Tokens: []int{2}, Partitions: 4, Prefix: "partp"}
	for _, c := range []struct {
		name, partitioned string
		config            jetstream.StreamConfig
		subjects, ends    []string
		subject           func(ad string) string
	}{
		{
			"exch", "",
			jetstream.StreamConfig{Name: "exch", Subjects: []string{"exch.*"}},
			[]string{"exch.0", "exch.1", "exch.2"},
			[]string{"exch.0", "exch.1", "exch.2"},
			func(ad string) string { return fmt.Sprint("exch.", len(ad)%3) },
		},
		{
			"part", "campaign",
			jetstream.StreamConfig{Name: "part", Subjects: []string{"part.*.*", "partp.>"}},
			layout.Subjects(),
			[]string{"partp.0.s.end", "partp.1.s.end", "partp.2.s.end", "partp.3.s.end"},
			func(ad string) string { return "part.s." + campaign(ad) },
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			srv := natstest.Run(t)
			js, conn := srv.JetStream(t), srv.Conn(t)
			create := func() error { _, err := js.CreateStream(t.Context(), c.config); return err }
			if c.partitioned != "" {
				create = func() error { _, err := partition.Create(t.Context(), js, c.config, layout); return err }
			}
			if err := create(); err != nil {
				t.Fatal(err)
			}
			f := newFeed(t, js, c.subject)
			for i := range 3 {
				each(func(ad string) {
					if len(ad) > 3+i {
						f.put(ad)
					}
				})
			}
			p := newAds(c.name, c.subjects, c.partitioned)
			ctx, stop := context.WithTimeout(t.Context(), 20*time.Second)
			defer stop()
			ended := make(chan error, 1)
			go func() {
				ended <- p.Run(ctx, pipeline.Config{Conn: conn, CheckpointEvery: 5 * time.Millisecond, Logger: quiet})
			}()
			var clicks *query.State[string, crdt.GCounter]
			natstest.Eventually(t, "the pipeline has begun", func() bool {
				var err error
				clicks, err = query.Open(t.Context(), p.Pipeline, p.clicks, query.Config{Conn: conn, Every: time.Millisecond})
				return err == nil
			})
			lengths := open(t, conn, p.Pipeline, p.length)
			each(func(ad string) {
				a, err := clicks.Await(ctx, ad, crdt.AtLeast(f.clicks[ad]))
				if err != nil || a.Verdict() != crdt.Stable {
					t.Fatalf("%s: %v, %v", ad, a, err)
				}
			})
			for n, want := range f.length {
				if a, err := lengths.Await(ctx, n, crdt.AtLeast(want)); err != nil || a.Verdict() != crdt.Stable {
					t.Fatalf("%d: %v, %v", n, a, err)
				}
			}
			if a := exact(t, clicks, "c1-aa"); a.Verdict() != crdt.Provisional || a.Answer.String() != "unknown" {
				t.Errorf("before the end of the input: %v", a)
			}
			f.end(c.ends...)
			if err := <-ended; err != nil {
				t.Fatal(err)
			}
			each(func(ad string) {
				a := exact(t, clicks, ad)
				value, known := a.Value()
				if got, _ := value.Value(); got != f.clicks[ad] || !known || a.Verdict() != crdt.Final || a.Frontier != "end" || a.Window != "global" {
					t.Fatalf("%s: %v, want %d", ad, a, f.clicks[ad])
				}
				least, err := query.LowerBound(t.Context(), clicks, ad, crdt.CountOf())
				value, _ = least.Value()
				if got, _ := value.Value(); err != nil || least.Verdict() != crdt.Final || got != f.clicks[ad] {
					t.Fatalf("%s: %v, %v", ad, least, err)
				}
				if a, err := clicks.Await(ctx, ad, crdt.AtLeast(f.clicks[ad]+1)); !errors.Is(err, query.ErrNever) {
					t.Fatalf("%s: %v, %v", ad, a, err)
				}
				if a, err := clicks.Threshold(t.Context(), ad, crdt.AtLeast(f.clicks[ad])); err != nil || a.Verdict() != crdt.Final {
					t.Fatalf("%s: %v, %v", ad, a, err)
				}
			})
			for n, want := range f.length {
				a := exact(t, lengths, n)
				if value, _ := a.Value(); fmt.Sprint(value.Value()) != fmt.Sprint(want, true) {
					t.Fatalf("%d: %v, want %d", n, a, want)
				}
			}
		})
	}
}

// runUntil runs the pipeline until its checkpoint answers, and stops it.
func runUntil(t *testing.T, conn *nats.Conn, p *pipeline.Pipeline, answered func() bool) {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		ended <- p.Run(ctx, pipeline.Config{Conn: conn, CheckpointEvery: 5 * time.Millisecond, Logger: quiet})
	}()
	natstest.Eventually(t, "a checkpoint answers", answered)
	stop()
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
}

// A state that can grow no further is final at once; the input goes on.
func TestSettledStateIsFinal(t *testing.T) {
	t.Parallel()
	srv := natstest.Run(t)
	js, conn := srv.JetStream(t), srv.Conn(t)
	if _, err := js.CreateStream(t.Context(), jetstream.StreamConfig{Name: "settled"}); err != nil {
		t.Fatal(err)
	}
	newFeed(t, js, func(string) string { return "settled" }).put("a-x", "a-y", "b-y")
	p := newAds("settled", nil, "")
	isUp := crdt.Raised().Decide()
	runUntil(t, conn, p.Pipeline, func() bool {
		s, err := query.Open(t.Context(), p.Pipeline, p.raised, query.Config{Conn: conn})
		if err != nil {
			return false
		}
		a, err := query.Final(t.Context(), s, "a", isUp)
		if err != nil {
			t.Fatal(err)
		}
		up, known := a.Value()
		return known && up && a.Verdict() == crdt.Final && a.Basis() == "settled"
	})
	s := open(t, conn, p.Pipeline, p.raised)
	for _, campaign := range []string{"b", "nobody"} {
		a, err := query.Final(t.Context(), s, campaign, isUp)
		if _, known := a.Value(); err != nil || known {
			t.Errorf("%s may be raised yet: %v, %v", campaign, a, err)
		}
	}
	a, err := s.Threshold(t.Context(), "a", crdt.Raised())
	if err != nil || a.Verdict() != crdt.Final || a.Position.Seq != 3 || a.Position.Stage != "clicks" {
		t.Errorf("%v, %v", a, err)
	}
	data, err := json.Marshal(a)
	if want := fmt.Sprintf(`"position":{"stage":"clicks","shard":0,"incarnation":%d,"seq":3},"origin":"checkpoint"}`, a.Position.Incarnation); err != nil ||
		!strings.HasPrefix(string(data), `{"value":true,"verdict":"final","basis":"settled","window":"global","frontier":"`) || !strings.HasSuffix(string(data), want) {
		t.Errorf("%s, %v", data, err)
	}
}

// A key that is sealed by a value of an attribute is gone with it, and nothing says that one was never there.
func TestKeysThatAreSealedAreGone(t *testing.T) {
	t.Parallel()
	srv := natstest.Run(t)
	js, conn := srv.JetStream(t), srv.Conn(t)
	if _, err := js.CreateStream(t.Context(), jetstream.StreamConfig{Name: "KEYS", Subjects: []string{"keys.*"}}); err != nil {
		t.Fatal(err)
	}
	p := pipeline.New("keys")
	in := pipeline.Read(p, "clicks", pipeline.Source[string]{Stream: "KEYS", Subjects: []string{"keys.0", "keys.1"}, Producers: []string{"north"}, Decode: pipeline.Text})
	byAd := operators.Determines(operators.KeyBy(in, "ad", func(ad string) string { return ad }), "campaign", campaign)
	counts := operators.Count("counts", byAd)
	pipeline.Write(p, "finals", operators.Finals(operators.Seal(counts, operators.Keys("campaign"))), discard("finals"), encodeFinal)
	shared := operators.Share(counts)
	north, err := producer.Open(t.Context(), producer.Config{Conn: conn, Name: "north", Stream: "KEYS", Shards: []string{"keys.0", "keys.1"}})
	if err != nil {
		t.Fatal(err)
	}
	publish := func(ads ...string) {
		t.Helper()
		for i, ad := range ads {
			if err := north.Publish(t.Context(), fmt.Sprint("keys.", i%2), []byte(ad)); err != nil {
				t.Fatal(err)
			}
		}
	}
	publish("a-1", "a-1", "a-2", "b-1", "b-1", "b-1")
	if err := north.SealKey(t.Context(), "campaign", "a"); err != nil {
		t.Fatal(err)
	}
	var s *query.State[string, crdt.GCounter]
	gone := func(ad string) bool {
		_, err := query.LowerBound(t.Context(), s, ad, crdt.CountOf())
		return errors.Is(err, query.ErrGone)
	}
	late := make(chan error, 1)
	runUntil(t, conn, p, func() bool {
		if s == nil {
			if s, err = query.Open(t.Context(), p, shared, query.Config{Conn: conn, Every: time.Millisecond}); err != nil {
				s = nil
				return false
			}
			go func() {
				_, err := s.Await(t.Context(), "c-1", crdt.AtLeast(2)) // begins before there is a record of it
				late <- err
			}()
			publish("c-1")
			publish("c-1")
		}
		yes, err := s.Threshold(t.Context(), "b-1", crdt.AtLeast(3))
		_, is := yes.Value()
		if err != nil && !errors.Is(err, query.ErrGone) {
			t.Fatal(err)
		}
		return is && gone("a-1") && gone("a-2") && len(late) == 1
	})
	if err := <-late; err != nil {
		t.Errorf("a key that comes later was not awaited: %v", err)
	}
	if !gone("never") {
		t.Error("that a key never was there cannot be known")
	}
}
