package pipeline_test

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/calmstream/calmstream/crdt"
	"github.com/calmstream/calmstream/internal/natstest"
	"github.com/calmstream/calmstream/operators"
	"github.com/calmstream/calmstream/pipeline"
	"github.com/calmstream/calmstream/sinks"
	"github.com/nats-io/nats.go/jetstream"
)

// boxed writes, through outboxes, each click, the ads that were clicked twice in ten seconds as soon as they were, and how often each was.
func boxed(name string, shards int) *pipeline.Pipeline {
	p := pipeline.New(name)
	s := pipeline.Source[click]{Stream: name, Decode: pipeline.JSON[click], Time: click.time}
	for i := range shards {
		s.Subjects = append(s.Subjects, fmt.Sprintf("%s.in.%d", name, i))
	}
	events := pipeline.Read(p, "clicks", s)
	pipeline.Write(p, "each", operators.Map(events, func(c click) string { return fmt.Sprintf("%s %d", c.Ad, c.At) }),
		sinks.Outbox{Name: name + ".each", Stream: name + "_BOTH"}, pipeline.EncodeText)
	byAd := operators.Window(operators.KeyBy(events, "ad", func(c click) string { return c.Ad }), operators.Tumbling(10*time.Second))
	counts := operators.Count("per-ad", byAd)
	pipeline.Write(p, "hot", operators.Threshold(counts, crdt.AtLeast(2)), sinks.Outbox{Name: name + ".hot", Stream: name + "_BOTH"}, pipeline.EncodeText)
	finals := operators.Finals(operators.Seal(counts, operators.Watermark(2*time.Second)))
	pipeline.Write(p, "finals", finals, &sinks.Outbox{Name: name + ".out", Stream: name + "_OUT"}, func(f operators.Final[string, crdt.GCounter]) ([]byte, error) {
		return fmt.Append(nil, f.Value.Value()), nil
	})
	return p
}

// boxedWorld feeds boxed, and knows what it is to write.
type boxedWorld struct {
	*testing.T
	js     jetstream.JetStream
	in     *input
	shards int
	fed    int
	each   map[string]int            // clicks, by text
	counts map[string]uint64         // by window and ad
	gone   []*jetstream.RawStreamMsg // what was in a stream that was deleted
	before map[string]uint64         // how far a stream was before what is checked
}

func newBoxedWorld(t *testing.T, js jetstream.JetStream, name string, shards int) *boxedWorld {
	t.Helper()
	return &boxedWorld{T: t, js: js, in: newInput(t, js, name, shards), shards: shards, each: map[string]int{}, counts: map[string]uint64{}}
}

// feed puts n more clicks, ten in a second of event time.
func (w *boxedWorld) feed(n int) {
	w.Helper()
	for range n {
		c := click{Ad: fmt.Sprintf("ad%d", w.fed*w.fed%37), At: w.fed / 10}
		data, err := json.Marshal(c)
		if err != nil {
			w.Fatal(err)
		}
		w.in.put(w.T, w.fed, string(data))
		w.each[fmt.Sprintf("%s %d", c.Ad, c.At)]++
		w.counts[fmt.Sprintf("%d %s", c.At/10, c.Ad)]++
		w.fed++
	}
}

// messages returns what a stream has, in order.
func (w *boxedWorld) messages(stream string) (all []*jetstream.RawStreamMsg) {
	w.Helper()
	s, err := w.js.Stream(w.Context(), stream)
	if err != nil {
		w.Fatal(err)
	}
	state := s.CachedInfo().State
	for seq := max(1, state.FirstSeq, w.before[stream]+1); seq <= state.LastSeq; seq++ {
		m, err := s.GetMsg(w.Context(), seq)
		if err != nil {
			w.Fatal(err)
		}
		all = append(all, m)
	}
	return all
}

