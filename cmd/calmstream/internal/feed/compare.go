package feed

import (
	"context"
	"fmt"
)

// compare says whether the message at seq, which has been stored and read, is the same in both. Because
// digests are chained, the messages before it are then the same, too.
func (f *feeder) compare(ctx context.Context, seq uint64) error {
	if seq <= f.known {
		return nil
	}
	there, err := f.source.get(ctx, seq)
	if err != nil || there.digest == f.script.digests[seq-1].String() {
		return err
	}
	return f.different(ctx, seq)
}

// different looks for the first message that differs, knowing that the one at seq does.
func (f *feeder) different(ctx context.Context, seq uint64) error {
	low, high := f.known, seq // the same up to low, different from high on
	for high-low > 1 {
		middle := low + (high-low)/2
		there, err := f.source.get(ctx, middle)
		if err != nil {
			return err
		}
		if there.digest == f.script.digests[middle-1].String() {
			low = middle
		} else {
			high = middle
		}
	}
	there, err := f.source.get(ctx, high)
	if err != nil {
		return err
	}
	i := high - 1 // the index of a chunk, or the number of all of them
	switch {
	case i >= f.script.chunks:
		return f.another(fmt.Sprintf("this input ends after %d chunks, and the one that the run was started with goes on", f.script.chunks))
	case there.end:
		return f.another(fmt.Sprintf("the one that the run was started with ends after %d chunks, and this one goes on with %s", i, f.script.place(i)))
	default:
		return f.another(fmt.Sprintf("the first difference is in %s", f.script.place(i)))
	}
}

// tooLong is for a stream that goes on behind the end of the script.
func (f *feeder) tooLong(ctx context.Context, last uint64) error {
	end := uint64(len(f.script.digests))
	if err := f.compare(ctx, end); err != nil {
		return err
	}
	return f.config.unfit(fmt.Sprintf("it holds %d messages, and all of the input is %d, so that something else has published into it", last, end))
}

func (f *feeder) another(what string) error {
	return fmt.Errorf("%w: stream %s: %s; give the same input again, or use another --run name or --store", ErrDifferentInput, f.config.Stream, what)
}
