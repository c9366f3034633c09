package source

import (
	"context"
	"fmt"
	"time"
)

const (
	firstPause = 100 * time.Millisecond
	lastPause  = 2 * time.Second
	// missed is how many heartbeats may fail to come before the consumer is given up.
	missed = 3
)

// outage is what a reader remembers while it cannot read.
type outage struct {
	failures int       // attempts since the last progress
	retry    time.Time // when the next attempt is due
	logged   bool      // that it lasts
}

// doubt gives the consumer up. The next one begins after the position, so that nothing is lost and nothing comes twice.
func (r *Reader) doubt(reason error) {
	r.consumer.abandon()
	r.consumer = nil
	r.config.Logger.Info("source: consumer given up; reading goes on with another", "stream", r.config.Stream,
		"filter", r.config.Filter, "after", r.track.position, "reason", reason)
}

// progress is called when the consumer has shown that it works.
func (r *Reader) progress() {
	r.heard++
	if r.outage.failures == 0 {
		return
	}
	if r.outage.logged {
		r.config.Logger.Info("source: reading goes on", "stream", r.config.Stream, "filter", r.config.Filter, "position", r.track.position)
	}
	r.outage = outage{}
}

// tick gives the consumer up if it has been silent for too long. Only an empty channel is silent: what arrived while the
// caller was busy is a sign of life. Ticks spare the messages a timer.
func (r *Reader) tick() {
	now := time.Now()
	switch {
	case len(r.consumer.ch) > 0:
	case r.heard != r.seen:
		r.seen, r.alive = r.heard, now
	case now.Sub(r.alive) > missed*r.config.Heartbeat:
		r.doubt(fmt.Errorf("no message and no heartbeat for %v", now.Sub(r.alive).Round(time.Millisecond)))
		return
	}
	if err := r.consumer.revive(); err != nil {
		r.doubt(err)
	}
}

// recover makes one attempt to read on, when it is due. Errors that another attempt may cure are not returned.
func (r *Reader) recover(ctx context.Context, wake <-chan struct{}) (woken bool, err error) {
	o := &r.outage
	if r.closed {
		return false, fmt.Errorf("%w: the reader of stream %q", ErrClosed, r.config.Stream)
	}
	if pause := time.Until(o.retry); pause > 0 {
		select {
		case <-time.After(pause):
		case <-wake:
			return true, nil
		case <-ctx.Done():
			return false, ctx.Err()
		}
	}
	err = r.attach(ctx)
	o.failures++
	o.retry = time.Now().Add(min(firstPause<<min(o.failures-1, 10), lastPause))
	switch {
	case err == nil, verdict(err), ctx.Err() != nil:
		return false, err
	}
	if !o.logged {
		o.logged = true
		r.config.Logger.Warn("source: cannot read; trying until it works", "stream", r.config.Stream,
			"filter", r.config.Filter, "after", r.track.position, "error", err)
	}
	return false, nil
}
