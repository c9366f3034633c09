//go:build unix

package main

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"syscall"
	"time"

	"github.com/calmstream/calmstream/benchmarks/internal/process"
)

// soak lets random things happen to workers, and counts at the end.
func soak(ctx context.Context, o options, out io.Writer) error {
	say(out, "seed %d\n", o.seed)
	b, err := newBench(ctx, o, 1)
	if err != nil {
		return err
	}
	defer b.close()
	s := &chaos{bench: b, random: rand.New(rand.NewPCG(o.seed, 0)), did: make(map[string]int)}
	defer func() { killAll(s.workers) }()
	for range o.workers {
		if err := s.rejoin(ctx); err != nil {
			return err
		}
	}
	for n := 1; n <= o.soak; n++ {
		if err := s.happen(ctx); err != nil {
			return fmt.Errorf("event %d (seed %d): %w", n, o.seed, err)
		}
		if n%20 == 0 {
			say(out, "%d of %d: %v\n", n, o.soak, s.did)
		}
	}
	ending, cancel := context.WithTimeout(ctx, 2*patience)
	defer cancel()
	workers := s.workers
	if err := b.end(ending, workers); err != nil {
		return fmt.Errorf("seed %d: %w", o.seed, err)
	}
	s.workers = nil
	say(out, "%v: none of %d ids was lost, and none counted twice\n", s.did, b.load.sent)
	return nil
}

// chaos is what happens to the workers of a soak.
type chaos struct {
	*bench
	random  *rand.Rand
	workers []*process.Process
	did     map[string]int
}

// happen lets one thing happen: a kill, a pause or a worker that leaves, after which one joins if there are too few. Results
// flow again before the next.
func (s *chaos) happen(ctx context.Context) error {
	began := time.Now()
	i := s.random.IntN(len(s.workers))
	w := s.workers[i]
	switch s.random.IntN(4) {
	case 0, 1:
		s.did["killed"]++
		w.Kill()
		s.workers = slices.Delete(s.workers, i, i+1)
	case 2:
		s.did["paused"]++
		if err := w.Signal(syscall.SIGSTOP); err != nil {
			return err
		}
		if err := wait(ctx, s.some(3*time.Second)); err != nil {
			return err
		}
		if err := w.Signal(syscall.SIGCONT); err != nil {
			return err
		}
	case 3:
		s.did["left"]++
		s.workers = slices.Delete(s.workers, i, i+1)
		if err := w.Signal(syscall.SIGTERM); err != nil {
			return err
		}
		ending, cancel := context.WithTimeout(ctx, patience)
		defer cancel()
		if err := w.Finish(ending); err != nil {
			return err
		}
	}
	if err := wait(ctx, s.some(time.Second)); err != nil {
		return err
	}
	for len(s.workers) < 1 || len(s.workers) < s.options.workers && s.random.IntN(3) > 0 {
		if err := s.rejoin(ctx); err != nil {
			return err
		}
	}
	waiting, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	_, err := s.load.worst(waiting, began, time.Now().Add(-time.Millisecond))
	return err
}

func (s *chaos) rejoin(ctx context.Context) error {
	s.did["joined"]++
	w, err := s.worker(ctx)
	if err == nil {
		s.workers = append(s.workers, w)
	}
	return err
}

// some returns a random time below a bound.
func (s *chaos) some(most time.Duration) time.Duration {
	return time.Duration(s.random.Int64N(int64(most)))
}
