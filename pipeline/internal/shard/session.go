package shard

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/calmstream/calmstream/internal/plan"
	"github.com/calmstream/calmstream/pipeline/internal/checkpoint"
)

// errAdopt ends a session whose successor begins from another owner's checkpoint.
var errAdopt = errors.New("shard: another owner is ahead")

// Run runs the shard until its input has ended (nil), ctx ends (nil, after a last checkpoint) or something cannot go on.
func Run(ctx context.Context, env *Env) error {
	var serial uint64 // of commits: a number that came again could be taken for the commit that had it before
	for {
		err := runSession(ctx, env, &serial)
		if !errors.Is(err, errAdopt) {
			return err
		}
		env.Stats.Adoptions.Add(1)
	}
}

// session is one run from a checkpoint on.
type session struct {
	*Machine
	log   Log
	wake  chan struct{}
	buf   []plan.Message
	alarm alarm
	quiet silence

	position checkpoint.Position
	verified uint64 // the log is known to be whole up to here
	fence    checkpoint.Loaded
	// sent is the statement of the producers that was looked at last, doubted the one before if it spoke of what had not come.
	sent, doubted *Sent
	commits       committer
	serial        *uint64
	// dirty says that something was applied since the last snapshot, and first that nothing ever was.
	dirty, first bool
	last         time.Time // when the last snapshot was taken
	moved        bool      // the position alone has moved
	done         bool
	// torn says that outputs of the last batch may be missing from the outlet: no checkpoint may follow.
	torn bool
}

func runSession(ctx context.Context, env *Env, serial *uint64) error {
	m, err := NewMachine(env)
	if err != nil {
		return err
	}
	s := &session{Machine: m, serial: serial, wake: make(chan struct{}, 1), first: true, last: env.Now()}
	s.alarm.start(env.look(), s.poke)
	defer s.alarm.stop()
	if err := s.load(ctx); err != nil {
		return unlessStopped(ctx, err)
	}
	if s.done {
		env.Stats.Done.Store(true)
		return nil
	}
	if s.over() && !s.Ended() {
		s.End()
		s.dirty = true
		s.poke()
	}
	if s.outbox.owes() {
		s.poke()
	}
	if s.claims() {
		s.alarm.ring(env.First, true)
	}
	if s.log, err = s.openLog(ctx); err != nil {
		return unlessStopped(ctx, s.truncated(ctx, err))
	}
	defer func() { _ = s.log.Close() }() // what could not be closed expires
	s.quiet.start(env, s.poke)
	defer s.quiet.stop()
	s.commits.start(env, s.poke)
	defer s.commits.stop()
	env.Asked.attach(s.poke)
	defer env.Asked.attach(nil)
	if err := s.loop(ctx); err != nil && ctx.Err() == nil {
		return s.truncated(ctx, err)
	} else if err != nil && !errors.Is(err, ctx.Err()) {
		return err
	}
	if s.done {
		env.Stats.Done.Store(true)
		return nil
	}
	if errors.Is(context.Cause(ctx), ErrReleased) {
		return nil
	}
	return s.drain(ctx)
}

func (s *session) poke() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// loop applies batches until the input has ended and its last checkpoint is durable.
func (s *session) loop(ctx context.Context) error {
	for !s.done {
		var messages []plan.Message
		switch {
		case s.Ended(): // nothing more to read: wait for the checkpoint
			select {
			case <-s.wake:
			case <-ctx.Done():
				return ctx.Err()
			}
		case s.outbox.full() && s.commits.busy: // no more until some of it has left
			select {
			case <-s.wake:
			case <-ctx.Done():
				return ctx.Err()
			}
		case s.bounded(): // nothing has to come for the end to be known
		default:
			var err error
			if messages, err = s.log.Next(ctx, s.wake, s.buf); err != nil {
				return err
			}
			s.buf = messages
		}
		if err := s.step(ctx, messages); err != nil {
			return err
		}
		if err := s.complete(ctx); err != nil {
			return err
		}
		s.quiet.look(ctx, s.log, s.heard(messages) || s.Ended())
		if err := s.commit(ctx); err != nil {
			return err
		}
		s.answer()
	}
	return nil
}

