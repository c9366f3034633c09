package pipeline_test

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/calmstream/calmstream/internal/natstest"
	"github.com/calmstream/calmstream/pipeline"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// crewShards is how many shards each of the stages of the crews' word count has.
const crewShards = 6

var crewStages = []string{"lines", "counts", "top"}

// aShard names a shard.
type aShard struct {
	stage string
	shard int
}

// crew are workers of one word count, and what they should count.
type crew struct {
	*testing.T
	srv      *natstest.Server
	js       jetstream.JetStream
	in       *input
	name     string
	connect  func() *nats.Conn // of each worker
	standbys int
	drain    time.Duration // also how long a worker that is told to stop goes on for those who take over
	n        int
	want     map[string]uint64
}

// member is one worker.
type member struct {
	*crew
	name    string
	conn    *nats.Conn
	monitor pipeline.Monitor
	stop    context.CancelFunc
	ended   chan error
}

func newCrew(t *testing.T, name string, standbys int) *crew {
	t.Helper()
	srv := natstest.Run(t)
	js := srv.JetStream(t)
	c := &crew{T: t, srv: srv, js: js, in: newInput(t, js, name, crewShards), name: name, standbys: standbys, drain: 10 * time.Second, want: make(map[string]uint64)}
	c.connect = func() *nats.Conn { return srv.Conn(t) }
	return c
}

func (c *crew) start(name string) *member {
	c.Helper()
	m := &member{crew: c, name: name, conn: c.connect(), ended: make(chan error, 1)}
	ctx, stop := context.WithCancel(c.Context())
	m.stop = stop
	go func() {
		m.ended <- wordcount(c.name, crewShards, 1e6).Run(ctx, pipeline.Config{
			Conn: m.conn, Worker: name, Standbys: c.standbys, Monitor: &m.monitor, CheckpointEvery: 50 * time.Millisecond, DrainTimeout: c.drain, Logger: quiet,
		})
	}()
	return m
}

// feed puts some lines into every shard of the input.
func (c *crew) feed() {
	c.Helper()
	for range 5 * crewShards {
		line := fmt.Sprintf("a b%d c%d", c.n%13, c.n%101)
		c.in.put(c.T, c.n, line)
		for _, w := range strings.Fields(line) {
			c.want[w]++
		}
		c.n++
	}
}

// finish ends the input and checks what the workers that are left have counted.
func (c *crew) finish(left ...*member) {
	c.Helper()
	c.in.end(c.T)
	for _, m := range left {
		if err := <-m.ended; err != nil || !m.monitor.Done() {
			c.Errorf("%s ended with %v; done: %v", m.name, err, m.monitor.Done())
		}
	}
	if got := finalCounts(c.T, c.js, c.name+"_OUT"); !maps.Equal(got, c.want) {
		c.Errorf("got %v, want %v", got, c.want)
	}
}

// runs returns the shards that a worker runs, with their counters.
func (m *member) runs() map[aShard]pipeline.ShardStatus {
	out := make(map[aShard]pipeline.ShardStatus)
	for _, s := range m.monitor.Shards() {
		if s.Running {
			out[aShard{s.Stage, s.Shard}] = s
		}
	}
	return out
}

// gone stops a worker that has lost its connection. It can store nothing any more, and may say so.
func (m *member) gone() {
	m.Helper()
	m.stop()
	if err := <-m.ended; err != nil {
		m.Logf("%s: %v", m.name, err)
	}
}

// settled says whether the workers know each other and run each shard in so many places.
func settled(places int, all ...*member) bool {
	var names []string
	ran := make(map[aShard]int)
	for _, m := range all {
		names = append(names, m.name)
	}
	slices.Sort(names)
	for _, m := range all {
		if !slices.Equal(m.monitor.Workers(), names) || !m.monitor.Running() {
			return false
		}
		for s := range m.runs() {
			ran[s]++
		}
	}
	for _, n := range ran {
		if n != places {
			return false
		}
	}
	return len(ran) == len(crewStages)*crewShards
}

func settles(places int, all ...*member) func() bool {
	return func() bool { return settled(places, all...) }
}

// Workers divide the shards among themselves. One that comes takes its part over from those that are there, and one that goes gives it
// back, while the shards in between go on as if nothing had happened, and no shard stands still meanwhile.
func TestWorkersComeAndGo(t *testing.T) {
	t.Parallel()
	c := newCrew(t, "crew", 0)
	c.feed()
	a, b := c.start("a"), c.start("b")
	natstest.Eventually(t, "two workers share the shards", settles(1, a, b))
	c.feed()
	natstest.Eventually(t, "both have read", func() bool {
		for _, m := range []*member{a, b} {
			for _, s := range m.runs() {
				if s.Stage != "top" && s.Messages == 0 {
					return false
				}
			}
		}
		return true
	})
	before := map[*member]map[aShard]pipeline.ShardStatus{a: a.runs(), b: b.runs()}
	d := c.start("d")
	natstest.Eventually(t, "three workers share the shards", func() bool {
		c.nobodyWaits(a, b, d)
		return settled(1, a, b, d)
	})
	if len(d.runs()) == 0 {
		t.Fatal("the third worker runs nothing: the test proves nothing")
	}
	stay(t, before, a, b)
	c.feed()
	before = map[*member]map[aShard]pipeline.ShardStatus{a: a.runs(), d: d.runs()}
	b.stop()
	natstest.Eventually(t, "two workers share the shards again", func() bool {
		c.nobodyWaits(a, b, d)
		return settled(1, a, d)
	})
	if err := <-b.ended; err != nil {
		t.Error(err)
	}
	stay(t, before, a, d)
	c.feed()
	c.finish(a, d)
}

