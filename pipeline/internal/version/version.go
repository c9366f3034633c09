// Package version knows which versions of a pipeline there are, and which of them readers are sent to.
//
// Each version has an epoch of its own in the bucket. What its plan was is kept there, in the run record "plan" (the JSON of a
// plan.Document), since a later version has nothing else to compare itself with. The key "active" of the bucket holds the epoch whose results
// readers show; a switch is one compare-and-set of it.
package version

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/nats-io/nats.go"

	"github.com/calmstream/calmstream/internal/plan"
	"github.com/calmstream/calmstream/pipeline/internal/checkpoint/jetstore"
)

// PlanKey is the run record with the plan of an epoch.
const PlanKey = "plan"

// ErrUnknown is returned for an epoch that has not run there.
var ErrUnknown = errors.New("no version of that epoch has run there")

// Version is one version of a pipeline.
type Version struct {
	Epoch string `json:"epoch"`
	// Active says that readers are sent to it.
	Active bool `json:"active"`
	// From is the epoch whose state it went on from, "" if it began anew.
	From string `json:"from,omitempty"`
	// Document is its plan; nil if a release has begun it that did not keep plans, and none has run it since.
	Document *plan.Document `json:"document,omitempty"`
}

// Record keeps the plan of the store's epoch, and sends readers to it if they are sent nowhere yet: to the version that runs first.
func Record(ctx context.Context, store *jetstore.Store, p *plan.Plan) error {
	document, err := json.Marshal(p.Document())
	if err != nil {
		return fmt.Errorf("version: %w", err)
	}
	if _, _, err := store.CreateOnce(ctx, PlanKey, document); err != nil {
		return err
	}
	active, _, err := store.Active(ctx)
	if err != nil || active != "" {
		return err
	}
	if err := store.Activate(ctx, p.Epoch(), 0); err != nil && !errors.Is(err, jetstore.ErrMoved) {
		return err
	}
	return nil
}

// Plan returns the plan of the store's epoch, nil if it was not kept.
func Plan(ctx context.Context, store *jetstore.Store) (*plan.Document, error) {
	data, found, err := store.ReadOnce(ctx, PlanKey)
	if err != nil || !found {
		return nil, err
	}
	d := new(plan.Document)
	if err := json.Unmarshal(data, d); err != nil {
		return nil, fmt.Errorf("version: the run record %s is damaged: %w", PlanKey, err)
	}
	return d, nil
}

// from returns the epoch that the store's epoch went on from, which stands in its start record.
func from(ctx context.Context, store *jetstore.Store) (string, error) {
	data, found, err := store.ReadOnce(ctx, "start")
	if err != nil || !found {
		return "", err
	}
	var start struct {
		From struct {
			Epoch string `json:"epoch"`
		} `json:"from"`
	}
	if err := json.Unmarshal(data, &start); err != nil {
		return "", fmt.Errorf("version: the start record is damaged: %w", err)
	}
	return start.From.Epoch, nil
}

// List returns the versions of a pipeline in the order of their epochs.
func List(ctx context.Context, conn *nats.Conn, pipeline string) ([]Version, error) {
	epochs, err := jetstore.Epochs(ctx, conn, pipeline)
	if err != nil {
		return nil, err
	}
	var all []Version
	for _, epoch := range epochs {
		store, err := jetstore.Open(ctx, jetstore.Config{Conn: conn, Pipeline: pipeline, Epoch: epoch})
		if err != nil {
			return nil, err
		}
		v := Version{Epoch: epoch}
		active, _, err := store.Active(ctx)
		v.Active = active == epoch
		if err == nil {
			v.Document, err = Plan(ctx, store)
		}
		if err == nil {
			v.From, err = from(ctx, store)
		}
		if err != nil {
			return nil, err
		}
		all = append(all, v)
	}
	return all, nil
}

// Active returns the epoch that readers are sent to, "" if that was never said.
func Active(ctx context.Context, conn *nats.Conn, pipeline string) (string, error) {
	_, active, _, err := pointer(ctx, conn, pipeline)
	return active, err
}

// Activate sends readers to an epoch and returns where they were sent before.
func Activate(ctx context.Context, conn *nats.Conn, pipeline, epoch string) (before string, err error) {
	epochs, before, revision, err := pointer(ctx, conn, pipeline)
	switch {
	case err != nil:
		return "", err
	case !slices.Contains(epochs, epoch):
		return "", fmt.Errorf("version: %w: %q; there is %s", ErrUnknown, epoch, strings.Join(epochs, ", "))
	case before == epoch:
		return before, nil
	}
	store, err := jetstore.Open(ctx, jetstore.Config{Conn: conn, Pipeline: pipeline, Epoch: epoch})
	if err != nil {
		return "", err
	}
	return before, store.Activate(ctx, epoch, revision)
}

// pointer returns the epochs of a pipeline and where its readers are sent. It makes nothing.
func pointer(ctx context.Context, conn *nats.Conn, pipeline string) (epochs []string, active string, revision uint64, err error) {
	epochs, err = jetstore.Epochs(ctx, conn, pipeline)
	if err != nil || len(epochs) == 0 {
		return nil, "", 0, err
	}
	store, err := jetstore.Open(ctx, jetstore.Config{Conn: conn, Pipeline: pipeline, Epoch: epochs[0]})
	if err != nil {
		return nil, "", 0, err
	}
	active, revision, err = store.Active(ctx)
	return epochs, active, revision, err
}
