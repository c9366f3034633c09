package sinktest

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/calmstream/calmstream/sinks"
)

// checkTarget: the name of the destination is there and stays.
func checkTarget(b *bench) error {
	name := b.sink.Target()
	if name == "" {
		return errors.New("the Target is empty")
	}
	if err := b.write(b.records(0, 1)); err != nil {
		return err
	}
	if now := b.sink.Target(); now != name {
		return fmt.Errorf("the Target was %q and is now %q", name, now)
	}
	return nil
}

// checkMissing: a sink without a destination fails to open and says something.
func checkMissing(b *bench) error {
	for i, sink := range b.config.Missing {
		w, _, err := b.openSink(sink)
		if err == nil {
			return errors.Join(fmt.Errorf("the sink Missing[%d] (%T) opens", i, sink), b.closeWriter(w))
		}
		if errors.Is(err, errHangs) {
			return fmt.Errorf("the sink Missing[%d] (%T): %w", i, sink, err)
		}
	}
	return nil
}

// checkArrive: all records arrive as they were written.
func checkArrive(b *bench) error {
	records := b.records(0, 24)
	if err := b.write(records); err != nil {
		return err
	}
	return b.shows(records)
}

// checkOrder: one writer's records are shown in their order, in one batch and over several.
func checkOrder(b *bench) error {
	records := b.records(0, 5000)
	if err := b.write(records[:1], records[1:3], records[3:4900], records[4900:]); err != nil {
		return err
	}
	return b.shows(records)
}

// checkEmptyBatch: writing nothing succeeds and shows nothing.
func checkEmptyBatch(b *bench) error {
	if err := b.write(nil, []sinks.Record{}); err != nil {
		return err
	}
	return b.shows(nil)
}

// checkPayloads: payloads of every length and content come through, also when they are written again.
func checkPayloads(b *bench) error {
	odd := oddPayloads()
	records := b.records(0, len(odd))
	for i := range records {
		records[i].Payload = odd[i]
	}
	if err := b.write(records); err != nil {
		return err
	}
	if err := b.shows(records); err != nil {
		return err
	}
	if err := b.write(records); err != nil {
		return fmt.Errorf("writing the same again: %w", err)
	}
	return b.showsSet(records)
}

// checkKeys: keys of any content come through, and forge nothing.
func checkKeys(b *bench) error {
	keys := hostileKeys()
	records := b.records(0, len(keys))
	for i := range records {
		records[i].Key = keys[i]
	}
	if err := b.write(records); err != nil {
		return err
	}
	return b.shows(records)
}

// checkLentMemory: Write changes nothing in the records and keeps nothing of them.
func checkLentMemory(b *bench) error {
	lent := b.records(0, 12)
	before := clone(lent)
	w, err := b.open()
	if err != nil {
		return err
	}
	if err := b.put(w, lent); err != nil {
		return errors.Join(err, b.closeWriter(w))
	}
	for i := range lent {
		if lent[i].Path != before[i].Path {
			return fmt.Errorf("the Write changed the Path of record %q", before[i].ID)
		}
		if err := same(lent[i], before[i]); err != nil {
			return fmt.Errorf("the Write changed what it was lent: %w", err)
		}
		for j := range lent[i].Payload {
			lent[i].Payload[j] = '#'
		}
		lent[i] = sinks.Record{}
	}
	if err := b.closeWriter(w); err != nil {
		return err
	}
	if err := b.shows(before); err != nil {
		return fmt.Errorf("after the lent memory was used again: %w", err)
	}
	return nil
}

// checkAgain: the same records, written again by the same writer in other batches, show as once.
func checkAgain(b *bench) error {
	records := b.records(0, 60)
	err := b.write(records[:40], records[:40], records[20:], records[59:], records)
	if err != nil {
		return err
	}
	if b.config.Features.Durable {
		return b.shows(records)
	}
	return b.showsSet(records)
}

// checkReopen: a writer that is opened later goes on where the first stopped.
func checkReopen(b *bench) error {
	records := b.records(0, 40)
	if err := b.write(records[:30]); err != nil {
		return err
	}
	if err := b.write(records[10:]); err != nil {
		return fmt.Errorf("after Close and Open: %w", err)
	}
	if b.config.Features.Durable {
		return b.shows(records)
	}
	return b.showsSet(records)
}

// checkOwners: several writers of the same records at once are as good as one.
func checkOwners(b *bench) error {
	records := b.records(0, 600)
	reversed := clone(records)
	slices.Reverse(reversed)
	batches := [][]sinks.Record{records, records, reversed}
	writers := make([]sinks.Writer, len(batches))
	for i := range writers {
		w, err := b.open()
		if err != nil {
			return err
		}
		writers[i] = w
	}
	ended := make(chan error, len(writers))
	for i, w := range writers {
		go func() {
			for batch := range slices.Chunk(batches[i], 200) {
				if err := b.insist(w, batch); err != nil {
					ended <- err
					return
				}
			}
			ended <- nil
		}()
	}
	var all []error
	for range writers {
		all = append(all, <-ended)
	}
	for _, w := range writers {
		all = append(all, b.closeWriter(w))
	}
	if err := errors.Join(all...); err != nil {
		return err
	}
	return b.showsSet(records)
}

// checkCancelled: a context that has ended is obeyed, and does no harm to what follows.
func checkCancelled(b *bench) error {
	records := b.records(0, 100)
	w, err := b.open()
	if err != nil {
		return err
	}
	ended, cancel := context.WithCancel(context.Background())
	cancel()
	err = b.within("Write", func(context.Context) error { return w.Write(ended, records) })
	switch {
	case err == nil:
		return errors.New("a Write with a context that has ended returned nil")
	case errors.Is(err, sinks.ErrPermanent):
		return fmt.Errorf("a Write with a context that has ended returned a permanent error: %w", err)
	case !errors.Is(err, context.Canceled):
		return fmt.Errorf("a Write with a context that has ended does not say so: %w", err)
	}
	if err := b.put(w, records); err != nil {
		return fmt.Errorf("after a cancelled Write: %w", err)
	}
	if err := b.closeWriter(w); err != nil {
		return err
	}
	return b.showsSet(records)
}

// checkClosedConnection: without a connection, Write fails and both Write and Close return.
func checkClosedConnection(b *bench) error {
	w, conn, err := b.openSink(b.sink)
	if err != nil {
		return err
	}
	conn.Close()
	switch err := b.put(w, b.records(0, 10)); {
	case err == nil:
		return errors.New("a Write over a closed connection returned nil")
	case errors.Is(err, errHangs):
		return err
	case errors.Is(err, context.DeadlineExceeded):
		return fmt.Errorf("a Write over a closed connection waits for its context: %w", err)
	}
	if err := b.closeWriter(w); errors.Is(err, errHangs) {
		return err
	}
	return b.shows(nil)
}
