package pipelinetest

import (
	"fmt"

	"github.com/calmstream/calmstream/pipeline/internal/checkpoint"
	"github.com/calmstream/calmstream/pipeline/internal/shard"
)

// verb is what can happen to an owner of a shard.
type verb uint8

const (
	// apply: the owner applies up to n messages.
	apply verb = iota + 1
	// publish: the owner tries to store its envelopes; acks has what becomes of each.
	publish
	// snapshot: the owner begins a checkpoint, a full one or one of what changed.
	snapshot
	// commit: the owner tries to commit the checkpoint that it began.
	commit
	// crash: the owner dies, and another starts in its place from checkpoint n of the shard, or from nothing if n is -1.
	crash
	// deliver: the network delivers, late or once more, envelope n of those that anyone ever tried to publish.
	deliver
)

// step is one event of a history. A step that makes no sense where it stands does nothing, so that any part of a history is one.
type step struct {
	verb  verb
	shard checkpoint.ShardID
	owner int
	n     int
	full  bool
	acks  string
}

// What becomes of an envelope.
const (
	lost   = '0'
	stored = '1'
	twice  = '2'
)

// do lets a step happen.
func (w *world) do(s step) error {
	if s.verb == deliver {
		if s.n < len(w.tried) {
			w.store(w.tried[s.n])
		}
		return nil
	}
	at, ok := w.first[s.shard]
	if !ok {
		return fmt.Errorf("pipelinetest: the history has a step of %v, which the pipeline does not have", s.shard)
	}
	if s.owner >= w.perShard {
		return nil
	}
	at += s.owner
	o := w.owners[at]
	switch s.verb {
	case apply:
		return w.apply(o, s.n)
	case publish:
		w.publish(o, s.acks)
		return nil
	case snapshot:
		return w.snapshot(o, s.full)
	case commit:
		return w.commit(o)
	case crash:
		return w.crash(at, s.n)
	default:
		return fmt.Errorf("pipelinetest: the history has an unknown step %d", s.verb)
	}
}

// publish tries to store what the owner has not seen acknowledged, as a flaky network would: some twice, some not
// this time. What was missed comes again at the next try, together with everything behind it, in order.
func (w *world) publish(o *owner, acks string) {
	missing := len(o.pending)
	for i, e := range o.pending {
		w.tried = append(w.tried, e)
		ack := byte(stored)
		if i < len(acks) {
			ack = acks[i]
		}
		switch ack {
		case lost:
			missing = min(missing, i)
		case twice:
			w.send(o, e)
			w.send(o, e)
		default:
			w.send(o, e)
		}
	}
	o.pending = o.pending[missing:]
}

// flush stores all that the owner has not seen acknowledged.
func (w *world) flush(o *owner) { w.publish(o, "") }

func (w *world) send(o *owner, e shard.Envelope) {
	if w.planted.publish == nil {
		w.store(e)
		return
	}
	for _, e := range w.planted.publish(w, o, e) {
		w.store(e)
	}
}
