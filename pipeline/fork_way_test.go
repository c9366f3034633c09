package pipeline_test

import (
	"errors"
	"fmt"
	"maps"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/calmstream/calmstream/internal/natstest"
	"github.com/calmstream/calmstream/internal/plan"
	"github.com/calmstream/calmstream/pipeline"
	"github.com/calmstream/calmstream/pipeline/internal/checkpoint"
	"github.com/calmstream/calmstream/pipeline/internal/checkpoint/jetstore"
	"github.com/calmstream/calmstream/pipeline/internal/engine"
	"github.com/calmstream/calmstream/pipeline/internal/fork"
	"github.com/calmstream/calmstream/pipeline/internal/shard"
	"github.com/nats-io/nats.go/jetstream"
)

// full lets the stream of a sink hold so many messages: the stage that writes to it cannot save what it has read while it is full.
func (f *flow) full(write string, messages int64) {
	f.Helper()
	cfg := jetstream.StreamConfig{Name: f.name + "_" + write, Subjects: []string{f.name + "-" + write + ".>"}, AllowDirect: true, MaxMsgs: messages, Discard: jetstream.DiscardNew}
	if _, err := f.js.CreateOrUpdateStream(f.Context(), cfg); err != nil {
		f.Fatal(err)
	}
}

// stuck runs a version until its inputs are saved, and its counts, which cannot be, have read something; then it is killed.
func (f *flow) stuck(p *pipeline.Pipeline) {
	f.Helper()
	f.full("seen", 1)
	f.feed(300)
	var monitor pipeline.Monitor
	f.drain = 200 * time.Millisecond
	stop, ended := f.run(p, &monitor)
	f.drain = 0
	f.committed(&monitor, "windows")
	natstest.Eventually(f.T, "the input is saved and the counts have read", func() bool {
		saved, read := 0, 0
		for _, s := range monitor.Shards() {
			if s.Stage == "lines" && s.Committed+flowShards > 300 {
				saved++
			}
			if s.Stage == "counts" && s.Messages > 0 {
				read++
			}
		}
		return saved == flowShards && read == flowShards
	})
	stop()
	if err := <-ended; err != nil {
		f.Logf("as was to be expected: %v", err)
	}
}

// left returns every key of a version in the bucket and every message in the exchange, with their sequences.
func (f *flow) left(epoch string) map[string]string {
	f.Helper()
	all := make(map[string]string)
	for stream, filter := range map[string]string{"KV_calm_" + f.name: "$KV.calm_" + f.name + "." + epoch + ".>", "CALM_X_" + f.name: "calm.x." + f.name + "." + epoch + ".>"} {
		s, err := f.js.Stream(f.Context(), stream)
		if err != nil {
			f.Fatal(err)
		}
		state := s.CachedInfo().State
		for seq := state.FirstSeq; seq <= state.LastSeq; seq++ {
			m, err := s.GetMsg(f.Context(), seq, jetstream.WithGetMsgSubject(filter))
			if errors.Is(err, jetstream.ErrMsgNotFound) {
				break
			}
			if err != nil {
				f.Fatal(err)
			}
			if seq = m.Sequence; !strings.Contains(m.Subject, ".worker.") { // announcements expire
				all[fmt.Sprint(stream, " ", m.Sequence)] = fmt.Sprintf("%s %x", m.Subject, m.Data)
			}
		}
	}
	return all
}

// take takes the active version over as a process of the next one does when it begins. step is told of each step.
func (f *flow) take(p *pipeline.Pipeline, step func(string)) error {
	f.Helper()
	cut, err := p.Plan()
	if err != nil {
		return err
	}
	mine := engine.StartRecord{Logs: make(map[string]engine.LogStart)}
	for _, stage := range cut.Stages {
		log := engine.LogStart{Stream: f.name}
		if stage.Exchanged() {
			log.Stream = engine.ExchangeStream(f.name)
		}
		stream, err := f.js.Stream(f.Context(), log.Stream)
		if err != nil {
			return err
		}
		log.Created = stream.CachedInfo().Created.UnixNano()
		mine.Logs[stage.Name] = log
	}
	return fork.Take(f.Context(), fork.Config{Conn: f.srv.Conn(f.T), Plan: cut, Logger: quiet, Patience: time.Second, Step: step}, f.store(cut), mine)
}

