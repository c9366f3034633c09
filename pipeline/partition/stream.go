package partition

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/nats-io/nats.go/jetstream"
)

// ErrLayout is wrapped by the error about a stream that exists and is not partitioned as the layout says.
var ErrLayout = errors.New("partition: the stream is partitioned in another way")

// Create makes a stream that takes messages on l.Subject and stores them by partition. Of cfg, Subjects may be empty, and
// SubjectTransform must be. If the stream exists it is left as it is, and must have this layout: if not, the error wraps
// ErrLayout.
func Create(ctx context.Context, js jetstream.JetStream, cfg jetstream.StreamConfig, l Layout) (jetstream.Stream, error) {
	if err := l.Err(); err != nil {
		return nil, err
	}
	if cfg.SubjectTransform != nil {
		return nil, fmt.Errorf("partition: stream %q: SubjectTransform must be empty: the layout is the transform", cfg.Name)
	}
	if len(cfg.Subjects) == 0 {
		cfg.Subjects = []string{l.Subject}
	}
	transform := l.transform()
	cfg.SubjectTransform = &transform
	return establish(ctx, js, cfg, l)
}

// Copy makes a stream that copies another one, which may belong to others and stays as it is, and stores the copies by partition. The
// server keeps it up to date. Of cfg, Subjects, Sources, Mirror and SubjectTransform must be empty. Messages of the other stream on subjects
// that do not match l.Subject are not copied. If the copy exists it is left as it is, and must have this layout and
// this origin: if not, the error wraps ErrLayout.
//
// Copies have sequences and store times of their own. A message that the origin drops before it was copied is lost without a gap
// in the copy, so that the origin should keep messages for longer than any outage.
func Copy(ctx context.Context, js jetstream.JetStream, origin string, cfg jetstream.StreamConfig, l Layout) (jetstream.Stream, error) {
	if err := l.Err(); err != nil {
		return nil, err
	}
	if len(cfg.Subjects) > 0 || len(cfg.Sources) > 0 || cfg.Mirror != nil || cfg.SubjectTransform != nil {
		return nil, fmt.Errorf("partition: stream %q: Subjects, Sources, Mirror and SubjectTransform must be empty: a copy takes nothing but the origin", cfg.Name)
	}
	if origin == cfg.Name {
		return nil, fmt.Errorf("partition: stream %q cannot be a copy of itself", origin)
	}
	cfg.Sources = []*jetstream.StreamSource{{Name: origin, SubjectTransforms: []jetstream.SubjectTransformConfig{l.transform()}}}
	s, err := establish(ctx, js, cfg, l)
	if err != nil {
		return nil, err
	}
	if sources := s.CachedInfo().Config.Sources; len(sources) != 1 || sources[0].Name != origin {
		return nil, fmt.Errorf("%w: %q is no copy of %q alone; take another name for the copy", ErrLayout, cfg.Name, origin)
	}
	return s, nil
}

// establish makes a stream, or takes the one that exists if it has the layout.
func establish(ctx context.Context, js jetstream.JetStream, cfg jetstream.StreamConfig, l Layout) (jetstream.Stream, error) {
	s, err := js.CreateStream(ctx, cfg)
	if errors.Is(err, jetstream.ErrStreamNameAlreadyInUse) {
		s, err = js.Stream(ctx, cfg.Name)
	}
	if err != nil {
		return nil, fmt.Errorf("partition: stream %q cannot be made: %w", cfg.Name, err)
	}
	return s, l.Check(s.CachedInfo().Config)
}

// Check returns an error that wraps ErrLayout if a stream does not store messages as the layout says.
func (l Layout) Check(cfg jetstream.StreamConfig) error {
	if err := l.Err(); err != nil {
		return err
	}
	want := l.transform()
	var found []jetstream.SubjectTransformConfig
	if cfg.SubjectTransform != nil {
		found = append(found, *cfg.SubjectTransform)
	}
	for _, s := range cfg.Sources {
		found = append(found, s.SubjectTransforms...)
	}
	if slices.Contains(found, want) {
		return nil
	}
	if len(found) == 0 {
		return fmt.Errorf("%w: %q has no subject transform, and the layout is %q to %q; make it with partition.Create, or a copy of it with partition.Copy", ErrLayout, cfg.Name, want.Source, want.Destination)
	}
	return fmt.Errorf("%w: %q has %q to %q, and the layout is %q to %q; take the layout of the stream, or a new stream: older messages stay where they are when a transform is changed",
		ErrLayout, cfg.Name, found[0].Source, found[0].Destination, want.Source, want.Destination)
}
