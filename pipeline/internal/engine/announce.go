package engine

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/calmstream/calmstream/pipeline/internal/ownership"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

const (
	// announceEvery is the time between announcements of a worker. One that is silent for ownership.Missed of them is gone.
	announceEvery = 400 * time.Millisecond
	// joinWait is how long the server has for the first announcement, each time it is tried.
	joinWait = 3 * time.Second
	// announceAge is after what time the server forgets an announcement, for those who look at the bucket. Workers judge for
	// themselves.
	announceAge = 10 * time.Second
	// unheard bounds the announcements that wait to be looked at. What does not fit comes again.
	unheard = 1024
)

// announcement is what a worker says of itself, for people who look at the bucket.
type announcement struct {
	Worker string    `json:"worker"`
	Since  time.Time `json:"since"`
}

// announcer tells the other workers of this one, and hears of them. The announcements are keys of the pipeline's bucket, so that
// a worker that starts knows who is there; everybody hears them on their way there.
type announcer struct {
	*engine
	prefix string // of subjects
	value  []byte
	heard  chan *nats.Msg
	roster *ownership.Roster
	silent bool // the last announcement was not confirmed
	left   bool // the others have been told that the worker leaves
	// reconnects is how often the connection had been lost when the last announcement was confirmed.
	reconnects uint64
	// ttlOff says that the bucket knows no expiry of keys: it was not made by us.
	ttlOff bool
}

func (e *engine) newAnnouncer() (*announcer, error) {
	value, err := json.Marshal(announcement{e.Worker, time.Now().UTC().Truncate(time.Millisecond)})
	if err != nil {
		return nil, fmt.Errorf("engine: announcement: %w", err)
	}
	return &announcer{
		engine: e, value: value, heard: make(chan *nats.Msg, unheard), roster: ownership.NewRoster(e.Worker),
		prefix: "$KV.calm_" + e.Plan.Graph.Name + "." + e.Plan.Epoch() + ".worker.",
	}, nil
}

// run announces the worker until leave is closed, then says that it is leaving and only listens until ctx ends. It hands out who is
// there whenever that changes, the first time at once. It does not end without saying that it leaves.
func (a *announcer) run(ctx context.Context, leave <-chan struct{}, views chan<- []string) error {
	sub, err := a.Conn.ChanSubscribe(a.prefix+"*", a.heard)
	if err != nil {
		return fmt.Errorf("engine: the announcements of workers cannot be heard: %w", err)
	}
	defer func() { _ = sub.Unsubscribe() }() // it goes with the connection otherwise
	defer func() {
		if !a.left {
			a.leave(context.WithoutCancel(ctx))
		}
	}()
	if err := patiently(ctx, a.Logger, fewAttempts, func() error { return a.join(ctx) }); err != nil {
		return err
	}
	ticker := time.NewTicker(announceEvery)
	defer ticker.Stop()
	for changed := true; ; {
		if changed {
			select {
			case views <- a.roster.Workers():
			case <-ctx.Done():
				return nil
			}
		}
		select {
		case msg := <-a.heard:
			changed = a.hear(msg)
		case <-ticker.C:
			changed = leave != nil && a.tick(ctx)
		case <-leave:
			leave, changed = nil, false
			a.leave(ctx)
		case <-ctx.Done():
			return nil
		}
	}
}

// join announces the worker and looks up who else is there.
func (a *announcer) join(ctx context.Context) error {
	err := a.publish(ctx, a.value, joinWait)
	if no := a.denied(); no != nil {
		return no
	}
	if err != nil {
		return fmt.Errorf("engine: this worker cannot announce itself: %w", err)
	}
	stream := "KV_calm_" + a.Plan.Graph.Name
	self, err := a.message(ctx, stream, map[string]string{"last_by_subj": a.prefix + a.Worker})
	if err != nil {
		return fmt.Errorf("engine: this worker's announcement cannot be looked up: %w", err)
	}
	question := struct {
		From    uint64 `json:"seq"`
		Subject string `json:"next_by_subj"`
	}{1, a.prefix + "*"}
	for {
		msg, err := a.message(ctx, stream, question)
		if err != nil {
			return fmt.Errorf("engine: the other workers cannot be looked up: %w", err)
		}
		if msg.Seq == 0 {
			return nil
		}
		if len(msg.Data) > 0 { // by the server's clock alone
			a.roster.Find(strings.TrimPrefix(msg.Subject, a.prefix), int(self.Time.Sub(msg.Time)/announceEvery))
		}
		question.From = msg.Seq + 1
	}
}

