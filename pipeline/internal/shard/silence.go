package shard

import (
	"context"
	"time"
)

// silence notices that nothing has come for a while to the log of an input with an idle policy, and gives up on it.
//
// When that happens is for a clock to say, so that it may not touch the state: the decision is published to the
// log, and the shard hears of it as all other owners do. Several owners may decide the same; that changes nothing.
type silence struct {
	env   *Env
	after time.Duration // 0 without a policy
	last  time.Time     // when something came
	timer *time.Timer
}

func (s *silence) start(env *Env, poke func()) {
	s.env = env
	if root := env.Stage.Root; root.Source == nil || root.Source.Idle == 0 || env.GiveUp == nil {
		return
	}
	s.after, s.last = env.Stage.Root.Source.Idle, env.Now()
	s.timer = time.AfterFunc(s.after, poke)
}

func (s *silence) stop() {
	if s.timer != nil {
		s.timer.Stop()
	}
}

// look is called with each batch, and when the timer has poked.
func (s *silence) look(ctx context.Context, log Log, heard bool) {
	if s.after == 0 {
		return
	}
	now := s.env.Now()
	if heard || log.Lag() > 0 {
		s.last = now
	}
	wait := s.last.Add(s.after).Sub(now)
	if wait <= 0 {
		at := log.Position()
		if err := s.env.GiveUp(ctx, at); err != nil {
			s.env.Logger.Warn("an idle shard could not be given up on; windows wait for it", "stage", s.env.ID.Stage, "shard", s.env.ID.Shard, "position", at, "error", err)
		}
		s.last, wait = now, s.after // it is heard of, or tried again
	}
	s.timer.Reset(wait)
}
