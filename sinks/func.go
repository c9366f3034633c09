package sinks

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
)

// Func hands each result to a function: the way out to whatever is not NATS.
//
// Delivery is at least once: a result comes again when the write that held it failed at a later
// record, when a worker starts again from its checkpoint, and from every owner of the same shard.
// The content is always the same for the same ID, so Do must be idempotent by Record.ID, for example by an
// upsert on it.
type Func struct {
	// Name names the destination in the plan and in errors. It is required.
	Name string
	// Do stores one record and returns nil only when that is durable. The record and its payload
	// are valid only during the call. Each shard calls Do for its records in order; several
	// shards call it at once. An error that wraps ErrPermanent stops the shard, any other one makes
	// the engine write again. A panic is caught and becomes an error that wraps ErrPermanent. It is required.
	Do func(ctx context.Context, record Record) error
}

// Target returns "func " and the name.
func (f Func) Target() string { return "func " + f.Name }

// Open fails if a field is missing.
func (f Func) Open(_ context.Context, _ Env) (Writer, error) {
	if f.Name == "" {
		return nil, errors.New("sinks: Func has no Name: set it, it stands in the plan and in errors")
	}
	if f.Do == nil {
		return nil, fmt.Errorf("sinks: %s has no Do: set the function that stores a record", f.Target())
	}
	return &funcWriter{sink: f}, nil
}

type funcWriter struct {
	sink   Func
	closed bool
}

func (w *funcWriter) Write(ctx context.Context, records []Record) error {
	if w.closed {
		return closedError(w.sink.Target())
	}
	for i := range records {
		if err := ctx.Err(); err != nil {
			return fmt.Errorf("sinks: %s: stopped before record %q: %w", w.sink.Target(), records[i].ID, err)
		}
		if err := w.do(ctx, &records[i]); err != nil {
			return err
		}
	}
	return nil
}

// do calls the function for one record and turns a panic into a permanent error: the same record
// would only panic again.
func (w *funcWriter) do(ctx context.Context, record *Record) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = permanent("sinks: %s: Do panicked on record %q: %v\n%s", w.sink.Target(), record.ID, p, debug.Stack())
		}
	}()
	if err := w.sink.Do(ctx, *record); err != nil {
		return fmt.Errorf("sinks: %s: record %q: %w", w.sink.Target(), record.ID, err)
	}
	return nil
}

func (w *funcWriter) Close() error {
	w.closed = true
	return nil
}

// closedError is what Write returns after Close.
func closedError(target string) error {
	return fmt.Errorf("sinks: %s: the writer is closed: open the sink again", target)
}
