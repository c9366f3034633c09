package pipeline_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/calmstream/calmstream/crdt"
	"github.com/calmstream/calmstream/internal/natstest"
	"github.com/calmstream/calmstream/operators"
	"github.com/calmstream/calmstream/pipeline"
	"github.com/calmstream/calmstream/pipeline/partition"
	"github.com/calmstream/calmstream/sinks"
	"github.com/nats-io/nats.go/jetstream"
)

// forkedAds is an input whose shards divide the campaigns, and which is fed while versions of a pipeline run.
type forkedAds struct {
	*testing.T
	srv    *natstest.Server
	js     jetstream.JetStream
	name   string
	layout partition.Layout
	count  int
}

func newForkedAds(t *testing.T, name string) *forkedAds {
	t.Helper()
	f := &forkedAds{T: t, srv: natstest.Run(t), name: name}
	f.js = f.srv.JetStream(t)
	f.layout = partition.Layout{Subject: name + ".*.*", Tokens: []int{2}, Partitions: 3, Prefix: name + "p"}
	if _, err := partition.Create(t.Context(), f.js, jetstream.StreamConfig{Name: name, Subjects: []string{name + ".*.*", name + "p.>"}}, f.layout); err != nil {
		t.Fatal(err)
	}
	return f
}

func (f *forkedAds) feed(n int) {
	f.Helper()
	for range n {
		ad := fmt.Sprintf("c%d-%d", f.count%7, f.count%5)
		if _, err := f.js.Publish(f.Context(), f.name+".site."+ad[:2], []byte(ad)); err != nil {
			f.Error(err)
		}
		f.count++
	}
}

func (f *forkedAds) end() {
	f.Helper()
	for i := range f.layout.Partitions {
		if _, err := f.js.PublishMsg(f.Context(), endOf(fmt.Sprintf("%sp.%d.site.end", f.name, i))); err != nil {
			f.Fatal(err)
		}
	}
}

// version counts ads where they are read. The second one has a step more, which marks each ad that goes through it, and counts campaigns too.
func (f *forkedAds) version(second bool) *pipeline.Pipeline {
	f.Helper()
	p := pipeline.New(f.name)
	ads := pipeline.Read(p, "ads", pipeline.Source[string]{Stream: f.name, Subjects: f.layout.Subjects(), PartitionedBy: "campaign", Decode: pipeline.Text})
	write := func(name string, counts operators.Growing[string, crdt.GCounter]) {
		finals := operators.Finals(operators.Seal(counts, operators.EndOfInput()))
		pipeline.Write(p, name, operators.Map(finals, func(f operators.Final[string, crdt.GCounter]) counted { return counted{f.Key, f.Value.Value()} }),
			sinks.Subject{Name: f.name + "-" + name, Stream: f.name + "_" + name}, pipeline.EncodeJSON)
	}
	campaign := func(ad string) string { return ad[:2] }
	if second {
		write("campaigns", operators.Count("campaigns", operators.KeyBy(ads, "campaign", campaign)))
		ads = operators.Map(ads, func(ad string) string { return ad + "!" })
	}
	byAd := operators.Determines(operators.KeyBy(ads, "ad", func(ad string) string { return ad }), "campaign", campaign)
	write("ads", operators.Count("counts", byAd))
	return p
}

// forkEpoch is the epoch of a version.
func forkEpoch(t *testing.T, p *pipeline.Pipeline) string {
	t.Helper()
	fingerprint, err := p.Fingerprint()
	if err != nil {
		t.Fatal(err)
	}
	return "e" + fingerprint
}

// run runs a version until it is told to stop, or ends.
func (f *forkedAds) run(p *pipeline.Pipeline, monitor *pipeline.Monitor) (stop func(), ended chan error) {
	f.Helper()
	ctx, cancel := context.WithTimeout(f.Context(), patience)
	f.Cleanup(cancel)
	ended = make(chan error, 1)
	conn := f.srv.Conn(f.T)
	go func() {
		ended <- p.Run(ctx, pipeline.Config{Conn: conn, Monitor: monitor, CheckpointEvery: 5 * time.Millisecond, Logger: quiet})
	}()
	return cancel, ended
}

// committed waits until each shard of a version has a checkpoint with something in it.
func (f *forkedAds) committed(monitor *pipeline.Monitor) {
	f.Helper()
	natstest.Eventually(f.T, "every shard has a checkpoint", func() bool {
		n := 0
		for _, s := range monitor.Shards() {
			if s.Committed > 20 {
				n++
			}
		}
		return n == f.layout.Partitions
	})
}

// cut returns where the version has taken over each shard, and from which epoch.
func (f *forkedAds) cut(epoch string) (from string, cut []uint64) {
	f.Helper()
	return f.cutOf(epoch, "ads")
}

