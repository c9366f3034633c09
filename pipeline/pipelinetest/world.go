package pipelinetest

import (
	"cmp"
	"fmt"
	"maps"
	"slices"

	"github.com/calmstream/calmstream/internal/plan"
	"github.com/calmstream/calmstream/pipeline/internal/checkpoint"
	"github.com/calmstream/calmstream/pipeline/internal/shard"
)

// world is a server in memory: the logs, the checkpoints and everything that was ever stored.
type world struct {
	plan        *plan.Plan
	logs        map[checkpoint.ShardID][]plan.Message
	checkpoints map[checkpoint.ShardID][]*saved // in the order of their commits
	results     map[string]Result               // by identity
	rejected    map[string]rejection            // by place
	marks       map[marked]uint64
}

// marked is a place at which the owners of a shard are compared.
type marked struct {
	id checkpoint.ShardID
	at uint64
}

// markDistance is short, so that short logs have many marks.
const markDistance = 8

// rejection is a dead letter or a late record.
type rejection struct{ place, reason string }

// nothing is what an owner begins from without a checkpoint.
var nothing = new(saved)

// saved is a checkpoint: all segments, the oldest first.
type saved struct {
	position int // messages of the log that were applied
	meta     []byte
	segments []checkpoint.Segment
}

func newWorld(p *plan.Plan, logs []Log) (*world, error) {
	w := &world{
		plan: p, logs: make(map[checkpoint.ShardID][]plan.Message), checkpoints: make(map[checkpoint.ShardID][]*saved),
		results: make(map[string]Result), rejected: make(map[string]rejection), marks: make(map[marked]uint64),
	}
	registry := make(map[string][]string)
	for _, s := range p.Stages {
		if !s.Exchanged() {
			registry[s.Name] = s.Root.Source.Producers
		}
	}
	for _, l := range logs {
		id := checkpoint.ShardID{Stage: l.Read, Shard: l.Shard}
		if w.logs[id] != nil {
			return nil, fmt.Errorf("pipelinetest: there are two logs for %v", id)
		}
		w.logs[id] = inputMessages(l, registry[l.Read])
	}
	for _, s := range p.Stages {
		for i := range s.Shards {
			if id := (checkpoint.ShardID{Stage: s.Name, Shard: i}); !s.Exchanged() && w.logs[id] == nil {
				w.logs[id] = inputMessages(Log{Read: s.Name, Shard: i}, registry[s.Name])
			}
		}
	}
	return w, nil
}

// owner is one owner of one shard.
type owner struct {
	*shard.Machine
	id       checkpoint.ShardID
	stage    *plan.Stage
	position int
	// base is the newest checkpoint that the owner knows, to which the next one adds; taken is the one under way.
	base, taken *saved
	serial      int
	// pending are the envelopes that are not known to be stored, the oldest first.
	pending []shard.Envelope
}

// start makes an owner that begins from a checkpoint.
func (w *world) start(stage *plan.Stage, number int, from *saved) (*owner, error) {
	o := &owner{id: checkpoint.ShardID{Stage: stage.Name, Shard: number}, stage: stage, position: from.position, base: from}
	var err error
	if o.Machine, err = shard.NewMachine(&shard.Env{ID: o.id, Plan: w.plan, Stage: stage, MarkDistance: markDistance}); err != nil {
		return nil, err
	}
	if from.position == 0 {
		return o, nil
	}
	if err := o.RestoreMeta(from.meta); err != nil {
		return nil, err
	}
	for _, seg := range from.segments {
		for _, chunk := range seg.Chunks {
			if err := o.RestoreChunk(chunk); err != nil {
				return nil, err
			}
		}
	}
	return o, nil
}

