//go:build unix

package main_test

import (
	"fmt"
	"math/rand/v2"
	"syscall"
	"testing"
	"time"

	"github.com/calmstream/calmstream/internal/natstest"
)

// TestTwoProcessesAtOnce stops one of two processes for longer than any heartbeat, and lets it go on.
func TestTwoProcessesAtOnce(t *testing.T) {
	t.Parallel()
	srv := natstest.Run(t)
	text := goSource(t, true, scaled(6))
	input, want := file(t, text), modelled(text)
	args := []string{"run", "wordcount", "--input", input, "--nats", srv.URL(), "--shards", "3"}
	slow, fast := start(t, nil, args...), start(t, nil, args...)
	js := srv.JetStream(t)
	await(t, "some input", func() bool {
		stream, err := js.Stream(t.Context(), "WC_IN_wordcount")
		return err == nil && stream.CachedInfo().State.Msgs > 3
	})
	stop(t, slow, syscall.SIGSTOP)
	pause := time.NewTimer(4 * time.Second)
	if code := fast.wait(); code != 0 {
		t.Fatalf("the one that was not stopped ended with %d: %s", code, fast.stderr.String())
	}
	<-pause.C
	stop(t, slow, syscall.SIGCONT)
	if code := slow.wait(); code != 0 {
		t.Fatalf("the one that was stopped ended with %d: %s", code, slow.stderr.String())
	}
	same(t, fast.stdout.String(), want)
	same(t, slow.stdout.String(), want)
}

// TestStoppedAtAnyMoment stops processes while they begin, work or end. A request that was under way is never answered in
// time, as for a machine that sleeps.
func TestStoppedAtAnyMoment(t *testing.T) {
	t.Parallel()
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	srv := natstest.Run(t)
	text := goSource(t, true, 500_000)
	input, want := file(t, text), modelled(text)
	moments := 6
	if testing.Short() {
		moments = 2
	}
	for i := range moments {
		moment := time.Duration(random.Int64N(int64(700 * time.Millisecond)))
		t.Run(moment.String(), func(t *testing.T) {
			t.Parallel()
			p := start(t, nil, "run", "wordcount", "--input", input, "--nats", srv.URL(), "--run", fmt.Sprint("run", i))
			select {
			case <-time.After(moment):
				stop(t, p, syscall.SIGSTOP)
				<-time.After(6 * time.Second) // more than any request may take
				stop(t, p, syscall.SIGCONT)
			case <-p.ended: // a fast machine
			}
			if code := p.wait(); code != 0 {
				t.Fatalf("it ended with %d: %s", code, p.stderr.String())
			}
			same(t, p.stdout.String(), want)
		})
	}
}
