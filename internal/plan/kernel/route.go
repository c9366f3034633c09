package kernel

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/calmstream/calmstream/internal/plan"
)

// A record of an exchange is
//
//	uvarint(len key)  key  varint(window start)  varint(event time)  varint(frontier)  contribution
//
// with the key in its canonical encoding and the contribution in the operator's. Numbers, partitions and envelopes are the
// exchange's own.

// ValueCodec encodes contributions of type C.
type ValueCodec[C any] struct {
	Append func(b []byte, c *C) ([]byte, error)
	Decode func(data []byte) (C, error)
}

// sender is the upper end of an exchange.
type sender[K plan.Key, C any] struct {
	guard
	keys   plan.KeyCodec[K]
	values ValueCodec[C]
	key    []byte
	record []byte
}

// Send encodes contributions for the shards of the stage that n begins.
func Send[K plan.Key, C any](n *plan.Node, rt *plan.Runtime, values ValueCodec[C]) plan.Operator {
	return &sender[K, C]{guard: guard{n, rt}, keys: plan.KeyCodecOf[K](), values: values}
}

func (k *sender[K, C]) Consume(b *plan.Batch[plan.Contribution[K, C]]) {
	for i := 0; i < b.Len(); {
		i = k.run(b, i)
	}
}

func (k *sender[K, C]) run(b *plan.Batch[plan.Contribution[K, C]], from int) (next int) {
	defer func() {
		if r := recover(); r != nil {
			k.caught(r, b.Meta[next])
			next++
		}
	}()
	for next = from; next < b.Len(); next++ {
		m, c := &b.Meta[next], &b.Val[next]
		k.key = k.keys.Append(k.key[:0], c.Key)
		r := binary.AppendUvarint(k.record[:0], uint64(len(k.key)))
		r = append(r, k.key...)
		r = binary.AppendVarint(r, c.Start)
		r = binary.AppendVarint(r, m.Time)
		r = binary.AppendVarint(r, m.Frontier)
		r, err := k.values.Append(r, &c.Value)
		if err != nil {
			k.rt.Reject(plan.Rejected{Node: k.node, Meta: *m, Err: err})
			continue
		}
		k.record = r
		if len(r) > plan.MaxRecordBytes {
			k.rt.Reject(plan.Rejected{Node: k.node, Meta: *m, Err: fmt.Errorf("its contribution takes %d bytes on the way to its key, more than the %d that a message can carry; contribute less for each record", len(r), plan.MaxRecordBytes)})
			continue
		}
		k.rt.Send(k.node, k.key, r)
	}
	return next
}

// Advance sends the frontier behind what was sent.
func (k *sender[K, C]) Advance(frontier int64) { k.rt.Complete(k.node, frontier) }

// receiver is the lower end of an exchange.
type receiver[K plan.Key, C any] struct {
	guard
	keys   plan.KeyCodec[K]
	values ValueCodec[C]
	voter  voter // nil unless the state is sealed by values of an attribute
	out    outlet[plan.Contribution[K, C]]
}

// Receive decodes what Send encoded.
func Receive[K plan.Key, C any](n *plan.Node, next plan.Operator, values ValueCodec[C]) (plan.Operator, error) {
	out, err := newOutlet[plan.Contribution[K, C]](n, []plan.Operator{next})
	voter, _ := next.(voter)
	return &receiver[K, C]{guard: guard{node: n}, keys: plan.KeyCodecOf[K](), values: values, voter: voter, out: out}, err
}

var errRecord = errors.New("plan: malformed exchange record")

func (k *receiver[K, C]) Receive(seq uint64, index uint32, record []byte) (err error) {
	defer k.broken(&err)
	size, n := binary.Uvarint(record)
	if n > 0 && size == sealMark {
		return k.seal(record[n:])
	}
	if n <= 0 || size > uint64(len(record)-n) {
		return errRecord
	}
	key, err := k.keys.Decode(record[n : n+int(size)])
	if err != nil {
		return err
	}
	rest := record[n+int(size):]
	var head [3]int64
	for i := range head {
		v, n := binary.Varint(rest)
		if n <= 0 {
			return errRecord
		}
		head[i], rest = v, rest[n:]
	}
	value, err := k.values.Decode(rest)
	if err != nil {
		return err
	}
	k.out.batch.Add(plan.Meta{Seq: seq, Index: index, Time: head[1], Frontier: head[2]}, plan.Contribution[K, C]{Key: key, Start: head[0], Value: value})
	if k.out.batch.Len() >= chunk {
		k.out.flush()
	}
	return nil
}

func (k *receiver[K, C]) Flush() { k.out.flush() }

func (k *receiver[K, C]) Advance(frontier int64) { k.out.advance(frontier) }
