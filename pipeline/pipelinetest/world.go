package pipelinetest

import (
	"errors"
	"fmt"
	"slices"
	"strconv"

	"github.com/calmstream/calmstream/internal/plan"
	"github.com/calmstream/calmstream/operators"
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
	states      map[marked]uint64             // hashes of full snapshots
	sealed      map[string]string             // what the certificate of a window says, by shard, state and window
	certain     map[string]string             // those of them that any run makes
	lowest      map[checkpoint.ShardID]*saved // the newest snapshot, below which no state further on may be
	read        map[int]int                   // messages of the inputs, by the number of the Read
	owners      []*owner
	perShard    int                        // owners of each shard
	first       map[checkpoint.ShardID]int // owner of each shard in owners
	tried       []shard.Envelope           // all that was ever tried to be published: the network may deliver any of them later
	planted     faults
	buf         []byte
}

// marked is a place at which the owners of a shard are compared.
type marked struct {
	id checkpoint.ShardID
	at uint64
}

// markDistance is short, so that short logs have many marks.
const markDistance = 8

// nothing is what an owner begins from without a checkpoint.
var nothing = new(saved)

// saved is a checkpoint: all segments, the oldest first.
type saved struct {
	position int // messages of the log that were applied
	meta     []byte
	segments []checkpoint.Segment
}

// errUnfit is wrapped by errors about messages and events for what a pipeline does not have.
var errUnfit = errors.New("pipelinetest: what is to happen does not fit the pipeline")

func newWorld(p *plan.Plan, logs []Log) (*world, error) {
	w := &world{
		plan: p, logs: make(map[checkpoint.ShardID][]plan.Message), checkpoints: make(map[checkpoint.ShardID][]*saved),
		results: make(map[string]Result), rejected: make(map[string]rejection), marks: make(map[marked]uint64), states: make(map[marked]uint64), sealed: make(map[string]string), certain: make(map[string]string),
		lowest: make(map[checkpoint.ShardID]*saved), read: make(map[int]int), first: make(map[checkpoint.ShardID]int),
	}
	inputs := make(map[string]*plan.Stage)
	for _, s := range p.Stages {
		if !s.Exchanged() {
			inputs[s.Name] = s
		}
	}
	for _, l := range logs {
		id := checkpoint.ShardID{Stage: l.Read, Shard: l.Shard}
		s := inputs[l.Read]
		switch {
		case s == nil:
			return nil, fmt.Errorf("%w: there is a log for %v, but the pipeline has no Read of that name", errUnfit, id)
		case l.Shard < 0 || l.Shard >= s.Shards:
			return nil, fmt.Errorf("%w: there is a log for %v, but that Read has %d shards, numbered from 0", errUnfit, id, s.Shards)
		case w.logs[id] != nil:
			return nil, fmt.Errorf("pipelinetest: there are two logs for %v", id)
		}
		w.logs[id] = inputMessages(l, s.Root.Source.Producers)
		w.read[s.Root.ID] += l.records()
	}
	for _, s := range inputs {
		for i := range s.Shards {
			if id := (checkpoint.ShardID{Stage: s.Name, Shard: i}); w.logs[id] == nil {
				w.logs[id] = inputMessages(Log{Read: s.Name, Shard: i}, s.Root.Source.Producers)
			}
		}
	}
	return w, nil
}

// owner is one owner of one shard.
type owner struct {
	*shard.Machine
	id       checkpoint.ShardID
	number   int // among the owners of the shard
	stage    *plan.Stage
	position int
	// base is the newest checkpoint that the owner knows, to which the next one adds; taken is the one under way.
	base, taken *saved
	serial      int
	// pending are the envelopes that are not known to be stored, the oldest first.
	pending []shard.Envelope
}

// populate starts owners of each shard.
func (w *world) populate(perShard int) error {
	w.perShard = perShard
	for _, stage := range w.plan.Stages {
		for i := range stage.Shards {
			w.first[checkpoint.ShardID{Stage: stage.Name, Shard: i}] = len(w.owners)
			for number := range perShard {
				o, err := w.start(stage, i, number, nothing)
				if err != nil {
					return err
				}
				w.owners = append(w.owners, o)
			}
		}
	}
	return nil
}

