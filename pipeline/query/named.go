package query

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/calmstream/calmstream/internal/plan"
	"github.com/calmstream/calmstream/internal/plan/ask"
	"github.com/calmstream/calmstream/internal/plan/kernel"
	"github.com/calmstream/calmstream/pipeline/internal/answer"
	"github.com/calmstream/calmstream/pipeline/internal/checkpoint"
	"github.com/calmstream/calmstream/pipeline/internal/lookup"
	"github.com/calmstream/calmstream/pipeline/internal/shard"
)

// Reply is an answer to a question by names.
type Reply = answer.Reply

// Named is a state that is asked by its name, without the program of the pipeline: keys are text, sets of states have the names that
// crdt.UpSet gives them, such as "count >= 2", and values are JSON. Workers answer about every state that is shared, and checkpoints about counters,
// sets, extremes and flags of package crdt with keys whose shard their hash tells. Each answer stands for itself: who needs that none goes back, while
// owners are at different places, uses a [State]. It may be used by many goroutines at once.
type Named struct {
	asking
	pipeline, epoch string
	stage           plan.StageDocument
	node            *plan.Node
	keys, partition string
	sharing         *plan.Sharing // nil if its program alone knows the lattice
	unknown         error         // why
	instant         *time.Time
}

// OpenNamed finds a state of a pipeline by its name, in the version with an epoch, or in the active one if epoch is empty. It fails with ErrNotRun if
// that has not run there.
func OpenNamed(ctx context.Context, pipeline, epoch, state string, cfg Config) (*Named, error) {
	if err := cfg.check(); err != nil {
		return nil, err
	}
	store, epoch, document, err := lookup.OpenNamed(ctx, cfg.Conn, pipeline, epoch)
	if err != nil {
		return nil, fmt.Errorf("query: pipeline %s: %w", pipeline, err)
	}
	n := &Named{asking: askingOf(cfg, store), pipeline: pipeline, epoch: epoch}
	if err := n.find(document, state); err != nil {
		return nil, fmt.Errorf("query: pipeline %s: %w", pipeline, err)
	}
	return n, nil
}

// find takes what there is to know of the state out of the plan.
func (n *Named) find(d *plan.Document, name string) error {
	var names []string
	for _, o := range d.Operators {
		if o.State == nil {
			continue
		}
		if names = append(names, o.Name); o.Name != name {
			continue
		}
		shape := o.State.Shape
		if shape == nil {
			return fmt.Errorf("%s was begun by a release that did not keep what its state looks like; ask with its program", n.epoch)
		}
		i := slices.IndexFunc(d.Stages, func(s plan.StageDocument) bool { return s.Name == o.Stages[0] })
		n.stage, n.keys, n.partition = d.Stages[i], o.State.KeyType, shape.Partition
		n.node = shape.Node(o)
		n.sharing, n.unknown = ask.Named(n.node, o.State.Type, n.keys)
		return nil
	}
	return fmt.Errorf("it has no state %q; there is %s", name, strings.Join(names, ", "))
}

// At returns the state in the window that holds an instant of event time: see State.At.
func (n *Named) At(instant time.Time) *Named {
	at := *n
	at.instant = &instant
	return &at
}

// Threshold answers whether the state of a key has reached a set: true, which is stable or final; false once that is final; or unknown.
func (n *Named) Threshold(ctx context.Context, key, set string) (Reply, error) {
	return n.once(ctx, key, answer.Question{Kind: answer.Threshold, Set: set}, 0)
}

// Await is Threshold that waits until the answer is known. It fails when ctx ends.
func (n *Named) Await(ctx context.Context, key, set string) (Reply, error) {
	for {
		wait := answer.MaxWait / 4
		if deadline, ok := ctx.Deadline(); ok {
			wait = max(0, min(wait, time.Until(deadline)))
		}
		r, err := n.once(ctx, key, answer.Question{Kind: answer.Await, Set: set}, wait)
		switch {
		case ctx.Err() != nil:
			return r, context.Cause(ctx)
		case err != nil || r.Verdict != answer.Unknown:
			return r, err
		case r.Origin == answer.OfCheckpoint: // else the worker has waited
			select {
			case <-time.After(n.every):
			case <-ctx.Done():
				return r, context.Cause(ctx)
			}
		}
	}
}

