package pipeline_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/calmstream/calmstream/internal/natstest"
	"github.com/calmstream/calmstream/pipeline"
)

// took waits until a stage of a version that runs, or has been killed, has checkpoints behind so many messages of the input in each shard.
func (f *flow) took(monitor *pipeline.Monitor, stage string, at uint64) {
	f.Helper()
	natstest.Eventually(f.T, "the checkpoints of "+stage+" are behind the input", func() bool {
		n := 0
		for _, s := range monitor.Shards() {
			if s.Stage == stage && s.Committed >= at {
				n++
			}
		}
		return n == flowShards
	})
}

// A version that was killed when its receivers had saved more than its senders is nothing to go on from: what they have taken would be sent again, by other functions, or
// windows that they have closed would be open for it. That is said, nothing is stored, and once the old version has run for a moment there is a cut.
func TestForkOfReceiversThatAreAhead(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, line, want string }{
		{"fr", "99 x", "its checkpoint is older than what "},
		{"ft", "99", " has heard from it that the input is complete before 1970-01-01T00:01:39Z, and in the new version it would be before 1970-01-01T00:00:02Z"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			f := newFlow(t, c.name)
			f.echo = true
			old, next := f.version(false), f.version(true)
			f.full("echo", -1)
			f.feed(60)
			f.drain = 200 * time.Millisecond
			var monitor pipeline.Monitor
			stop, ended := f.run(old, &monitor)
			f.took(&monitor, "lines", 59)
			f.full("echo", 60)
			for shard := range flowShards {
				f.in.put(t, shard, c.line)
			}
			natstest.Eventually(t, "the receivers have saved what they have heard", func() bool {
				n := 0
				for _, s := range monitor.Shards() {
					if slices.Contains([]string{"counts", "windows"}, s.Stage) && s.Frontier.Unix() == 99 && s.Committed == s.Position {
						n++
					}
				}
				return n == 2*flowShards
			})
			stop()
			if err := <-ended; err == nil {
				t.Fatal("its senders have saved everything, so that this proves nothing")
			}
			if err := f.take(next, nil); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("the receivers are ahead: %v\nwant %s", err, c.want)
			}
			if cut, err := next.Plan(); err != nil || f.store(cut).Free(t.Context()) != nil {
				t.Errorf("something was stored: %v", err)
			}
			f.full("echo", -1)
			f.drain = 0
			var again pipeline.Monitor
			stop, ended = f.run(old, &again)
			f.took(&again, "lines", 60+flowShards-1)
			stop()
			if err := <-ended; err != nil {
				t.Fatal(err)
			}
			if err := f.take(next, nil); err != nil {
				t.Fatal(err)
			}
			f.lines = 99 * 20
			f.feed(20)
			f.finish(old, next)
		})
	}
}

// finish ends the input, runs both versions to their end and holds them against the model.
func (f *flow) finish(old, next *pipeline.Pipeline) {
	f.Helper()
	f.in.end(f.T)
	_, first := f.run(old, new(pipeline.Monitor))
	_, second := f.run(next, new(pipeline.Monitor))
	for _, ended := range []chan error{first, second} {
		if err := <-ended; err != nil {
			f.Error(err)
		}
	}
	f.compare(old, next)
}

// A version some of whose inputs have ended is gone on from. What has ended has ended in the new version too, also for a stage that is new.
func TestForkOfAVersionThatHasPartlyEnded(t *testing.T) {
	t.Parallel()
	f := newFlow(t, "fp")
	old, next := f.version(false), f.version(true)
	f.feed(60)
	if _, err := f.js.PublishMsg(t.Context(), endOf("fp.in.0")); err != nil {
		t.Fatal(err)
	}
	var monitor pipeline.Monitor
	stop, ended := f.run(old, &monitor)
	f.took(&monitor, "lines", 60)
	natstest.Eventually(t, "one shard has ended", func() bool {
		for _, s := range monitor.Shards() {
			if s.Stage == "lines" && s.Shard == 0 {
				return s.Done
			}
		}
		return false
	})
	stop()
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	if err := f.take(next, nil); err != nil {
		t.Fatal(err)
	}
	f.lines++ // what comes is for the other shard
	for range 30 {
		f.feed(1)
		f.lines++
	}
	f.finish(old, next)
}

// Whoever looks goes from one version to the other in one step, and finds at once what the new one has taken over.
func TestReadersFollowTheActiveVersion(t *testing.T) {
	t.Parallel()
	f := newFlow(t, "fa")
	old, next := f.version(false), f.version(true)
	was, is := forkEpoch(t, old), forkEpoch(t, next)
	f.feed(60)
	var monitor pipeline.Monitor
	stop, ended := f.run(old, &monitor)
	f.took(&monitor, "lines", 59)
	stop()
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	_, running := f.run(next, new(pipeline.Monitor))
	natstest.Eventually(t, "the new version has begun", func() bool {
		all, err := pipeline.Versions(t.Context(), f.srv.Conn(t), "fa")
		return err == nil && len(all) == 2
	})
	seen := make(chan []string, 1)
	watching, conn := make(chan struct{}), f.srv.Conn(t)
	go func() {
		var epochs []string
		for len(epochs) == 0 || epochs[len(epochs)-1] != is {
			epoch, err := pipeline.ActiveVersion(t.Context(), conn, "fa")
			if err != nil {
				t.Error(err)
				break
			}
			if epochs = append(epochs, epoch); len(epochs) == 1 {
				close(watching)
			}
		}
		seen <- epochs
	}()
	<-watching
	if before, err := pipeline.ActivateVersion(t.Context(), f.srv.Conn(t), "fa", is); err != nil || before != was {
		t.Errorf("before it was %s: %v", before, err)
	}
	epochs := <-seen
	for i, epoch := range epochs {
		if last := i == len(epochs)-1; last != (epoch == is) || !last && epoch != was {
			t.Errorf("look %d of %d: readers were sent to %s", i, len(epochs), epoch)
		}
	}
	f.in.end(t)
	if err := <-running; err != nil {
		t.Fatal(err)
	}
	_, ended = f.run(old, new(pipeline.Monitor)) // which is not the active one any more, and does not mind
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	if all, err := pipeline.Versions(t.Context(), f.srv.Conn(t), "fa"); err != nil || len(all) != 2 {
		t.Errorf("%v, %v", all, err)
	}
	counts, _, _ := f.model(nil)
	for word, n := range counts { // all of it is from before the cut
		if got := f.results("counts", is)[word]; got != n {
			t.Errorf("%s: %d, want %d", word, got, n)
		}
	}
}
