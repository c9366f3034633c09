package query_test

import (
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
	"github.com/calmstream/calmstream/pipeline/query"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

func openNamed(t *testing.T, conn *nats.Conn, pipeline, state string, of query.Of) *query.Named {
	t.Helper()
	n, err := query.OpenNamed(t.Context(), pipeline, "", state, query.Config{Conn: conn, Ask: of, Every: 5 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// Asked by names, the workers and the checkpoints say what they say to the program, in every kind of window.
func TestNamesSayWhatTheProgramSays(t *testing.T) {
	t.Parallel()
	srv := natstest.Run(t)
	js, conn := srv.JetStream(t), srv.Conn(t)
	if _, err := js.CreateStream(t.Context(), jetstream.StreamConfig{Name: "VISITS"}); err != nil {
		t.Fatal(err)
	}
	p := newSites()
	m := work(t, srv, p.Pipeline, "w", 0)
	natstest.Eventually(t, "the worker runs", m.Running)
	var m0 model
	for i := range int64(60) {
		v := visit{fmt.Sprint("k", i%3), 100 + i - i%7}
		m0.records = append(m0.records, v)
		if _, err := js.Publish(t.Context(), "VISITS", fmt.Appendf(nil, "%s %d", v.key, v.at)); err != nil {
			t.Fatal(err)
		}
	}
	natstest.Eventually(t, "all is read", func() bool { return m.Shards()[0].Position == 60 })
	a := &asker{m: &m0}
	gone, present := 0, 0
	compare := func(of query.Of, origin string) {
		t.Helper()
		for _, name := range []string{"all", "tumbling", "hopping", "sessions"} {
			state := openNamed(t, conn, "sites", name, of)
			for at := int64(140); at < 170; at += 5 {
				for key := range 3 {
					key := fmt.Sprint("k", key)
					want, lost := a.want(name, key, at, 60)
					r, err := state.At(time.Unix(at, 0)).LowerBound(t.Context(), key)
					if lost {
						if gone++; !errors.Is(err, query.ErrGone) {
							t.Errorf("%s of %s at %d by %s: %v, %v", name, key, at, origin, r, err)
						}
						continue
					}
					if want > 0 {
						present++
					}
					if err != nil || string(r.Value) != fmt.Sprint(want) || r.Verdict != "lower-bound" || r.Origin != origin || r.Position.Seq != 60 {
						t.Errorf("%s of %s at %d by %s: %+v, %v, want %d", name, key, at, origin, r, err, want)
					}
				}
			}
		}
	}
	compare(query.Workers, "worker w")
	m.stop()
	if err := <-m.ended; err != nil {
		t.Fatal(err)
	}
	compare(query.WorkersFirst, "checkpoint")
	if gone < 10 || present < 50 {
		t.Errorf("%d that are gone and %d that are there are not much of a test", gone, present)
	}
	if _, err := openNamed(t, conn, "sites", "tumbling", query.Checkpoints).LowerBound(t.Context(), "k1"); err == nil || !strings.Contains(err.Error(), "count tumbling has windows; say by an instant which one") {
		t.Errorf("no window: %v", err)
	}
}

// Of an input that is partitioned by the key itself the shard of a key is known; by a function of it, its program alone knows, and the
// workers have that.
func TestNamesInPartitionedInputs(t *testing.T) {
	t.Parallel()
	srv := natstest.Run(t)
	js, conn := srv.JetStream(t), srv.Conn(t)
	layout := partition.Layout{Subject: "np.*.*", Tokens: []int{2}, Partitions: 4, Prefix: "npp"}
	if _, err := partition.Create(t.Context(), js, jetstream.StreamConfig{Name: "np", Subjects: []string{"np.*.*", "npp.>"}}, layout); err != nil {
		t.Fatal(err)
	}
	f := newFeed(t, js, func(ad string) string { return "np.s." + campaign(ad) })
	each(func(ad string) { f.put(ad) })
	p := pipeline.New("np")
	in := pipeline.Read(p, "clicks", pipeline.Source[string]{Stream: "np", Subjects: layout.Subjects(), PartitionedBy: "campaign", Decode: pipeline.Text})
	byCampaign := operators.Count("campaigns", operators.KeyBy(in, "campaign", campaign))
	pipeline.Write(p, "campaigns", operators.Threshold(byCampaign, crdt.AtLeast(99)), discard("campaigns"), pipeline.EncodeText)
	byAd := operators.Count("ads", operators.Determines(operators.KeyBy(in, "ad", func(ad string) string { return ad }), "campaign", campaign))
	pipeline.Write(p, "ads", operators.Threshold(byAd, crdt.AtLeast(99)), discard("ads"), pipeline.EncodeText)
	operators.Share(byCampaign)
	operators.Share(byAd)
	m := work(t, srv, p, "w", 0)
	natstest.Eventually(t, "the worker runs", m.Running)
	campaigns, ads := openNamed(t, conn, "np", "campaigns", query.WorkersFirst), openNamed(t, conn, "np", "ads", query.WorkersFirst)
	ask := func(live bool) {
		t.Helper()
		places := make(map[int]bool)
		for c := range 9 {
			r, err := campaigns.Await(t.Context(), fmt.Sprint("c", c), "count >= 4")
			if err != nil || string(r.Value) != "true" || (r.Origin == "worker w") != live {
				t.Fatalf("c%d: %+v, %v", c, r, err)
			}
			places[r.Position.Shard] = true
		}
		if len(places) < 2 {
			t.Errorf("all campaigns are in one shard")
		}
		for ad := range f.clicks {
			r, err := ads.LowerBound(t.Context(), ad)
			if live && (err != nil || string(r.Value) != "1") || !live && (err == nil || !strings.Contains(err.Error(), "in which shard of clicks a key is its program alone knows")) {
				t.Fatalf("%s: %+v, %v", ad, r, err)
			}
		}
	}
	ask(true)
	m.stop()
	if err := <-m.ended; err != nil {
		t.Fatal(err)
	}
	ask(false)
}
