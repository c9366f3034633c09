package emit

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/calmstream/calmstream/sinks"
)

const (
	// maxQueued bounds the bytes that wait in a queue; maxBatch bounds the items of one write.
	maxQueued = 16 << 20
	maxBatch  = 2048

	firstRetry = 50 * time.Millisecond
	lastRetry  = 5 * time.Second
)

// partly is the error of a write that has stored some items: left are those that are to be written again, in order.
type partly[T any] struct {
	error
	left []T
}

func (p *partly[T]) Unwrap() error { return p.error }

// queue writes items in order and remembers how far they are durable.
type queue[T any] struct {
	name   string
	write  func(context.Context, []T) error
	size   func(T) int
	logger *slog.Logger
	// every is the least time between two writes, unless somebody waits for what is queued; 0 for none.
	every time.Duration

	mu      sync.Mutex
	items   []T
	queued  int           // bytes of items and of what is being written
	put     uint64        // items ever put
	stored  uint64        // items ever made durable
	wanted  uint64        // how many of them somebody waits for
	err     error         // why the queue gave up
	changed chan struct{} // closed, and replaced, whenever something above changes
	stopped chan struct{}
}

func newQueue[T any](ctx context.Context, name string, logger *slog.Logger, size func(T) int, write func(context.Context, []T) error) *queue[T] {
	return newPacedQueue(ctx, name, logger, 0, size, write)
}

// newPacedQueue is newQueue with a least time between two writes, each of which gets all that has gathered.
func newPacedQueue[T any](ctx context.Context, name string, logger *slog.Logger, every time.Duration, size func(T) int, write func(context.Context, []T) error) *queue[T] {
	q := &queue[T]{name: name, write: write, size: size, logger: logger, every: every, changed: make(chan struct{}), stopped: make(chan struct{})}
	go q.run(ctx)
	return q
}

// signal wakes all who wait. The mutex is held.
func (q *queue[T]) signal() {
	close(q.changed)
	q.changed = make(chan struct{})
}

// Put adds items, and waits first while too much is queued.
func (q *queue[T]) Put(ctx context.Context, items []T) error {
	if len(items) == 0 {
		return nil
	}
	bytes := 0
	for _, item := range items {
		bytes += q.size(item)
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	for q.err == nil && q.queued > maxQueued {
		if err := q.await(ctx); err != nil {
			return err
		}
	}
	if q.err != nil {
		return q.err
	}
	q.items = append(q.items, items...)
	q.queued += bytes
	q.put += uint64(len(items))
	q.signal()
	return nil
}

// await waits for a change. The mutex is held before and after.
func (q *queue[T]) await(ctx context.Context) error {
	_, err := q.awaitOr(ctx, nil)
	return err
}

// awaitOr waits for a change or a time, and says whether it was the time. The mutex is held before and after.
func (q *queue[T]) awaitOr(ctx context.Context, at <-chan time.Time) (came bool, err error) {
	changed := q.changed
	q.mu.Unlock()
	defer q.mu.Lock()
	select {
	case <-changed:
		return false, nil
	case <-at:
		return true, nil
	case <-ctx.Done():
		return false, ctx.Err()
	}
}

// mark returns the number of items put so far.
func (q *queue[T]) mark() uint64 {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.put
}

// Wait waits until the items up to mark are durable.
func (q *queue[T]) Wait(ctx context.Context, mark uint64) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if mark > q.wanted {
		q.wanted = mark
		q.signal()
	}
	for q.stored < mark {
		if q.err != nil {
			return q.err
		}
		if err := q.await(ctx); err != nil {
			return err
		}
	}
	return nil
}

func (q *queue[T]) run(ctx context.Context) {
	defer close(q.stopped)
	var gathered <-chan time.Time // when the next batch may leave; nil for at once
	for {
		batch, bytes, err := q.next(ctx, gathered)
		if err == nil {
			err = q.store(ctx, batch)
		}
		q.mu.Lock()
		if err != nil {
			q.err = err
			q.signal()
			q.mu.Unlock()
			return
		}
		q.stored += uint64(len(batch))
		q.queued -= bytes
		q.signal()
		q.mu.Unlock()
		if q.every > 0 {
			gathered = time.After(q.every)
		}
	}
}

// next waits for items and takes up to maxBatch, or in a paced queue all of them. Those of a paced queue gather until its time has come,
// somebody waits for one of them, or they become many.
func (q *queue[T]) next(ctx context.Context, gathered <-chan time.Time) (batch []T, bytes int, err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for len(q.items) == 0 || gathered != nil && q.wanted <= q.stored && q.queued < maxQueued/2 {
		came, err := q.awaitOr(ctx, gathered)
		if err != nil {
			return nil, 0, err
		}
		if came {
			gathered = nil
		}
	}
	n := len(q.items)
	if q.every == 0 {
		n = min(n, maxBatch)
	}
	batch, q.items = q.items[:n:n], q.items[n:]
	for _, item := range batch {
		bytes += q.size(item)
	}
	return batch, bytes, nil
}

// store writes a batch until it is durable, the error is permanent or ctx ends.
func (q *queue[T]) store(ctx context.Context, batch []T) error {
	pause := firstRetry
	for {
		err := q.write(ctx, batch)
		if err == nil || errors.Is(err, sinks.ErrPermanent) {
			return err
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if p := (*partly[T])(nil); errors.As(err, &p) {
			if len(p.left) < len(batch) {
				pause = firstRetry
			}
			batch = p.left
		}
		q.logger.Warn("results cannot be stored, trying again", "destination", q.name, "records", len(batch), "pause", pause, "error", err)
		timer := time.NewTimer(pause)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return ctx.Err()
		}
		pause = min(2*pause, lastRetry)
	}
}
