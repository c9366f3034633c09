package pipeline

import (
	"context"
	"errors"
	"io"
	"log/slog"

	"github.com/calmstream/calmstream/pipeline/internal/savepoint"
	"github.com/nats-io/nats.go"
)

// Savepoint says what a savepoint holds.
type Savepoint = savepoint.Summary

// SavepointDamagedError says which bytes of a savepoint are not what was written. It wraps ErrSavepointDamaged.
type SavepointDamagedError = savepoint.DamagedError

var (
	// ErrSavepointDamaged is wrapped by the error of ImportSavepoint if the file is not whole.
	ErrSavepointDamaged = savepoint.ErrDamaged
	// ErrSavepointTaken is wrapped by it if the pipeline has begun on that server already.
	ErrSavepointTaken = savepoint.ErrTaken
	// ErrSavepointInput is wrapped by it if an input on that server is not what the pipeline has read.
	ErrSavepointInput = savepoint.ErrOther
)

// ExportSavepoint writes the newest checkpoints of a pipeline to w: the state and position of each shard, the records between its stages, and
// what it began with. The input and the results are not in it. Epoch is the version of the pipeline, "e" and its Fingerprint; it may be
// empty if only one has run on the server.
//
// The pipeline may run meanwhile. What a shard has done behind its checkpoint is not in the savepoint and is done again by whoever goes on from it:
// stop the pipeline first if nothing shall be done twice. Memory is bounded by the greatest message; time is proportional to the state.
func ExportSavepoint(ctx context.Context, conn *nats.Conn, pipeline, epoch string, w io.Writer) (Savepoint, error) {
	if conn == nil {
		return Savepoint{}, errors.New("pipeline: ExportSavepoint needs a connection")
	}
	return savepoint.Export(ctx, conn, pipeline, epoch, w)
}

// ImportConfig says how a savepoint is imported. Only Conn is required.
type ImportConfig struct {
	Conn *nats.Conn
	// Rebase accepts input streams that are copies of those that the pipeline has read: mirrors, or streams restored from a backup. A copy has another
	// creation time, and must have the same messages at the same sequences and store times; that it has is shown by the last message that
	// each shard has read. Results that are emitted behind the savepoint and are not final have other identities than before. Without Rebase
	// only the same streams will do.
	Rebase bool
	// Replicas is how many servers keep what is made; 0 means 1.
	Replicas int
	// Logger is told what happens; nil means slog.Default().
	Logger *slog.Logger
}

// ImportSavepoint reads a savepoint from r and stores it on a server on which its pipeline has not run in that version. The next Run there
// goes on from it. The last step makes all of it visible at once; if it fails before, what was stored is removed.
//
// It fails with ErrSavepointTaken if the pipeline has begun there, with a SavepointDamagedError if the file is damaged, and with ErrSavepointInput if
// an input there does not hold what the positions need. Memory is bounded by the greatest message.
func ImportSavepoint(ctx context.Context, r io.Reader, cfg ImportConfig) (Savepoint, error) {
	if cfg.Conn == nil {
		return Savepoint{}, errors.New("pipeline: ImportConfig.Conn is nil; connect with nats.Connect first")
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.Default()
	}
	return savepoint.Import(ctx, cfg.Conn, r, savepoint.Options{Rebase: cfg.Rebase, Replicas: cfg.Replicas, Logger: cfg.Logger})
}
