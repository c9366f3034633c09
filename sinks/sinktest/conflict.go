package sinktest

import (
	"errors"
	"fmt"

	"github.com/calmstream/calmstream/sinks"
)

// checkConflict: another result on the path of one that is stored is refused, and nothing changes.
func checkConflict(b *bench) error {
	stored := b.withPaths(0, 8)
	if err := b.write(stored); err != nil {
		return err
	}
	for _, change := range []struct {
		what string
		make func(*sinks.Record)
	}{
		{"another payload", func(r *sinks.Record) { r.Payload = append([]byte("not "), r.Payload...) }},
		{"an empty payload", func(r *sinks.Record) { r.Payload = nil }},
		{"another ID", func(r *sinks.Record) { r.ID += "/other" }},
		{"another ID and payload", func(r *sinks.Record) { r.ID += "/other"; r.Payload = []byte("other") }},
	} {
		other := clone(stored[3:4])
		change.make(&other[0])
		err := b.write(other)
		if err := isConflict(err); err != nil {
			return fmt.Errorf("%s on a path that is taken: %w", change.what, err)
		}
		if err := b.shows(stored); err != nil {
			return fmt.Errorf("%s on a path that is taken changed the destination: %w", change.what, err)
		}
	}
	return b.usableAfterConflict(stored)
}

// usableAfterConflict: a writer that has refused a result takes others.
func (b *bench) usableAfterConflict(stored []sinks.Record) error {
	w, err := b.open()
	if err != nil {
		return err
	}
	other := clone(stored[:1])
	other[0].Payload = []byte("other")
	if err := isConflict(b.put(w, other)); err != nil {
		return err
	}
	more := b.withPaths(len(stored), 8)
	if err := b.put(w, more); err != nil {
		return fmt.Errorf("after a conflict: %w", err)
	}
	if err := b.closeWriter(w); err != nil {
		return err
	}
	return b.shows(append(clone(stored), more...))
}

// checkRace: of two different results written at once on one path, one stands and the other is refused.
func checkRace(b *bench) error {
	const rounds = 50
	ours := b.withPaths(0, rounds)
	theirs := clone(ours)
	for i := range theirs {
		theirs[i].Payload = append([]byte("not "), theirs[i].Payload...)
	}
	first, err := b.open()
	if err != nil {
		return err
	}
	second, err := b.open()
	if err != nil {
		return err
	}
	stand := make([]sinks.Record, 0, rounds)
	for i := range ours {
		refused := make(chan error, 1)
		go func() { refused <- b.insist(second, theirs[i:i+1]) }()
		errOurs := b.insist(first, ours[i:i+1])
		errTheirs := <-refused
		switch {
		case errOurs == nil && errTheirs == nil:
			return fmt.Errorf("both results for path %q were accepted", ours[i].Path)
		case errOurs == nil:
			stand, err = append(stand, ours[i]), isConflict(errTheirs)
		default:
			stand, err = append(stand, theirs[i]), errors.Join(isConflict(errOurs), errTheirs)
		}
		if err != nil {
			return err
		}
	}
	if err := errors.Join(b.closeWriter(first), b.closeWriter(second)); err != nil {
		return err
	}
	return b.shows(stand)
}

// checkNeedsPath: a record without a path is refused for good, and nothing of it is stored.
func checkNeedsPath(b *bench) error {
	record := b.records(0, 1)
	record[0].Path = ""
	switch err := b.write(record); {
	case err == nil:
		return errors.New("a record without a Path was accepted")
	case !errors.Is(err, sinks.ErrPermanent):
		return fmt.Errorf("the error for a record without a Path does not wrap sinks.ErrPermanent: %w", err)
	}
	return b.shows(nil)
}

// withPaths returns records that all have a path.
func (b *bench) withPaths(first, n int) []sinks.Record {
	records := b.records(first, n)
	for i := range records {
		records[i].Path = fmt.Sprintf("e1.global.k%d", first+i)
	}
	return records
}

// isConflict tells what is wrong with the error for a conflict.
func isConflict(err error) error {
	switch {
	case err == nil:
		return errors.New("it was accepted")
	case !errors.Is(err, sinks.ErrConflict):
		return fmt.Errorf("the error does not wrap sinks.ErrConflict: %w", err)
	case !errors.Is(err, sinks.ErrPermanent):
		return fmt.Errorf("the error does not wrap sinks.ErrPermanent: %w", err)
	}
	return nil
}
