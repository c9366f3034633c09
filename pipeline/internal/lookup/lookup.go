package lookup

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/calmstream/calmstream/internal/plan"
	"github.com/calmstream/calmstream/internal/plan/kernel"
	"github.com/calmstream/calmstream/pipeline/internal/checkpoint"
	"github.com/calmstream/calmstream/pipeline/internal/checkpoint/jetstore"
	"github.com/calmstream/calmstream/pipeline/internal/shard"
	"github.com/calmstream/calmstream/pipeline/internal/version"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// ErrNotRun is returned if the pipeline has not run on the server in the version that is asked for.
var ErrNotRun = errors.New("it has not run there in this version, so that there is nothing to ask")

// Open returns the checkpoints of a pipeline. Unlike a worker it makes nothing on the server.
func Open(ctx context.Context, conn *nats.Conn, p *plan.Plan) (checkpoint.Store, error) {
	epoch, err := activeEpoch(ctx, conn, p)
	if err != nil {
		return nil, err
	}
	return jetstore.Open(ctx, jetstore.Config{Conn: conn, Pipeline: p.Graph.Name, Epoch: epoch})
}

// activeEpoch says in which epoch the state of this version of a pipeline is. It is the only one who knows.
func activeEpoch(ctx context.Context, conn *nats.Conn, p *plan.Plan) (string, error) {
	epochs, err := jetstore.Epochs(ctx, conn, p.Graph.Name)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		return "", fmt.Errorf("%w: there is no bucket calm_%s", ErrNotRun, p.Graph.Name)
	}
	if err != nil {
		return "", err
	}
	if epoch := p.Epoch(); slices.Contains(epochs, epoch) {
		return epoch, nil
	}
	return "", fmt.Errorf("%w: its epoch is %s, and there is %s", ErrNotRun, p.Epoch(), strings.Join(append(epochs, "nothing else"), " and "))
}

// OpenNamed returns the checkpoints and the plan of a version of a pipeline: of the one with an epoch, or of the active one if epoch is empty. It makes
// nothing on the server.
func OpenNamed(ctx context.Context, conn *nats.Conn, pipeline, epoch string) (checkpoint.Store, string, *plan.Document, error) {
	if !plan.ValidName(pipeline) {
		return nil, "", nil, fmt.Errorf("the name %q of a pipeline must be 1 to 64 letters, digits, '-' or '_'", pipeline)
	}
	epochs, err := jetstore.Epochs(ctx, conn, pipeline)
	if err == nil && epoch == "" {
		epoch, err = version.Active(ctx, conn, pipeline)
	}
	switch {
	case errors.Is(err, jetstream.ErrStreamNotFound):
		return nil, "", nil, fmt.Errorf("%w: there is no bucket calm_%s", ErrNotRun, pipeline)
	case err != nil:
		return nil, "", nil, err
	case !slices.Contains(epochs, epoch):
		return nil, "", nil, fmt.Errorf("%w: the epoch is %q, and there is %s", ErrNotRun, epoch, strings.Join(append(epochs, "nothing else"), " and "))
	}
	store, err := jetstore.Open(ctx, jetstore.Config{Conn: conn, Pipeline: pipeline, Epoch: epoch})
	if err != nil {
		return nil, "", nil, err
	}
	document, err := version.Plan(ctx, store)
	if err == nil && document == nil {
		err = fmt.Errorf("the plan of %s was not kept; ask with its program", epoch)
	}
	return store, epoch, document, err
}

// ShardOf returns the shard that has the state of a key of a fold.
func ShardOf[K plan.Key](p *plan.Plan, fold *plan.Node, key K) (checkpoint.ShardID, error) {
	stage, number, err := kernel.ShardOf(p, fold, key)
	return checkpoint.ShardID{Stage: stage.Name, Shard: number}, err
}

// Seen is what a checkpoint says.
type Seen struct {
	plan.Finding
	// Revision is that of the checkpoint; 0 if there is none yet.
	Revision uint64
	Position checkpoint.Position
	// Frontier is how far the input of the shard was complete.
	Frontier int64
}

// Look looks for the state of one key again and again. One goroutine uses it.
type Look struct {
	Store  checkpoint.Store
	Shard  checkpoint.ShardID
	Node   int
	Finder *kernel.Finder

	last Seen
	said map[string]plan.Finding // by segment
}

// Newest returns what the newest checkpoint says. It never goes back.
func (l *Look) Newest(ctx context.Context) (Seen, error) {
	for tried := uint64(0); ; {
		loaded, err := l.Store.Load(ctx, l.Shard)
		if errors.Is(err, checkpoint.ErrNone) {
			return Seen{Frontier: plan.Beginning}, nil
		}
		if err != nil {
			return Seen{}, err
		}
		if loaded.Revision == l.last.Revision {
			return l.last, nil
		}
		seen, err := l.read(ctx, loaded)
		if err == nil {
			l.last = seen
			return seen, nil
		}
		if !errors.Is(err, checkpoint.ErrSegmentGone) || loaded.Revision == tried {
			return Seen{}, fmt.Errorf("checkpoint of %s at %d: %w", l.Shard, loaded.Fence.Position.Seq, err)
		}
		tried = loaded.Revision // a newer one has replaced it meanwhile
	}
}

func (l *Look) read(ctx context.Context, loaded checkpoint.Loaded) (Seen, error) {
	f := loaded.Fence
	frontier, err := shard.FrontierOf(f.Meta)
	if err != nil {
		return Seen{}, err
	}
	seen := Seen{Revision: loaded.Revision, Position: f.Position, Frontier: frontier}
	said := make(map[string]plan.Finding, len(f.Segments))
	for _, ref := range slices.Backward(f.Segments) {
		found, known := l.said[ref.ID]
		if !known {
			if found, err = l.segment(ctx, ref); err != nil {
				return Seen{}, err
			}
		}
		said[ref.ID] = found
		if seen.Finding = found; found.Known || ref.Base {
			break
		}
	}
	l.said = said
	return seen, nil
}

func (l *Look) segment(ctx context.Context, ref checkpoint.SegmentRef) (plan.Finding, error) {
	err := l.Store.Read(ctx, l.Shard, ref, func(chunk []byte) error {
		return shard.EntriesOf(chunk, l.Node, l.Finder.See)
	})
	return l.Finder.Take(), err
}
