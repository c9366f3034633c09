package pipelinetest

import (
	"math/rand/v2"
)

// plainly runs one owner of each shard, stage by stage, one message at a time.
func (w *world) plainly() error {
	if err := w.populate(1); err != nil {
		return err
	}
	for _, o := range w.owners {
		for !o.Ended() {
			at := o.position
			if err := w.apply(o, 1); err != nil {
				return err
			}
			w.flush(o)
			if o.position == at {
				return w.endless(o)
			}
		}
	}
	return nil
}

func (w *world) endless(o *owner) error {
	return broken(stuck, "pipelinetest: shard %v never ends; its log has %d messages, and %d were applied", o.id, len(w.logs[o.id]), o.position)
}

// The random part of a schedule ends after so many steps, and sooner if for so long, by each owner, nothing was left to apply.
const (
	patience = 20_000
	idling   = 50
)

// chaos lets everything happen that may, in a random order, until all owners have come to the end. It returns what happened.
func (w *world) chaos(rng *rand.Rand) (steps []step, err error) {
	// Every crash makes others work again, so that a shard behind an exchange would never come to an end of them.
	crashes := 3 * len(w.owners)
	idle := 0
	for range patience {
		if w.ended() {
			return steps, nil
		}
		if idle > idling*len(w.owners) {
			break
		}
		o := w.owners[rng.IntN(len(w.owners))]
		s := step{shard: o.id, owner: o.number}
		switch what := rng.IntN(100); {
		case what < 79:
			s.verb, s.n = apply, 1+rng.IntN(1+rng.IntN(8))
		case what < 80:
			if len(w.tried) == 0 {
				continue
			}
			s = step{verb: deliver, n: rng.IntN(len(w.tried))}
		case what < 92 && o.taken != nil:
			s.verb = commit
		case what < 92:
			s.verb, s.full = snapshot, rng.IntN(3) == 0 || len(o.base.segments) == 0
		case crashes > 0:
			crashes--
			s.verb, s.n = crash, -1
			if known := w.checkpoints[o.id]; len(known) > 0 && rng.IntN(8) > 0 {
				s.n = rng.IntN(len(known))
			}
		default:
			continue
		}
		steps = append(steps, s)
		at := o.position
		if err := w.do(s); err != nil {
			return steps, err
		}
		if idle++; o.position > at || s.verb == crash {
			idle = 0
		}
		if s.verb == apply && len(o.pending) > 0 && (rng.IntN(2) == 0 || o.Ended()) {
			s = step{verb: publish, shard: o.id, owner: o.number, acks: acks(rng, len(o.pending))}
			steps = append(steps, s)
			if err := w.do(s); err != nil {
				return steps, err
			}
		}
	}
	return steps, w.finish()
}

// acks draws what becomes of n envelopes.
func acks(rng *rand.Rand, n int) string {
	b := make([]byte, n)
	for i := range b {
		switch {
		case rng.IntN(4) == 0:
			b[i] = lost
		case rng.IntN(8) == 0:
			b[i] = twice
		default:
			b[i] = stored
		}
	}
	return string(b)
}

// finish lets all owners come to the end with nothing more happening to them.
func (w *world) finish() error {
	for moved := true; moved; {
		moved = false
		for _, o := range w.owners {
			at := o.position
			if err := w.apply(o, len(w.logs[o.id])); err != nil {
				return err
			}
			moved = moved || o.position > at || len(o.pending) > 0
			w.flush(o)
		}
	}
	for _, o := range w.owners {
		if !o.Ended() {
			return w.endless(o)
		}
	}
	return nil
}

func (w *world) ended() bool {
	for _, o := range w.owners {
		if !o.Ended() || len(o.pending) > 0 {
			return false
		}
	}
	return true
}
