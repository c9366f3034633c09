package pipeline_test

import (
	"maps"
	"sync"
	"testing"
	"time"

	"github.com/calmstream/calmstream/internal/natstest"
	"github.com/calmstream/calmstream/pipeline"
)

// What all receivers have behind them leaves the exchange while the pipeline runs, and an owner that comes later goes on
// from the checkpoints and misses nothing.
func TestExchangeIsPurgedBehindItsReceivers(t *testing.T) {
	t.Parallel()
	srv := natstest.Run(t)
	js := srv.JetStream(t)
	in := newInput(t, js, "pg", 2)
	want := make(map[string]uint64)
	put := func(n int) {
		for i := range n {
			in.put(t, i, "a b c d e f g h")
		}
		for _, w := range []string{"a", "b", "c", "d", "e", "f", "g", "h"} {
			want[w] += uint64(n)
		}
	}
	var owners sync.WaitGroup
	start := func() {
		conn := srv.Conn(t)
		owners.Go(func() {
			if err := wordcount("pg", 2, 10).Run(t.Context(), pipeline.Config{Conn: conn, CheckpointEvery: 50 * time.Millisecond, Logger: quiet}); err != nil {
				t.Error(err)
			}
		})
	}
	put(100)
	start()
	natstest.Eventually(t, "the exchange lost its beginning", func() bool {
		s, err := js.Stream(t.Context(), "CALM_X_pg")
		return err == nil && s.CachedInfo().State.FirstSeq > 1
	})
	put(100)
	start()
	put(100)
	in.end(t)
	owners.Wait()
	if got := finalCounts(t, js, "pg_OUT"); !maps.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}