func (f *flow) store(p *plan.Plan) *jetstore.Store {
	f.Helper()
	s, err := jetstore.Open(f.Context(), jetstore.Config{Conn: f.srv.Conn(f.T), Pipeline: f.name, Epoch: p.Epoch()})
	if err != nil {
		f.Fatal(err)
	}
	return s
}

// carried counts the bytes in the bucket of what was on its way to a stage.
func (f *flow) carried(epoch, stage string) (bytes int) {
	f.Helper()
	for _, message := range f.left(epoch) {
		if key, data, _ := strings.Cut(message, " "); strings.Contains(key, "."+stage+".") && strings.Contains(key, ".seg.way-") {
			bytes += len(data) / 2
		}
	}
	return bytes
}

// A version is taken over whose receivers were stuck, so that what its senders had saved was on its way. Whoever takes over is killed before each of its steps in
// turn. Nothing of the old version is touched; both versions then run to their end, and have counted each word once.
func TestForkOfWhatIsOnItsWay(t *testing.T) {
	t.Parallel()
	f := newFlow(t, "fw")
	old, next := f.version(false), f.version(true)
	f.stuck(old)
	f.feed(100) // the new version reads what the old one has not
	cut, err := next.Plan()
	if err != nil {
		t.Fatal(err)
	}
	was, is := forkEpoch(t, old), forkEpoch(t, next)
	before := f.left(was)
	var steps []string
	for n, done := 0, false; !done; n++ {
		steps = nil
		var killed sync.WaitGroup
		killed.Go(func() {
			err := f.take(next, func(step string) {
				if len(steps) == n {
					runtime.Goexit()
				}
				steps = append(steps, step)
			})
			if done = err == nil; err != nil {
				t.Error(err)
			}
		})
		killed.Wait()
		if err := f.store(cut).Free(t.Context()); !slices.Contains(steps, "establish") && err != nil {
			t.Fatalf("killed before step %d of %v, and the epoch has begun: %v", n, steps, err)
		}
		if done = done || slices.Contains(steps, "establish"); testing.Short() && !done {
			n += 5
		}
	}
	for _, step := range []string{"hold", "read what is on its way", "carry to counts/0", "establish"} {
		if !slices.Contains(steps, step) {
			t.Errorf("the steps were %v, without %q", steps, step)
		}
	}
	if err := f.take(next, nil); err != nil { // somebody has been here
		t.Error(err)
	}
	if n := f.carried(is, "counts"); n < 1000 {
		t.Errorf("only %d bytes were on their way, so that this proves nothing", n)
	}
	if after := f.left(was); len(before) < 15 || !maps.Equal(before, after) {
		t.Errorf("keys or records of the old version were touched: before %d, after %d", len(before), len(after))
	}
	_, ended := f.run(next, new(pipeline.Monitor))
	f.full("seen", -1)
	f.in.end(t)
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	if after := f.left(was); !maps.Equal(before, after) {
		t.Errorf("the new version has touched keys or records of the old one: before %d, after %d", len(before), len(after))
	}
	for number := range flowShards {
		id := checkpoint.ShardID{Stage: "counts", Shard: number}
		if loaded, err := f.store(cut).Load(t.Context(), id); err != nil || slices.ContainsFunc(loaded.Fence.Segments, shard.IsArrivals) {
			t.Errorf("%v: what was on its way is kept for ever: %+v, %v", id, loaded.Fence.Segments, err)
		}
	}
	_, ended = f.run(old, new(pipeline.Monitor))
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	f.compare(old, next)
}