// check compares what the streams have with what is to be there: each result once, those of a shard in its order.
func (w *boxedWorld) check() {
	w.Helper()
	each, ids, hot, finals := map[string]int{}, map[string]int{}, map[string]int{}, map[string]uint64{}
	last := map[string]int{} // time, by shard
	for _, m := range slices.Concat(w.gone, w.messages(w.in.name+"_BOTH"), w.messages(w.in.name+"_OUT")) {
		ids[m.Header.Get("Calm-Id")]++
		var start time.Time
		if window := m.Header.Get("Calm-Window"); window != "" {
			from, _, _ := strings.Cut(window, "/")
			var err error
			if start, err = time.Parse(time.RFC3339, from); err != nil {
				w.Fatal(err)
			}
		}
		about := fmt.Sprintf("%d %s", start.Sub(day)/(10*time.Second), m.Header.Get("Calm-Key"))
		switch kind := strings.Split(m.Subject, ".")[1]; kind {
		case "each":
			each[string(m.Data)]++
			id := m.Header.Get("Calm-Id")
			shard := id[:strings.LastIndex(id, "/")]
			var ad string
			var at int
			if _, err := fmt.Sscan(string(m.Data), &ad, &at); err != nil || at < last[shard] {
				w.Errorf("%s comes behind %d of %s, %v", m.Data, last[shard], shard, err)
			}
			last[shard] = at
		case "hot":
			hot[about]++
		case "out":
			var n uint64
			if _, err := fmt.Sscan(string(m.Data), &n); err != nil {
				w.Error(err)
			}
			finals[about] = n
			if !strings.HasPrefix(m.Subject, w.in.name+".out.final.") {
				w.Errorf("a final result on %s", m.Subject)
			}
		default:
			w.Errorf("what is %s?", m.Subject)
		}
	}
	maps.DeleteFunc(ids, func(_ string, n int) bool { return n == 1 })
	if len(ids) > 0 {
		w.Errorf("these come more than once: %v", ids)
	}
	differ(w.T, "each", each, w.each)
	if len(last) != w.shards {
		w.Errorf("the clicks are of %d shards, not %d", len(last), w.shards)
	}
	wantHot := map[string]int{}
	for about, n := range w.counts {
		if n >= 2 {
			wantHot[about] = 1
		}
	}
	differ(w.T, "hot", hot, wantHot)
	differ(w.T, "finals", finals, w.counts)
}

// differ says what is there and should not be, or the other way round, up to a few.
func differ[V comparable](t *testing.T, what string, got, want map[string]V) {
	t.Helper()
	var wrong []string
	for about, v := range got {
		if want[about] != v {
			wrong = append(wrong, fmt.Sprintf("%s: %v, want %v", about, v, want[about]))
		}
	}
	for about, v := range want {
		if _, there := got[about]; !there {
			wrong = append(wrong, fmt.Sprintf("%s: none, want %v", about, v))
		}
	}
	if n := len(wrong); n > 0 {
		t.Errorf("%s: %d of %d differ: %q", what, n, len(want), wrong[:min(n, 5)])
	}
}

// owed returns how many outputs the state bucket holds.
func (w *boxedWorld) owed() int {
	w.Helper()
	s, err := w.js.Stream(w.Context(), "KV_calm_"+w.in.name)
	if err != nil {
		w.Fatal(err)
	}
	info, err := s.Info(w.Context(), jetstream.WithSubjectFilter("$KV.calm_"+w.in.name+".*.*.*.out.>"))
	if err != nil {
		w.Fatal(err)
	}
	return len(info.State.Subjects)
}

// Three owners run the same shards, one of them stopped again and again: each result is in its stream once, in the order of its shard, and
// in the end the state bucket holds none.
func TestOutboxOfOverlappingOwners(t *testing.T) {
	t.Parallel()
	for _, shards := range []int{1, 2} {
		t.Run(fmt.Sprintf("shards=%d", shards), func(t *testing.T) {
			t.Parallel()
			srv := natstest.Run(t)
			w := newBoxedWorld(t, srv.JetStream(t), "box", shards)
			w.feed(300)
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			monitors := make([]pipeline.Monitor, 3)
			var owners sync.WaitGroup
			for i := range monitors {
				conn := srv.Conn(t)
				owners.Go(func() {
					for ctx.Err() == nil {
						run, stop := ctx, context.CancelFunc(func() {})
						if i == 2 {
							run, stop = context.WithTimeout(ctx, 300*time.Millisecond)
						}
						err := boxed("box", shards).Run(run, pipeline.Config{Conn: conn, Monitor: &monitors[i], Standbys: 2, CheckpointEvery: 20 * time.Millisecond, Logger: quiet})
						ended := run.Err() == nil
						stop()
						if err != nil {
							t.Errorf("owner %d: %v", i, err)
							return
						}
						if ended {
							return
						}
					}
				})
			}
			if testing.Short() {
				w.feed(400)
			} else {
				w.feed(1200)
			}
			w.in.end(t)
			owners.Wait()
			if ctx.Err() != nil {
				t.Fatal("the pipeline did not end")
			}
			w.check()
			if n := w.owed(); n > 0 {
				t.Errorf("%d outputs are left in the state bucket", n)
			}
			met := false
			for i := range monitors {
				for _, s := range monitors[i].Shards() {
					met = met || s.Conflicts+s.Adoptions > 0
				}
			}
			if !met {
				t.Error("the owners never met: the test proves nothing")
			}
		})
	}
}