func (f *forkedAds) cutOf(epoch, stage string) (from string, cut []uint64) {
	f.Helper()
	kv, err := f.js.KeyValue(f.Context(), "calm_"+f.name)
	if err != nil {
		f.Fatal(err)
	}
	entry, err := kv.Get(f.Context(), epoch+".run.start")
	if err != nil {
		f.Fatal(err)
	}
	var start struct {
		From struct {
			Epoch string
			Cut   map[string][]uint64
		}
	}
	if err := json.Unmarshal(entry.Value(), &start); err != nil {
		f.Fatal(err)
	}
	return start.From.Epoch, start.From.Cut[stage]
}

// model counts the ads and the campaigns of the whole input. Behind the cut of its shard an ad has a mark, and counts for its campaign.
func (f *forkedAds) model(cut []uint64) (ads, campaigns map[string]uint64) {
	f.Helper()
	ads, campaigns = make(map[string]uint64), make(map[string]uint64)
	for subject, seq := range f.input() {
		shard := int(subject[len(f.name)+2] - '0')
		ad := f.text(seq)
		switch {
		case ad == "": // the end
		case cut == nil || seq <= cut[shard]:
			ads[ad]++
		default:
			ads[ad+"!"]++
			campaigns[ad[:2]]++
		}
	}
	return ads, campaigns
}

func (f *forkedAds) input() func(yield func(subject string, seq uint64) bool) {
	stream, err := f.js.Stream(f.Context(), f.name)
	if err != nil {
		f.Fatal(err)
	}
	return func(yield func(string, uint64) bool) {
		for seq := uint64(1); seq <= stream.CachedInfo().State.LastSeq; seq++ {
			m, err := stream.GetMsg(f.Context(), seq)
			if err != nil {
				f.Fatal(err)
			}
			if !yield(m.Subject, seq) {
				return
			}
		}
	}
}

func (f *forkedAds) text(seq uint64) string {
	stream, err := f.js.Stream(f.Context(), f.name)
	if err != nil {
		f.Fatal(err)
	}
	m, err := stream.GetMsg(f.Context(), seq)
	if err != nil {
		f.Fatal(err)
	}
	return string(m.Data)
}

// results are the final counts of a version.
func (f *forkedAds) results(write, epoch string) map[string]uint64 {
	f.Helper()
	got := make(map[string]uint64)
	for subject, m := range stored(f.T, f.js, f.name+"_"+write) {
		var c counted
		if err := json.Unmarshal(m.Data, &c); err != nil {
			f.Fatal(err)
		}
		if strings.Contains(subject, "."+epoch+".") {
			got[c.Word] = c.Count
		}
	}
	return got
}

// compare holds the results of both versions against the model.
func (f *forkedAds) compare(old, next *pipeline.Pipeline) {
	f.Helper()
	from, cut := f.cut(forkEpoch(f.T, next))
	if from != forkEpoch(f.T, old) || len(cut) != f.layout.Partitions {
		f.Fatalf("it went on from %q at %v", from, cut)
	}
	ads, campaigns := f.model(cut)
	if got := f.results("ads", forkEpoch(f.T, next)); !maps.Equal(got, ads) {
		f.Errorf("cut %v: the new version has counted %v, want %v", cut, got, ads)
	}
	if got := f.results("campaigns", forkEpoch(f.T, next)); !maps.Equal(got, campaigns) {
		f.Errorf("cut %v: what is new has counted %v, want %v", cut, got, campaigns)
	}
	if all, _ := f.model(nil); !maps.Equal(f.results("ads", forkEpoch(f.T, old)), all) {
		f.Errorf("the old version has counted %v, want %v", f.results("ads", forkEpoch(f.T, old)), all)
	}
}

// Two workers of a new version take over the state of one that runs, while its input comes, and both versions come to their end. Each record is counted once,
// on one side of the cut; the old version does not notice.
func TestNewVersionGoesOnFromTheState(t *testing.T) {
	t.Parallel()
	f := newForkedAds(t, "fk")
	old, next := f.version(false), f.version(true)
	f.feed(300)
	var monitor pipeline.Monitor
	_, oldEnded := f.run(old, &monitor)
	f.committed(&monitor)
	var feeding sync.WaitGroup
	feeding.Go(func() { f.feed(600) })
	_, first := f.run(next, new(pipeline.Monitor))
	_, second := f.run(f.version(true), new(pipeline.Monitor))
	feeding.Wait()
	natstest.Eventually(t, "the new version has taken over", func() bool {
		kv, err := f.js.KeyValue(t.Context(), "calm_fk")
		if err == nil {
			_, err = kv.Get(t.Context(), forkEpoch(t, next)+".run.start")
		}
		return err == nil
	})
	f.end()
	for _, ended := range []chan error{oldEnded, first, second} {
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}
	f.compare(old, next)
	all, err := pipeline.Versions(t.Context(), f.srv.Conn(t), "fk")
	if err != nil || len(all) != 2 {
		t.Fatalf("%v, %v", all, err)
	}
	for _, v := range all {
		if v.Active != (v.Epoch == forkEpoch(t, old)) || v.Active != (v.From == "") {
			t.Errorf("%s is active: %t, and went on from %q", v.Epoch, v.Active, v.From)
		}
	}
}