// denied returns what the server has refused this worker, nil if nothing: it says so by the way, and otherwise only is silent. A worker
// that hears nobody would take all for gone, so that this is no trifle.
func (a *announcer) denied() error {
	last := a.Conn.LastError()
	if !errors.Is(last, nats.ErrPermissionViolation) || !strings.Contains(strings.ToLower(last.Error()), strings.ToLower(`"`+a.prefix)) {
		return nil
	}
	return fmt.Errorf("engine: this user may not announce a worker or hear the others; permit publishing and subscribing to %q: %w", a.prefix+">", last)
}

// hear takes a message that was heard and reports whether the roster has changed.
func (a *announcer) hear(msg *nats.Msg) bool {
	worker := strings.TrimPrefix(msg.Subject, a.prefix)
	switch {
	case len(msg.Data) == 0 && a.roster.Forget(worker):
		a.Logger.Info("a worker has left", "worker", worker)
	case len(msg.Data) > 0 && a.roster.Hear(worker):
		a.Logger.Info("a worker has come", "worker", worker)
	default:
		return false
	}
	return true
}

// tick announces the worker again, and notices who is not there any more.
func (a *announcer) tick(ctx context.Context) (changed bool) {
	away := a.silent
	if !a.say(ctx) {
		return false
	}
	if reconnects := a.Conn.Stats().Reconnects; away || reconnects != a.reconnects {
		a.reconnects = reconnects
		a.roster.Excuse()
	}
	for range len(a.heard) { // first what has come meanwhile, perhaps after a long silence of the server's
		changed = a.hear(<-a.heard) || changed
	}
	for _, worker := range a.roster.Tick() {
		a.Logger.Warn("a worker is not heard of any more; its shards go to others", "worker", worker)
		changed = true
	}
	return changed
}

// say publishes the announcement and reports whether the server has it.
func (a *announcer) say(ctx context.Context) bool {
	err := a.publish(ctx, a.value, ownership.Missed*announceEvery)
	if err != nil && !a.silent && ctx.Err() == nil {
		a.Logger.Warn("this worker cannot announce itself; others will take over its shards too", "error", err)
	}
	a.silent = err != nil
	return err == nil
}

// leave tells the others that the worker leaves.
func (a *announcer) leave(ctx context.Context) {
	a.left = true
	if err := a.publish(ctx, nil, ownership.Missed*announceEvery); err != nil { // the others will notice
		a.Logger.Debug("the others could not be told that this worker leaves", "error", err)
	}
}

// publish stores an announcement, or nil for the news that the worker leaves.
func (a *announcer) publish(ctx context.Context, value []byte, patience time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	msg := nats.NewMsg(a.prefix + a.Worker)
	if msg.Data = value; value == nil {
		msg.Header.Set("KV-Operation", "DEL")
	}
	var options []jetstream.PublishOpt
	if !a.ttlOff {
		options = []jetstream.PublishOpt{jetstream.WithMsgTTL(announceAge)}
	}
	_, err := a.js.PublishMsg(ctx, msg, options...)
	const ttlDisabled jetstream.ErrorCode = 10166
	var refused *jetstream.APIError
	if errors.As(err, &refused) && refused.ErrorCode == ttlDisabled {
		a.ttlOff = true
		msg.Header.Del(jetstream.MsgTTLHeader) // the option has put it there
		_, err = a.js.PublishMsg(ctx, msg)
	}
	return err
}
