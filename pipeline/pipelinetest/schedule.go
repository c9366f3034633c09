package pipelinetest

import (
	"fmt"
	"math/rand/v2"
)

// plainly runs one owner of each shard, stage by stage, one message at a time.
func plainly(w *world) error {
	for _, stage := range w.plan.Stages {
		for i := range stage.Shards {
			o, err := w.start(stage, i, nothing)
			if err != nil {
				return err
			}
			for !o.Ended() {
				at := o.position
				if err := w.step(o, 1); err != nil {
					return err
				}
				for _, e := range o.pending {
					w.store(e)
				}
				o.pending = nil
				if o.position == at {
					return fmt.Errorf("pipelinetest: shard %v never ends; its log has %d messages", o.id, at)
				}
			}
		}
	}
	return nil
}

// patience bounds a schedule: a pipeline that has not ended by then never will.
const patience = 200_000

// chaos runs several owners of each shard in a random order, with everything that may happen to them.
func (w *world) chaos(rng *rand.Rand, owners int) error {
	var all []*owner
	for _, stage := range w.plan.Stages {
		for i := range stage.Shards {
			for range owners {
				o, err := w.start(stage, i, nothing)
				if err != nil {
					return err
				}
				all = append(all, o)
			}
		}
	}
	// Every crash makes others work again, so that a shard behind an exchange would never come to an end of them.
	crashes := 3 * len(all)
	for range patience {
		if ended(all) {
			return nil
		}
		i := rng.IntN(len(all))
		o := all[i]
		switch what := rng.IntN(100); {
		case what < 80:
			if err := w.step(o, 1+rng.IntN(1+rng.IntN(8))); err != nil {
				return err
			}
			if rng.IntN(2) == 0 || o.Ended() {
				w.publish(rng, o)
			}
		case what < 92:
			for len(o.pending) > 0 { // outputs first
				w.publish(rng, o)
			}
			if err := w.checkpoint(o, rng.IntN(3) == 0 || len(o.base.segments) == 0); err != nil {
				return err
			}
		case crashes > 0:
			crashes--
			if err := w.crash(rng, all, i); err != nil {
				return err
			}
		}
	}
	return fmt.Errorf("pipelinetest: the pipeline did not end within %d steps", patience)
}

// crash ends an owner, perhaps with outputs half published, and starts another from any checkpoint.
func (w *world) crash(rng *rand.Rand, all []*owner, i int) error {
	o := all[i]
	from := nothing
	if known := w.checkpoints[o.id]; len(known) > 0 && rng.IntN(8) > 0 {
		from = known[rng.IntN(len(known))]
	}
	next, err := w.start(o.stage, o.id.Shard, from)
	if err != nil {
		return err
	}
	all[i] = next
	return nil
}

// publish tries to store what the owner has not seen acknowledged, as a flaky network would: some twice, some not
// this time. What was missed comes again at the next try, together with everything behind it, in order.
func (w *world) publish(rng *rand.Rand, o *owner) {
	missing := len(o.pending)
	for i, e := range o.pending {
		if rng.IntN(4) == 0 {
			missing = min(missing, i)
			continue
		}
		w.store(e)
		if rng.IntN(8) == 0 {
			w.store(e)
		}
	}
	o.pending = o.pending[missing:]
}

func ended(all []*owner) bool {
	for _, o := range all {
		if !o.Ended() || len(o.pending) > 0 {
			return false
		}
	}
	return true
}