// start makes an owner that begins from a checkpoint.
func (w *world) start(stage *plan.Stage, number, owns int, from *saved) (*owner, error) {
	o := &owner{id: checkpoint.ShardID{Stage: stage.Name, Shard: number}, number: owns, stage: stage, position: from.position, base: from}
	env := &shard.Env{ID: o.id, Plan: w.plan, Stage: stage, MarkDistance: markDistance}
	if w.planted.env != nil {
		w.planted.env(o, env)
	}
	var err error
	if o.Machine, err = shard.NewMachine(env); err != nil {
		return nil, err
	}
	if from.position == 0 {
		return o, nil
	}
	if w.planted.restore != nil {
		from = w.planted.restore(w, o, from)
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

// apply applies up to n messages of the log and stores the results. Envelopes are left to be published.
func (w *world) apply(o *owner, n int) error {
	log := w.logs[o.id]
	n = min(n, len(log)-o.position)
	if n <= 0 || o.Ended() {
		return nil
	}
	messages := log[o.position : o.position+n]
	if w.planted.read != nil {
		messages = w.planted.read(w, o, messages)
	}
	taken, err := o.Apply(messages)
	if err != nil {
		return err
	}
	if w.planted.read != nil {
		taken = n // the fault has changed how many there are
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
		w.reject(o, &out.Rejected[i])
	}
	for i := range out.Certificates {
		if err := w.certify(o, &out.Certificates[i]); err != nil {
			return err
		}
	}
	o.pending = append(o.pending, out.Envelopes...)
	return nil
}

// mark compares an owner with all who have been there.
func (w *world) mark(o *owner) error {
	at, digest := o.Mark()
	place := marked{o.id, at}
	if before, ok := w.marks[place]; ok && before != digest {
		return broken(differs, "two owners of %v have made different things of the log up to %d", o.id, at)
	}
	w.marks[place] = digest
	return nil
}

// result stores a result, and finds two with one identity.
func (w *world) result(o *owner, r *shard.Result) error {
	id := w.identity(o, r)
	if w.planted.identity != nil {
		id = w.planted.identity(o, id)
	}
	before, ok := w.results[id]
	if ok && before.Payload == string(r.Payload) {
		return nil
	}
	made := w.describe(o, r)
	if ok {
		return broken(differs, "two results with one identity: %v, and %v", before, made)
	}
	w.results[id] = made
	return nil
}

// identity returns what a result is about, in full and in a form for maps: most results come several times.
func (w *world) identity(o *owner, r *shard.Result) string {
	b := append(append(w.buf[:0], r.Write.Name...), ' ')
	b = strconv.AppendUint(b, uint64(r.Index), 10)
	b = strconv.AppendUint(append(b, ' '), uint64(r.Meta.Branch), 10)
	if g := r.Meta.Group; g != nil {
		b = strconv.AppendInt(append(b, ' '), g.Window.Start, 10)
		b = strconv.AppendInt(append(b, ' '), g.Window.End, 10)
		b = strconv.AppendUint(append(b, " v"...), g.Version, 10)
		b = append(append(b, " key "...), g.Key...)
	} else {
		b = strconv.AppendUint(append(b, ' '), r.Meta.Seq, 10)
		b = strconv.AppendInt(append(b, " in "...), int64(o.id.Shard), 10)
		b = append(append(b, ' '), o.id.Stage...)
	}
	w.buf = b
	return string(b)
}

// describe returns the result as users see it.
func (w *world) describe(o *owner, r *shard.Result) Result {
	made := Result{Write: r.Write.Name, Verdict: w.plan.WriteVerdict(r.Write), Payload: string(r.Payload)}
	made.Identity = fmt.Sprintf("%v %d.%d", o.id, r.Meta.Seq, r.Index)
	if g := r.Meta.Group; g != nil {
		made.Identity = fmt.Sprintf("%s %q %d", g.Window, g.Key, r.Index)
		made.Key, made.Window, made.About = g.Key, g.Window, true
		if g.Version > 0 {
			made.Identity += fmt.Sprintf(" version %d", g.Version)
		}
	}
	if r.Meta.Branch > 0 {
		made.Identity += fmt.Sprintf(" by way %d", r.Meta.Branch)
	}
	switch {
	case !o.stage.Exchanged(): // the log decides
	case r.Meta.Group == nil:
		made.Identity = o.id.Stage // where in the log it is depends on how the inputs were interleaved, which is not for results to show
	case namesInstant(r.Write):
		made.Identity, made.Window = fmt.Sprintf("%q", r.Meta.Group.Key), operators.Span{} // so does which part of a session it was asked about
	}
	return made
}

// namesInstant reports whether the results of a node come from a threshold over sessions. They merge, so that it names an instant, and
// which one depends on the order in which their records came.
func namesInstant(n *plan.Node) bool {
	if n.Kind == plan.KindThreshold {
		return n.In[0].Windowing.Gap > 0
	}
	if n.Kind == plan.KindFold || n.Kind == plan.KindJoin || n.Kind == plan.KindSeal {
		return false
	}
	return slices.ContainsFunc(n.In, namesInstant)
}

// reject notes a dead letter or a late record.
func (w *world) reject(o *owner, r *shard.Rejected) {
	place := fmt.Sprintf("%s %v %d.%d", r.Node.Label(), o.id, r.Meta.Seq, r.Meta.Index)
	public, read := place, o.stage.Name
	if o.stage.Exchanged() {
		read = ""
		public = fmt.Sprintf("%s %v", r.Node.Label(), o.id)
	}
	if g := r.Meta.Group; g != nil {
		place = fmt.Sprintf("%s %s %q %d", r.Node.Label(), g.Window, g.Key, r.Meta.Index)
		public = place
	}
	if r.Meta.Branch > 0 {
		place += fmt.Sprintf(" by way %d", r.Meta.Branch)
	}
	w.rejected[place] = rejection{place: public, read: read, reason: r.Err.Error(), node: r.Node.ID, late: r.Late, about: r.Meta.Group != nil}
}

// store appends an envelope to the log of its partition.
func (w *world) store(e shard.Envelope) {
	id := checkpoint.ShardID{Stage: e.To.Name, Shard: e.Partition}
	seq := len(w.logs[id])
	w.logs[id] = append(w.logs[id], plan.Message{Data: e.Data, Seq: uint64(seq + 1), Time: storeTime(seq).UnixNano()})
}
