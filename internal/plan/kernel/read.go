package kernel

import (
	"errors"
	"fmt"
	"time"

	"github.com/calmstream/calmstream/internal/plan"
)

// reader is the kernel of Read: it decodes messages and gives records their event time.
type reader[T any] struct {
	guard
	decode func(*plan.Message) (T, error)
	time   func(T) time.Time
	ahead  int64
	// complete, if not nil, says up to when the input is complete behind a message. Else it is the latest record's time,
	// unless producers say so: then voted is set.
	complete func(*plan.Message) time.Time
	voted    bool
	// cuts says that the time of a record is the number of the cuts before it.
	cuts bool
	out  outlet[T]
}

// Reading says how messages become records.
type Reading[T any] struct {
	// Decode makes a record of a message; ErrNoRecord says that it is none.
	Decode func(*plan.Message) (T, error)
	// Time is the event time of a record; if it is nil, that is the time at which the message was stored.
	Time func(T) time.Time
	// Ahead is how far event times may lie beyond the store's: one such record would close every window before it.
	Ahead time.Duration
	// Complete says behind a message before which time the input is complete. If it is nil, records say so by their own time.
	Complete func(*plan.Message) time.Time
}

// ErrNoRecord is returned by decoders for messages that are no records, and are not meant to be.
var ErrNoRecord = errors.New("the message is no record")

// Read decodes messages.
func Read[T any](n *plan.Node, rt *plan.Runtime, down []plan.Operator, r Reading[T]) (plan.Operator, error) {
	out, err := newOutlet[T](n, down)
	return &reader[T]{guard: guard{n, rt}, decode: r.Decode, time: r.Time, ahead: int64(r.Ahead), complete: r.Complete, voted: len(n.Source.Producers) > 0, cuts: n.Source.Cuts, out: out}, err
}

func (k *reader[T]) Ingest(messages []plan.Message, frontier int64) int64 {
	for i := 0; i < len(messages); {
		i, frontier = k.run(messages, i, frontier)
	}
	k.out.flush()
	return frontier
}

func (k *reader[T]) run(messages []plan.Message, from int, before int64) (next int, frontier int64) {
	frontier = before
	read := 0
	defer func() {
		k.out.batch.Fill(read)
		if r := recover(); r != nil {
			m := &messages[next]
			k.caught(r, plan.Meta{Seq: m.Seq, Time: m.Time, Frontier: frontier})
			next++
		}
	}()
	metas, vals := k.out.batch.Room(len(messages) - from)
	for next = from; next < len(messages); next++ {
		m := &messages[next]
		meta := plan.Meta{Seq: m.Seq, Time: m.Time, Frontier: frontier}
		v, err := k.decode(m)
		if k.cuts {
			meta.Time = max(frontier, 0)
		}
		if err == nil && k.time != nil {
			meta.Time, err = k.eventTime(v, m.Time)
		}
		after := frontier // a panic from here on must leave no half of the message behind
		switch {
		case k.voted || k.cuts:
		case k.complete != nil:
			after = max(after, k.completed(m))
		case err == nil:
			after = max(after, meta.Time)
		}
		switch {
		case err == nil:
			metas[read], vals[read] = meta, v
			read++
		case !errors.Is(err, ErrNoRecord):
			k.rt.Reject(plan.Rejected{Node: k.node, Meta: meta, Err: err})
		}
		frontier = after
	}
	return next, frontier
}

// The event times that nanoseconds since 1970 can hold, less a window at both ends.
var (
	earliest = time.Unix(0, plan.Beginning).Add(plan.MaxWindow)
	latest   = time.Unix(0, plan.End).Add(-plan.MaxWindow)
)

func (k *reader[T]) eventTime(v T, stored int64) (int64, error) {
	t := k.time(v)
	if t.Before(earliest) || t.After(latest) {
		return stored, fmt.Errorf("the event time %s is outside the years that can be represented; check the time function of %s", t.UTC().Format(time.RFC3339), k.node.Label())
	}
	ns := t.UnixNano()
	if ns > stored && uint64(ns)-uint64(stored) > uint64(k.ahead) { // the distance fits, where a sum may not
		return stored, fmt.Errorf("the event time %s is more than %s beyond the store time %s; correct the producer's clock or raise MaxAhead",
			t.UTC().Format(time.RFC3339Nano), time.Duration(k.ahead), time.Unix(0, stored).UTC().Format(time.RFC3339Nano))
	}
	return ns, nil
}

// completed returns the time before which the input is complete behind a message.
func (k *reader[T]) completed(m *plan.Message) int64 {
	t := k.complete(m)
	switch {
	case t.IsZero():
		return plan.Beginning // it says nothing
	case t.Before(earliest) || t.After(latest):
		k.rt.Reject(plan.Rejected{Node: k.node, Meta: plan.Meta{Seq: m.Seq, Time: m.Time}, Err: fmt.Errorf("the input is said to be complete before %s, outside the years that can be represented; check Complete of %s", t.UTC().Format(time.RFC3339), k.node.Label())})
		return plan.Beginning
	}
	return t.UnixNano()
}

func (k *reader[T]) Advance(frontier int64) { k.out.advance(frontier) }