// LowerBound answers with the state, which is at least that, or final. A state that is no lower bound as it is shown, such as the balance of a
// counter that can go down, is provisional.
func (n *Named) LowerBound(ctx context.Context, key string) (Reply, error) {
	return n.once(ctx, key, answer.Question{Kind: answer.LowerBound}, 0)
}

// Final answers with a state that will not change any more, and is unknown until then.
func (n *Named) Final(ctx context.Context, key string) (Reply, error) {
	return n.once(ctx, key, answer.Question{Kind: answer.Final}, 0)
}

func (n *Named) once(ctx context.Context, key string, q answer.Question, wait time.Duration) (Reply, error) {
	encoded, err := ask.Key(n.keys, key)
	if err != nil {
		return Reply{}, fmt.Errorf("query: %w", err)
	}
	if n.instant != nil {
		q.Instant = n.instant.UnixNano()
	}
	if n.of != Checkpoints {
		r, err := n.live(ctx, key, encoded, q, wait)
		if err == nil || n.of == Workers || ctx.Err() != nil || errors.Is(err, ErrGone) || answer.Malformed(err) {
			return r, err
		}
	}
	return n.read(ctx, key, encoded, q)
}

// live asks the workers: those of each shard that may have the key, of which the others refuse.
func (n *Named) live(ctx context.Context, key string, encoded []byte, q answer.Question, wait time.Duration) (r Reply, err error) {
	request := answer.Request{Key: &key, At: n.instant, Threshold: q.Set}
	if wait > 0 {
		request.Wait = wait.String()
	}
	for _, number := range n.shards(key, encoded) {
		subject := answer.Subject(n.pipeline, n.epoch, checkpoint.ShardID{Stage: n.stage.Name, Shard: number}, n.node.Name, q.Kind)
		var full answer.Full
		if full, err = answer.Ask(ctx, n.conn, subject, request, n.patience); err == nil || !answer.Elsewhere(err) {
			r = full.Reply
			break
		}
	}
	return r, n.said(err)
}

// said says in words of the package what has gone wrong.
func (n *Named) said(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, answer.ErrGone):
		return fmt.Errorf("%w (%s)", ErrGone, n.node.Label())
	case answer.Malformed(err):
		return fmt.Errorf("query: %w", err)
	}
	return fmt.Errorf("%w: %s: %w", ErrNoWorker, n.node.Label(), err)
}

// shards returns the numbers of the shards that may have a key.
func (n *Named) shards(key string, encoded []byte) []int {
	switch n.partition {
	case plan.PartitionHash:
		return []int{plan.Partition(encoded, n.stage.Shards)}
	case plan.PartitionToken:
		return []int{plan.TokenPartition(key, n.stage.Shards)}
	}
	all := make([]int, n.stage.Shards)
	for i := range all {
		all[i] = i
	}
	return all
}

// read answers from the newest checkpoint.
func (n *Named) read(ctx context.Context, key string, encoded []byte, q answer.Question) (Reply, error) {
	shards := n.shards(key, encoded)
	switch {
	case n.sharing == nil:
		return Reply{}, fmt.Errorf("query: no worker answers, and %w", n.unknown)
	case len(shards) > 1:
		return Reply{}, fmt.Errorf("query: no worker answers, and in which shard of %s a key is its program alone knows", n.stage.Name)
	}
	if err := answer.Check(n.sharing, q.Kind, q.Set, n.instant != nil); err != nil {
		return Reply{}, fmt.Errorf("query: %w", err)
	}
	finder, err := kernel.FindKey(n.node, encoded, q.Instant)
	if err != nil {
		return Reply{}, fmt.Errorf("query: no worker answers, and %w", err)
	}
	id := checkpoint.ShardID{Stage: n.stage.Name, Shard: shards[0]}
	look := lookup.Look{Store: n.store, Shard: id, Node: n.node.ID, Finder: finder}
	found, err := look.Newest(ctx)
	if err != nil {
		return Reply{}, fmt.Errorf("query: %w", err)
	}
	r, err := answer.Decide(n.sharing, q, id, shard.Seen{Finding: found.Finding, Position: found.Position, Frontier: found.Frontier, Fresh: found.Revision == 0})
	r.Origin = answer.OfCheckpoint
	if err != nil && errors.Is(err, answer.ErrGone) {
		err = n.said(err)
	}
	return r, err
}