// step applies a batch and hands out what it made.
func (s *session) step(ctx context.Context, messages []plan.Message) error {
	messages, end := s.within(messages)
	from := s.place()
	if len(messages) > 0 {
		taken, err := s.Apply(messages)
		if err != nil {
			return err
		}
		s.advance(messages, taken)
		if s.diverged() {
			return errAdopt
		}
	} else if !s.Ended() {
		if at := s.log.Position(); at > s.position.Seq {
			s.position.Seq, s.moved = at, true
		}
	}
	if end && !s.Ended() {
		s.close()
	}
	s.env.Stats.Waits.Add(s.Waits())
	s.env.Stats.Repeated.Add(s.Repeated())
	out, finals := s.Take()
	if !out.empty() {
		if finals {
			if err := s.verify(ctx); err != nil {
				s.torn = true
				return err
			}
		}
		s.count(out)
		var err error
		if out.Results, err = s.outbox.take(s.env.Plan, out.Results, from, s.place()); err == nil {
			err = s.env.Outlet.Put(ctx, out)
		}
		if err != nil {
			s.torn = true
			return err
		}
	}
	s.env.Stats.Lag.Store(s.log.Lag())
	s.env.Stats.Position.Store(s.position.Seq)
	return nil
}

// place returns where in the log the session is.
func (s *session) place() place { return placeOf(s.position.Seq, s.Ended()) }

// advance moves the position behind the messages that were taken.
func (s *session) advance(messages []plan.Message, taken int) {
	last := &messages[len(messages)-1]
	if s.Ended() && taken < len(messages) {
		last = &messages[taken-1] // the end marker: what stands behind it is not part of the input
		s.env.Logger.Warn("messages stand behind the end marker and are ignored", "stage", s.env.ID.Stage, "shard", s.env.ID.Shard, "marker", last.Seq)
	}
	s.position.Seq, s.position.LastSeq, s.position.LastTime = last.Seq, last.Seq, last.Time
	s.env.Stats.Applied.Store(last.Seq)
	s.dirty = true
	var bytes uint64
	for i := range messages {
		bytes += uint64(len(messages[i].Data))
	}
	s.env.Stats.Messages.Add(uint64(len(messages)))
	s.env.Stats.Bytes.Add(bytes)
	s.env.Stats.OpenWindows.Store(int64(s.open()))
	s.env.Stats.Frontier.Store(s.frontier)
	if s.votes != nil {
		awaited := s.votes.Waiting()
		s.env.Stats.Awaited.Store(&awaited)
	}
}

func (s *session) count(out *Outputs) {
	s.env.Stats.Results.Add(uint64(len(out.Results)))
	for i := range out.Rejected {
		if out.Rejected[i].Late {
			s.env.Stats.Late.Add(1)
		} else {
			s.env.Stats.Rejected.Add(1)
		}
	}
}

// verify proves that the log was whole up to the position.
func (s *session) verify(ctx context.Context) error {
	if err := s.log.Verify(ctx, s.verified); err != nil {
		return err
	}
	s.verified = s.position.Seq
	return nil
}

// truncated looks, when messages are missing below the position, for a newer checkpoint that covers them. A log that an
// exchange purges below the checkpoints of its receivers is truncated for a slow owner every day.
func (s *session) truncated(ctx context.Context, err error) error {
	if !errors.Is(err, ErrTruncated) {
		return err
	}
	newest, loadErr := s.env.Store.Load(ctx, s.env.ID)
	if loadErr == nil && newest.Fence.Position.Seq > s.verified { // what is missing lies behind what is verified
		return errAdopt
	}
	return fmt.Errorf("stage %s, shard %d: %w", s.env.ID.Stage, s.env.ID.Shard, err)
}

// drain takes a last checkpoint after the shard was told to stop.
func (s *session) drain(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.env.Drain)
	defer cancel()
	for {
		if err := s.commits.wait(ctx); err != nil {
			return fmt.Errorf("stage %s, shard %d: the last checkpoint was not finished within %s: %w", s.env.ID.Stage, s.env.ID.Shard, s.env.Drain, err)
		}
		if err := s.finish(); err != nil {
			return ignoreAdopt(err)
		}
		if !s.dirty || s.torn || s.done || s.position.Seq <= s.fence.Fence.Position.Seq {
			return nil
		}
		if err := s.begin(ctx); err != nil {
			return ignoreAdopt(err)
		}
	}
}

// unlessStopped drops an error that only says that ctx has ended: there is nothing to save yet.
func unlessStopped(ctx context.Context, err error) error {
	if ctx.Err() != nil && errors.Is(err, ctx.Err()) {
		return nil
	}
	return err
}

// ignoreAdopt drops the news that another owner is ahead: there is nothing left to save.
func ignoreAdopt(err error) error {
	if errors.Is(err, errAdopt) || errors.Is(err, ErrTruncated) {
		return nil
	}
	return err
}
