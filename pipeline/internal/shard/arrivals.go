package shard

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"strings"

	"github.com/calmstream/calmstream/internal/plan"
	"github.com/calmstream/calmstream/pipeline/internal/checkpoint"
)

// A version that goes on from another one is given what was on its way between the other's shards. For the shard that it was on its way to it is the beginning of
// its log, and stands in segments of its checkpoint that are no state. Their IDs begin with arrivalsPrefix, and their entries are
//
//	uvarint arrivalsNumber, uvarint sequence, byte 1 if the next entry has more of the envelope and else 0, envelope or a part of it
//
// in the order of the sequences, none of which is in the log itself. The last one has no envelope: behind its sequence begins the log.
const (
	arrivalsPrefix = "way-"
	arrivalsNumber = math.MaxInt32 - 1
	// maxArrival is how much of an envelope is in one entry. There are envelopes that are larger than an entry can be.
	maxArrival = checkpoint.MaxEntry / 2
)

// arrivals is the log of a shard whose checkpoint has the beginning of it.
type arrivals struct {
	Log  // what follows, nil until everything else has been returned
	env  *Env
	refs []checkpoint.SegmentRef
	// at is the position, end that behind which the log begins; 0 while it is not known.
	at, end uint64
	part    []byte // of the envelope that is being put together
}

// IsArrivals reports whether a segment holds what was on its way to the shard, and not its state.
func IsArrivals(ref checkpoint.SegmentRef) bool { return strings.HasPrefix(ref.ID, arrivalsPrefix) }

// AddArrival adds an envelope to such a segment, or its end if the envelope is empty.
func AddArrival(w *checkpoint.SegmentWriter, seq uint64, envelope []byte) error {
	for more := byte(1); more == 1; {
		n := min(len(envelope), maxArrival)
		if n == len(envelope) {
			more = 0
		}
		b := binary.AppendUvarint(make([]byte, 0, n+4*binary.MaxVarintLen32), arrivalsNumber)
		b = append(binary.AppendUvarint(b, seq), more)
		if err := w.Add(append(b, envelope[:n]...)); err != nil {
			return err
		}
		envelope = envelope[n:]
	}
	return nil
}

// ArrivalsID names such a segment. Segments of one mark are read in the order in which a checkpoint names them.
func ArrivalsID(mark string, number int) string {
	return fmt.Sprintf("%s%s-%d", arrivalsPrefix, mark, number)
}

// divide tells the segments with the beginning of the log from those of the state.
func divide(segments []checkpoint.SegmentRef) (arriving, state []checkpoint.SegmentRef) {
	for _, ref := range segments {
		if IsArrivals(ref) {
			arriving = append(arriving, ref)
		} else {
			state = append(state, ref)
		}
	}
	return arriving, state
}

// openLog opens the log behind the position.
func (s *session) openLog(ctx context.Context) (Log, error) {
	if arriving, _ := divide(s.fence.Fence.Segments); len(arriving) > 0 {
		return &arrivals{env: s.env, refs: arriving, at: s.position.Seq}, nil
	}
	return s.env.OpenLog(ctx, s.position)
}

// arrived reports whether the position is behind everything that the segments of arrivals hold.
func (s *session) arrived() bool {
	a, is := s.log.(*arrivals)
	return !is || a.end > 0 && s.position.Seq >= a.end
}

// Next implements Log. It returns what one segment holds, all at once: what the last one says to be complete belongs to one position.
func (a *arrivals) Next(ctx context.Context, wake <-chan struct{}, buf []plan.Message) (_ []plan.Message, err error) {
	buf = buf[:0]
	for len(a.refs) > 0 && len(buf) == 0 {
		err := a.env.Store.Read(ctx, a.env.ID, a.refs[0], func(chunk []byte) error {
			return checkpoint.Entries(chunk, func(entry []byte) error { return a.take(entry, &buf) })
		})
		if errors.Is(err, checkpoint.ErrSegmentGone) {
			err = fmt.Errorf("%w: %w", ErrTruncated, err) // another owner has come further
		}
		if err != nil {
			return nil, fmt.Errorf("what was on its way to the shard when its version began cannot be read: %w", err)
		}
		a.refs = a.refs[1:]
	}
	if len(buf) > 0 {
		a.at = buf[len(buf)-1].Seq
		return buf, nil
	}
	if a.Log == nil {
		if a.end == 0 {
			return nil, fmt.Errorf("%w: what was on its way to the shard has no end", errState)
		}
		a.at = max(a.at, a.end)
		if a.Log, err = a.env.OpenLog(ctx, checkpoint.Position{Incarnation: a.env.Start.Incarnation, Seq: a.at}); err != nil {
			return nil, err
		}
		return buf, nil // the position may have moved
	}
	return a.Log.Next(ctx, wake, buf)
}

func (a *arrivals) take(entry []byte, to *[]plan.Message) error {
	number, n := binary.Uvarint(entry)
	if n <= 0 || number != arrivalsNumber {
		return errState
	}
	seq, m := binary.Uvarint(entry[n:])
	if m <= 0 || len(entry) == n+m {
		return errState
	}
	more, envelope := entry[n+m], entry[n+m+1:]
	if more > 0 || len(a.part) > 0 {
		a.part = append(a.part, envelope...)
		if more > 0 {
			return nil
		}
		envelope, a.part = a.part, nil
	}
	switch {
	case len(envelope) == 0:
		a.end = seq
	case seq > a.at:
		*to = append(*to, plan.Message{Subject: "from the version before", Seq: seq, Data: envelope})
	}
	return nil
}

// Position implements Log.
func (a *arrivals) Position() uint64 {
	if a.Log == nil {
		return a.at
	}
	return a.Log.Position()
}

// Lag implements Log.
func (a *arrivals) Lag() uint64 {
	if a.Log == nil {
		return uint64(len(a.refs)) + 1
	}
	return a.Log.Lag()
}

// Verify implements Log. What is in segments is checked when it is read.
func (a *arrivals) Verify(ctx context.Context, from uint64) error {
	if a.Log == nil {
		return nil
	}
	return a.Log.Verify(ctx, max(from, a.end))
}

// Close implements Log.
func (a *arrivals) Close() error {
	if a.Log == nil {
		return nil
	}
	return a.Log.Close()
}