// The new version is stopped and goes on from its own checkpoints. No key of the old version, which is stopped, is touched, and it can go on too.
func TestOldVersionIsNotTouched(t *testing.T) {
	t.Parallel()
	f := newForkedAds(t, "ft")
	old, next := f.version(false), f.version(true)
	f.feed(300)
	var monitor pipeline.Monitor
	stop, ended := f.run(old, &monitor)
	f.committed(&monitor)
	stop()
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	keys := func() map[string]string {
		t.Helper()
		stream, err := f.js.Stream(t.Context(), "KV_calm_ft")
		if err != nil {
			t.Fatal(err)
		}
		info, err := stream.Info(t.Context(), jetstream.WithSubjectFilter("$KV.calm_ft.>"))
		if err != nil {
			t.Fatal(err)
		}
		all := make(map[string]string)
		for subject := range info.State.Subjects {
			if strings.Contains(subject, forkEpoch(t, next)) || strings.Contains(subject, ".worker.") { // announcements expire
				continue
			}
			m, err := stream.GetLastMsgForSubject(t.Context(), subject)
			if err != nil {
				t.Fatal(err)
			}
			all[subject] = fmt.Sprintf("%d %x", m.Sequence, m.Data)
		}
		return all
	}
	before := keys()
	f.feed(200)
	var again pipeline.Monitor
	stop, ended = f.run(next, &again)
	f.committed(&again)
	stop()
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	_, cut := f.cut(forkEpoch(t, next))
	f.feed(100)
	f.end()
	_, ended = f.run(next, new(pipeline.Monitor))
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	if after := keys(); len(before) < 5 || !maps.Equal(before, after) {
		t.Errorf("keys of the old version were touched: before %d, after %d", len(before), len(after))
	}
	if _, now := f.cut(forkEpoch(t, next)); fmt.Sprint(now) != fmt.Sprint(cut) {
		t.Errorf("it was cut at %v, and now at %v", cut, now)
	}
	_, ended = f.run(old, new(pipeline.Monitor))
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	f.compare(old, next)
}

// A version that cannot go on from the active one says why and runs only if it is told to begin anew.
func TestVersionThatCannotGoOn(t *testing.T) {
	t.Parallel()
	srv := natstest.Run(t)
	js := srv.JetStream(t)
	in := newInput(t, js, "cg", 2)
	for i := range 50 {
		in.put(t, i, "a b a")
	}
	ctx, stop := context.WithTimeout(t.Context(), patience)
	defer stop()
	running, cancel := context.WithCancel(ctx)
	var monitor pipeline.Monitor
	ended := make(chan error, 1)
	go func() {
		ended <- wordcount("cg", 2, 50).Run(running, pipeline.Config{Conn: srv.Conn(t), Monitor: &monitor, Logger: quiet})
	}()
	natstest.Eventually(t, "it counts", func() bool {
		shards := monitor.Shards()
		return len(shards) > 0 && shards[0].Committed > 0
	})
	cancel()
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	next := wordcount("cg", 2, 60)
	err := next.Run(ctx, pipeline.Config{Conn: srv.Conn(t), Logger: quiet})
	if !errors.Is(err, pipeline.ErrVersionRefused) || !strings.Contains(err.Error(), "threshold (count >= 60) is new") {
		t.Fatalf("it has another threshold: %v", err)
	}
	in.end(t)
	if err := next.Run(ctx, pipeline.Config{Conn: srv.Conn(t), Anew: true, Logger: quiet}); err != nil {
		t.Fatal(err)
	}
	if got, want := finalCounts(t, js, "cg_OUT"), map[string]uint64{"a": 100, "b": 50}; !maps.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	// What has ended leaves nothing to go on with: the old version ends, and another one begins anew by itself.
	for _, limit := range []uint64{50, 70} {
		if err := wordcount("cg", 2, limit).Run(ctx, pipeline.Config{Conn: srv.Conn(t), Logger: quiet}); err != nil {
			t.Fatal(err)
		}
	}
}
