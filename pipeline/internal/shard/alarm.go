package shard

import (
	"sync/atomic"
	"time"
)

// alarm says when it is time to think about a checkpoint, so that the batches in between need not read a clock: a shard that
// keeps up with its log sees a batch for every few messages.
type alarm struct {
	timer *time.Timer
	rung  atomic.Bool
	// set says that it will ring when a checkpoint of what was applied is due, and not only for a position that moved.
	set bool
}

func (a *alarm) start(after time.Duration, poke func()) {
	a.timer = time.AfterFunc(after, func() {
		a.rung.Store(true)
		poke()
	})
}

func (a *alarm) stop() { a.timer.Stop() }

// ring makes it ring after the given time. dirty says whether for something that was applied.
func (a *alarm) ring(after time.Duration, dirty bool) {
	a.set = dirty
	a.timer.Reset(after)
}

// quiet reports whether there is no reason to look at the clock: it has not rung, and it is set if there is
// something to save. It forgets that it rang.
func (a *alarm) quiet(dirty bool) bool {
	if a.rung.Load() {
		a.rung.Store(false)
		a.set = false
		return false
	}
	return a.set || !dirty
}
