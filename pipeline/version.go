package pipeline

import (
	"context"
	"errors"

	"github.com/calmstream/calmstream/pipeline/internal/checkpoint/jetstore"
	"github.com/calmstream/calmstream/pipeline/internal/fork"
	"github.com/calmstream/calmstream/pipeline/internal/version"
	"github.com/nats-io/nats.go"
)

// Version is one version of a pipeline that has run on a server. Two versions run beside each other without meeting: each has checkpoints, records
// between its stages and paths of results of its own, all of which begin with its epoch.
type Version = version.Version

var (
	// ErrVersionUnknown is wrapped by the error of ActivateVersion if no version of that epoch has run there.
	ErrVersionUnknown = version.ErrUnknown
	// ErrVersionRefused is wrapped by the error of Run if a new version has states that it cannot take over from the active one.
	ErrVersionRefused = fork.ErrRefused
	// ErrVersionMoved is wrapped by it if somebody else has activated another version meanwhile.
	ErrVersionMoved = jetstore.ErrMoved
)

// Versions returns the versions of a pipeline that have run on a server, in the order of their epochs. The error wraps
// jetstream.ErrStreamNotFound if none has.
func Versions(ctx context.Context, conn *nats.Conn, pipeline string) ([]Version, error) {
	if conn == nil {
		return nil, errors.New("pipeline: Versions needs a connection")
	}
	return version.List(ctx, conn, pipeline)
}

// ActiveVersion returns the epoch of the version whose results readers should show: the first one that has run, until ActivateVersion names another.
// It is the first token of the paths of results. It is the value of the key "active" in the bucket calm_<pipeline>, where it can be watched.
func ActiveVersion(ctx context.Context, conn *nats.Conn, pipeline string) (epoch string, err error) {
	if conn == nil {
		return "", errors.New("pipeline: ActiveVersion needs a connection")
	}
	return version.Active(ctx, conn, pipeline)
}

// ActivateVersion sends readers to another version, in one step, and returns the epoch of the one before. Neither version notices: both go on
// for as long as they are run, so that the step can be taken back.
func ActivateVersion(ctx context.Context, conn *nats.Conn, pipeline, epoch string) (before string, err error) {
	if conn == nil {
		return "", errors.New("pipeline: ActivateVersion needs a connection")
	}
	return version.Activate(ctx, conn, pipeline, epoch)
}
