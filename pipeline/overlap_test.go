package pipeline_test

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/calmstream/calmstream/internal/natstest"
	"github.com/calmstream/calmstream/pipeline"
)

// Guarantee 3: any number of owners at once, some of them stopped in the middle and started again, store each result
// once and with the right content.
func TestOverlappingOwners(t *testing.T) {
	t.Parallel()
	for _, shards := range []int{1, 2} {
		t.Run(fmt.Sprintf("shards=%d", shards), func(t *testing.T) {
			t.Parallel()
			srv := natstest.Run(t)
			js := srv.JetStream(t)
			in := newInput(t, js, "ov", shards)
			want := make(map[string]uint64)
			put := func(from, to int) {
				for i := from; i < to; i++ {
					line := fmt.Sprintf("a b%d c%d", i%13, i%101)
					in.put(t, i, line)
					for _, w := range strings.Fields(line) {
						want[w]++
					}
				}
			}
			put(0, 400)
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			monitors := make([]pipeline.Monitor, 3)
			var owners sync.WaitGroup
			for i := range monitors {
				conn := srv.Conn(t)
				owners.Go(func() {
					for ctx.Err() == nil {
						// The third owner is stopped again and again; a run that ends by itself is the last.
						run, stop := ctx, context.CancelFunc(func() {})
						if i == 2 {
							run, stop = context.WithTimeout(ctx, 500*time.Millisecond)
						}
						err := wordcount("ov", shards, 50).Run(run, pipeline.Config{Conn: conn, Monitor: &monitors[i], Standbys: 2, CheckpointEvery: 20 * time.Millisecond, Logger: quiet})
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
			lines := 3000
			if testing.Short() {
				lines = 1200
			}
			put(400, lines)
			in.end(t)
			owners.Wait()
			if ctx.Err() != nil {
				t.Fatal("the pipeline did not end")
			}
			if got := finalCounts(t, js, "ov_OUT"); !maps.Equal(got, want) {
				t.Errorf("got %v, want %v", got, want)
			}
			stored(t, js, "ov_OFTEN") // each alert once
			conflicts := uint64(0)
			for i := range monitors {
				for _, s := range monitors[i].Shards() {
					conflicts += s.Conflicts + s.Adoptions
				}
			}
			if conflicts == 0 {
				for i := range monitors {
					t.Logf("%+v", monitors[i].Shards())
				}
				t.Error("the owners never met: the test proves nothing")
			}
		})
	}
}

// Several owners that reject the same records store each once: a broken one in the dead letters, a late one in the late
// stream.
func TestOverlappingOwnersRejectOnce(t *testing.T) {
	t.Parallel()
	srv := natstest.Run(t)
	js := srv.JetStream(t)
	in := newInput(t, js, "rej", 1)
	monitors := []*pipeline.Monitor{{}, {}, {}}
	ended := make(chan error, len(monitors))
	for _, m := range monitors {
		conn := srv.Conn(t)
		go func() { // none takes over the state of another within the hour: each applies every record itself
			ended <- clicks("rej", 1).Run(t.Context(), pipeline.Config{Conn: conn, Monitor: m, Standbys: 2, CheckpointEvery: time.Hour, Logger: quiet})
		}()
	}
	every := func(so func(m *pipeline.Monitor) bool) func() bool {
		return func() bool { return !slices.ContainsFunc(monitors, func(m *pipeline.Monitor) bool { return !so(m) }) }
	}
	natstest.Eventually(t, "all owners read", every((*pipeline.Monitor).Running))
	const n = 20
	for i := range n {
		in.click(t, "a", 100*i)
		in.put(t, 0, fmt.Sprintf("{broken %d", i))
		in.click(t, fmt.Sprintf("b%d", i), 100*i-50)
	}
	natstest.Eventually(t, "every owner has rejected them all", every(func(m *pipeline.Monitor) bool {
		s := m.Shards()[0]
		return s.DeadLetters == n && s.Late == n
	}))
	in.end(t)
	for range monitors {
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}
	for _, kind := range []string{"dead", "late"} {
		if got := rejected(t, js, "rej", kind); len(got) != n {
			t.Errorf("%s: %d records are stored, want %d: %v", kind, len(got), n, got)
		}
	}
}

// One Pipeline value may run several times at once in a process.
func TestOnePipelineRunsTwice(t *testing.T) {
	t.Parallel()
	srv := natstest.Run(t)
	js := srv.JetStream(t)
	in := newInput(t, js, "twice", 1)
	for i := range 50 {
		in.put(t, i, "a b")
	}
	in.end(t)
	p := wordcount("twice", 1, 10)
	var runs sync.WaitGroup
	for range 2 {
		conn := srv.Conn(t)
		runs.Go(func() {
			if err := p.Run(t.Context(), pipeline.Config{Conn: conn, Standbys: 1, Logger: quiet}); err != nil {
				t.Error(err)
			}
			if _, err := p.Explain(); err != nil {
				t.Error(err)
			}
		})
	}
	runs.Wait()
	if got := finalCounts(t, js, "twice_OUT"); !maps.Equal(got, map[string]uint64{"a": 50, "b": 50}) {
		t.Errorf("got %v", got)
	}
}
