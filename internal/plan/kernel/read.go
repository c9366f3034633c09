package kernel

import (
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
	// voted says that producers move the frontier, and not the records.
	voted bool
	out   outlet[T]
}

// Read decodes messages with decode. Event time comes from the record if at is not nil, else from the store; a record whose
// time is more than ahead beyond the store's is rejected, since one such record would close every window before it.
func Read[T any](n *plan.Node, rt *plan.Runtime, down []plan.Operator, decode func(*plan.Message) (T, error), at func(T) time.Time, ahead time.Duration) (plan.Operator, error) {
	out, err := newOutlet[T](n, down)
	return &reader[T]{guard: guard{n, rt}, decode: decode, time: at, ahead: int64(ahead), voted: len(n.Source.Producers) > 0, out: out}, err
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
		if err == nil && k.time != nil {
			meta.Time, err = k.eventTime(v, m.Time)
		}
		if err != nil {
			k.rt.Reject(plan.Rejected{Node: k.node, Meta: meta, Err: err})
			continue
		}
		metas[read], vals[read] = meta, v
		read++
		if !k.voted {
			frontier = max(frontier, meta.Time)
		}
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

func (k *reader[T]) Advance(frontier int64) { k.out.advance(frontier) }