// nobodyWaits checks that each shard that has read something is run by somebody at this moment. The first to be asked may have begun since.
func (c *crew) nobodyWaits(all ...*member) {
	c.Helper()
	again := append(slices.Clone(all), all...)
	for _, stage := range crewStages[:2] {
		for shard := range crewShards {
			if !slices.ContainsFunc(again, func(m *member) bool {
				_, runs := m.runs()[aShard{stage, shard}]
				return runs
			}) {
				c.Errorf("nobody runs shard %d of %s", shard, stage)
			}
		}
	}
}

// stay checks that the shards that workers still run have not begun again.
func stay(t *testing.T, before map[*member]map[aShard]pipeline.ShardStatus, all ...*member) {
	t.Helper()
	kept := 0
	for _, m := range all {
		now := m.runs()
		for s, was := range before[m] {
			is, still := now[s]
			if !still {
				continue
			}
			kept++
			if is.Messages < was.Messages || is.Resumed != was.Resumed || is.Adoptions > was.Adoptions {
				t.Errorf("%s has begun %v again: %+v, then %+v", m.name, s, was, is)
			}
		}
	}
	if kept == 0 {
		t.Error("no shard stayed where it was: the test proves nothing")
	}
}

// A worker that is not heard of any more, and does not say that it leaves, is replaced by the others.
func TestAWorkerVanishes(t *testing.T) {
	t.Parallel()
	c := newCrew(t, "vanish", 0)
	c.drain = time.Second // for a worker without a connection
	a, b := c.start("a"), c.start("b")
	natstest.Eventually(t, "two workers share the shards", settles(1, a, b))
	c.feed()
	a.conn.Close()
	c.feed()
	natstest.Eventually(t, "one worker runs all", settles(1, b))
	a.gone()
	c.feed()
	c.finish(b)
}

// A standby runs what its owner runs, so that nothing begins anew when the owner vanishes.
func TestStandbys(t *testing.T) {
	t.Parallel()
	c := newCrew(t, "standby", 1)
	c.drain = time.Second
	a, b, d := c.start("a"), c.start("b"), c.start("d")
	natstest.Eventually(t, "each shard has an owner and a standby", settles(2, a, b, d))
	c.feed()
	before := map[*member]map[aShard]pipeline.ShardStatus{b: b.runs(), d: d.runs()}
	a.conn.Close()
	c.feed()
	natstest.Eventually(t, "the other two run everything", settles(2, b, d))
	stay(t, before, b, d)
	a.gone()
	c.feed()
	c.finish(b, d)
}

// Whoever owns nothing waits for those who do.
func TestMoreWorkersThanShards(t *testing.T) {
	t.Parallel()
	srv := natstest.Run(t)
	js := srv.JetStream(t)
	in := newInput(t, js, "many", 1)
	monitors := make([]pipeline.Monitor, 5)
	ended := make(chan error, len(monitors))
	for i := range monitors {
		conn := srv.Conn(t)
		go func() {
			ended <- clicks("many", 1).Run(t.Context(), pipeline.Config{Conn: conn, Worker: fmt.Sprint("w", i), Monitor: &monitors[i], Logger: quiet})
		}()
	}
	natstest.Eventually(t, "one worker runs the shard and the others are ready", func() bool {
		ran := 0
		for i := range monitors {
			if !monitors[i].Running() || len(monitors[i].Workers()) != len(monitors) {
				return false
			}
			ran += len(monitors[i].Shards())
		}
		return ran == 1
	})
	in.click(t, "a", 1)
	in.end(t)
	for range monitors {
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}
	for i := range monitors {
		if !monitors[i].Done() {
			t.Errorf("worker %d has ended and does not know that all is done", i)
		}
	}
}

func TestWorkerNames(t *testing.T) {
	t.Parallel()
	conn := natstest.Run(t).Conn(t)
	for _, cfg := range []pipeline.Config{{Worker: "a.b"}, {Worker: strings.Repeat("x", 65)}, {Standbys: -1}} {
		cfg.Conn = conn
		if err := clicks("names", 1).Run(t.Context(), cfg); err == nil || !strings.Contains(err.Error(), "must") {
			t.Errorf("%q, %d standbys: %v", cfg.Worker, cfg.Standbys, err)
		}
	}
}

// A worker leaves nothing of itself behind, however soon it is told to stop.
func TestStoppedWorkersAreForgotten(t *testing.T) {
	t.Parallel()
	c := newCrew(t, "brief", 0)
	a := c.start("a")
	natstest.Eventually(t, "one worker runs all", settles(1, a))
	for i := range 20 {
		b := c.start(fmt.Sprint("b", i))
		time.AfterFunc(time.Duration(i)*2*time.Millisecond, b.stop)
		if err := <-b.ended; err != nil {
			t.Error(err)
		}
	}
	kv, err := c.js.KeyValue(t.Context(), "calm_brief")
	if err != nil {
		t.Fatal(err)
	}
	keys, err := kv.Keys(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	keys = slices.DeleteFunc(keys, func(k string) bool { return !strings.Contains(k, ".worker.") || strings.HasSuffix(k, ".worker.a") })
	if len(keys) > 0 {
		t.Errorf("the bucket still knows %v", keys)
	}
	natstest.Eventually(t, "one worker runs all again", settles(1, a))
	c.feed()
	c.finish(a)
}
