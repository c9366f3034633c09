package emit_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/calmstream/calmstream/pipeline/internal/emit"
	"github.com/calmstream/calmstream/sinks"
)

// A paced queue writes what has gathered once in an interval; at once if somebody waits for it, which is what a checkpoint does; and
// before it is so full that a shard would have to wait.
func TestPacedQueue(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		var writes []string
		begin := time.Now()
		q := emit.NewPacedQueue(ctx, time.Second, func(_ context.Context, items []string) error {
			writes = append(writes, fmt.Sprint(time.Since(begin), " ", len(items), " ", items[len(items)-1][:1]))
			return nil
		})
		put := func(items ...string) {
			t.Helper()
			if err := q.Put(ctx, items); err != nil {
				t.Fatal(err)
			}
		}
		put("a") // nothing was written before
		time.Sleep(100 * time.Millisecond)
		put("b")
		time.Sleep(500 * time.Millisecond)
		put("c", "d")
		time.Sleep(time.Second) // 1.6 s: they have left at 1 s
		put("e")
		time.Sleep(100 * time.Millisecond)
		put("f")
		if err := q.Wait(ctx, q.Mark()); err != nil { // at 1.7 s
			t.Fatal(err)
		}
		put("g")
		time.Sleep(10 * time.Second) // it leaves at 2.7 s
		put("h")                     // at 11.7 s, at once
		time.Sleep(100 * time.Millisecond)
		var many []string
		for range 3000 {
			many = append(many, "i")
		}
		put(many...)
		put(strings.Repeat("j", 9<<20)) // too much to gather
		synctest.Wait()
		cancel()
		<-q.Stopped()
		if want := []string{"0s 1 a", "1s 3 d", "1.7s 2 f", "2.7s 1 g", "11.7s 1 h", "11.8s 3001 j"}; !slices.Equal(writes, want) {
			t.Errorf("writes %q, want %q", writes, want)
		}
	})
}

func TestWhichSinksArePaced(t *testing.T) {
	t.Parallel()
	for sink, want := range map[sinks.Sink]time.Duration{
		sinks.View{}: 0, sinks.Coalesce{}: time.Second, sinks.Coalesce{Every: time.Minute}: time.Minute, &sinks.Coalesce{Every: 2}: 2,
	} {
		if got := emit.IntervalOf(sink); got != want {
			t.Errorf("%T: %s, want %s", sink, got, want)
		}
	}
}