// step applies up to n messages of the log and stores the results. Envelopes are left to be published.
func (w *world) step(o *owner, n int) error {
	log := w.logs[o.id]
	n = min(n, len(log)-o.position)
	if n == 0 || o.Ended() {
		return nil
	}
	taken, err := o.Apply(log[o.position : o.position+n])
	if err != nil {
		return err
	}
	o.position += taken
	if err := w.mark(o); err != nil {
		return err
	}
	out, _ := o.Take()
	for i := range out.Results {
		if err := w.result(o, &out.Results[i]); err != nil {
			return err
		}
	}
	for i := range out.Rejected {
		r := &out.Rejected[i]
		place := fmt.Sprintf("%s %v %d.%d", r.Node.Label(), o.id, r.Meta.Seq, r.Meta.Index)
		public := place
		if o.stage.Exchanged() {
			public = fmt.Sprintf("%s %v", r.Node.Label(), o.id)
		}
		if g := r.Meta.Group; g != nil {
			place = fmt.Sprintf("%s %s %q %d", r.Node.Label(), g.Window, g.Key, r.Meta.Index)
			public = place
		}
		if r.Meta.Branch > 0 {
			place += fmt.Sprintf(" by way %d", r.Meta.Branch)
		}
		w.rejected[place] = rejection{public, r.Err.Error()}
	}
	o.pending = append(o.pending, out.Envelopes...)
	return nil
}

// mark compares an owner with all who have been there.
func (w *world) mark(o *owner) error {
	at, digest := o.Mark()
	place := marked{o.id, at}
	if before, ok := w.marks[place]; ok && before != digest {
		return fmt.Errorf("two owners of %v have made different things of the log up to %d", o.id, at)
	}
	w.marks[place] = digest
	return nil
}

// result stores a result, and finds two with one identity.
func (w *world) result(o *owner, r *shard.Result) error {
	identity := fmt.Sprintf("%v %d.%d", o.id, r.Meta.Seq, r.Index)
	if g := r.Meta.Group; g != nil {
		identity = fmt.Sprintf("%s %q %d", g.Window, g.Key, r.Index)
	}
	if r.Meta.Branch > 0 {
		identity += fmt.Sprintf(" by way %d", r.Meta.Branch)
	}
	public := identity
	if r.Meta.Group == nil && o.stage.Exchanged() {
		public = o.id.Stage // where in the log it is depends on how the inputs were interleaved, which is not for results to show
	}
	made := Result{Write: r.Write.Name, Identity: public, Verdict: w.plan.WriteVerdict(r.Write), Payload: string(r.Payload)}
	if before, ok := w.results[made.Write+" "+identity]; ok && before != made {
		return fmt.Errorf("two results with one identity: %+v and %+v", before, made)
	}
	w.results[made.Write+" "+identity] = made
	return nil
}

// store appends an envelope to the log of its partition.
func (w *world) store(e shard.Envelope) {
	id := checkpoint.ShardID{Stage: e.To.Name, Shard: e.Partition}
	seq := len(w.logs[id])
	w.logs[id] = append(w.logs[id], plan.Message{Data: e.Data, Seq: uint64(seq + 1), Time: storeTime(seq)})
}

// checkpoint takes a snapshot of an owner, or, if one is under way, tries to commit it.
func (w *world) checkpoint(o *owner, full bool) error {
	if o.taken != nil {
		w.commit(o)
		return nil
	}
	if o.position < o.base.position {
		return nil // it lost against one further ahead, and has nothing to add
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
	return nil
}

// commit stores the checkpoint under way unless another owner was faster; then it goes on from the winner's.
func (w *world) commit(o *owner) {
	newest := nothing
	if known := w.checkpoints[o.id]; len(known) > 0 {
		newest = known[len(known)-1]
	}
	if newest == o.base {
		w.checkpoints[o.id] = append(w.checkpoints[o.id], o.taken)
		o.Settle(true)
		o.base = o.taken
	} else {
		o.Settle(newest.position >= o.taken.position)
		o.base = newest
	}
	o.taken = nil
}

func (w *world) outcome() Outcome {
	out := Outcome{Rejected: make(map[string]string)}
	rejected := slices.SortedFunc(maps.Values(w.rejected), func(a, b rejection) int {
		return cmp.Or(cmp.Compare(a.place, b.place), cmp.Compare(a.reason, b.reason))
	})
	for _, r := range rejected {
		at := r.place
		for n := 2; out.Rejected[at] != ""; n++ {
			at = fmt.Sprintf("%s (%d)", r.place, n)
		}
		out.Rejected[at] = r.reason
	}
	for _, r := range w.results {
		out.Results = append(out.Results, r)
	}
	slices.SortFunc(out.Results, func(a, b Result) int {
		return cmp.Or(cmp.Compare(a.Write, b.Write), cmp.Compare(a.Identity, b.Identity), cmp.Compare(a.Payload, b.Payload))
	})
	return out
}
