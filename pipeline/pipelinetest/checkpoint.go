package pipelinetest

import (
	"fmt"
	"slices"

	"github.com/calmstream/calmstream/pipeline/internal/checkpoint"
	"github.com/cespare/xxhash/v2"
)

// snapshot begins a checkpoint of an owner unless one is under way. Its outputs are stored first.
func (w *world) snapshot(o *owner, full bool) error {
	if o.taken != nil || o.position < o.base.position { // or it lost against one further ahead, and has nothing to add
		return nil
	}
	if !w.planted.early {
		w.flush(o)
	}
	o.serial++
	seg, err := o.Snapshot(fmt.Sprint(o.serial), full)
	if err != nil {
		return err
	}
	o.taken = &saved{position: o.position, meta: o.Meta()}
	if !full {
		o.taken.segments = slices.Clone(o.base.segments)
	}
	o.taken.segments = append(o.taken.segments, seg)
	if full {
		if err := w.alike(o, seg); err != nil {
			return err
		}
	}
	return w.grown(o, seg)
}

// alike compares the whole state of an owner with those of all who have been there. The order of its entries has no meaning.
func (w *world) alike(o *owner, full checkpoint.Segment) error {
	var entries []string
	for _, chunk := range full.Chunks {
		err := checkpoint.Entries(chunk, func(entry []byte) error {
			entries = append(entries, string(entry))
			return nil
		})
		if err != nil {
			return err
		}
	}
	slices.Sort(entries)
	var hash xxhash.Digest
	hash.Reset()
	for _, e := range entries {
		_, _ = fmt.Fprintf(&hash, "%d %s", len(e), e) // a hash in memory cannot fail
	}
	place := marked{o.id, uint64(o.position)}
	if before, ok := w.states[place]; ok && before != hash.Sum64() {
		return broken(differs, "two owners of %v have other states, or encode them in other ways, behind message %d", o.id, o.position)
	}
	w.states[place] = hash.Sum64()
	return nil
}

// grown holds the state of an owner against the newest snapshot that any owner of the shard took before it: whoever read a lower
// bound then must not find less now.
func (w *world) grown(o *owner, seg checkpoint.Segment) error {
	before := w.lowest[o.id]
	if before != nil && before.position > o.position {
		return nil
	}
	if before != nil {
		if err := o.Covers(before.segments[0]); err != nil {
			return broken(shrinks, "%v, between the messages %d and %d of its log: %w", o.id, before.position, o.position, err)
		}
	}
	w.lowest[o.id] = &saved{position: o.position, segments: []checkpoint.Segment{seg}}
	return nil
}

// commit stores the checkpoint under way unless another owner was faster; then it goes on from the winner's.
func (w *world) commit(o *owner) error {
	if o.taken == nil {
		return nil
	}
	newest := nothing
	if known := w.checkpoints[o.id]; len(known) > 0 {
		newest = known[len(known)-1]
	}
	if newest == o.base || w.planted.unfenced {
		if o.taken.position < newest.position {
			return broken(regresses, "%v: a checkpoint at %d was stored behind one at %d", o.id, o.taken.position, newest.position)
		}
		w.checkpoints[o.id] = append(w.checkpoints[o.id], o.taken)
		o.Settle(true)
		o.base = o.taken
	} else {
		o.Settle(newest.position >= o.taken.position)
		o.base = newest
	}
	o.taken = nil
	return nil
}

// crash ends an owner, perhaps with outputs half published, and starts another from a checkpoint, or from nothing below 0.
func (w *world) crash(i, number int) error {
	o, from := w.owners[i], nothing
	if known := w.checkpoints[o.id]; number >= 0 && len(known) > 0 {
		from = known[min(number, len(known)-1)]
	}
	next, err := w.start(o.stage, o.id.Shard, o.number, from)
	if err != nil {
		return err
	}
	w.owners[i] = next
	return nil
}
