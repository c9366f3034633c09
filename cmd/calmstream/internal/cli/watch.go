package cli

import (
	"fmt"
	"sync/atomic"
	"time"

	"github.com/calmstream/calmstream/cmd/calmstream/internal/feed"
	"github.com/calmstream/calmstream/pipeline"
)

// glance is how often the counters of a run are looked at.
const glance = 100 * time.Millisecond

// watcher tells on a console how far a run has come.
type watcher struct {
	console *console
	yields  string // what comes out
	monitor pipeline.Monitor
	fed     atomic.Pointer[feed.Progress]
	told    map[string]bool // shards whose beginning was told

	stopping, stopped chan struct{}
}

// watch starts a watcher. It runs until stop.
func watch(c *console, yields string) *watcher {
	w := &watcher{console: c, yields: yields, told: make(map[string]bool), stopping: make(chan struct{}), stopped: make(chan struct{})}
	go func() {
		defer close(w.stopped)
		ticker := time.NewTicker(glance)
		defer ticker.Stop()
		for {
			select {
			case <-ticker.C:
				w.look()
			case <-w.stopping:
				w.look()
				c.show("")
				return
			}
		}
	}()
	return w
}

// stop looks a last time, and removes the line that changes.
func (w *watcher) stop() {
	close(w.stopping)
	<-w.stopped
}

// progress is called by the feed.
func (w *watcher) progress(p feed.Progress) { w.fed.Store(&p) }

func (w *watcher) look() {
	shards := w.monitor.Shards()
	for _, s := range shards {
		w.tell(s)
	}
	w.console.show(w.line(shards))
}

// tell says once for each shard that it did not begin anew.
func (w *watcher) tell(s pipeline.ShardStatus) {
	name := fmt.Sprintf("stage %s, shard %d", s.Stage, s.Shard)
	if s.Resumed == 0 || w.told[name] {
		return
	}
	w.told[name] = true
	how := "resumed at"
	if s.Adoptions > 0 { // by the checkpoint of another process
		how = "goes on from another process at"
	}
	complain(w.console, "%s: %s position %d", name, how, s.Resumed)
}

// line shows how far the run has come, in less than the width of a terminal.
func (w *watcher) line(shards []pipeline.ShardStatus) string {
	var fed feed.Progress
	if p := w.fed.Load(); p != nil {
		fed = *p
	}
	var messages, results uint64
	done := 0
	for _, s := range shards {
		messages, results = messages+s.Messages, results+s.Results
		if s.Done {
			done++
		}
	}
	return fmt.Sprintf("fed %d MB, %d stored; read %d; %d %s out; %d of %d shards sealed",
		fed.Bytes/1e6, fed.Stored, messages, results, w.yields, done, len(shards))
}
