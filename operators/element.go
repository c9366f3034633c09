package operators

import (
	"encoding/binary"
	"errors"

	"github.com/calmstream/calmstream/crdt"
	"github.com/calmstream/calmstream/internal/plan"
	"github.com/calmstream/calmstream/internal/plan/kernel"
)

// elementCodec encodes contributions that are integers or texts, as keys are encoded.
func elementCodec[V Key]() kernel.ValueCodec[V] {
	keys := plan.KeyCodecOf[V]()
	return kernel.ValueCodec[V]{
		Append: func(b []byte, v *V) ([]byte, error) { return keys.Append(b, *v), nil },
		Decode: keys.Decode,
	}
}

// scored is a contribution of a value with a score. It is encoded as the length of the value, the value and the score.
type scored[V, S Key] = plan.Ranked[V, S]

func scoredCodec[V, S Key]() kernel.ValueCodec[scored[V, S]] {
	values, scores := plan.KeyCodecOf[V](), plan.KeyCodecOf[S]()
	return kernel.ValueCodec[scored[V, S]]{
		Append: func(b []byte, c *scored[V, S]) ([]byte, error) {
			b = binary.AppendUvarint(b, uint64(values.Size(c.Key)))
			return scores.Append(values.Append(b, c.Key), c.Score), nil
		},
		Decode: func(data []byte) (c scored[V, S], err error) {
			size, n := binary.Uvarint(data)
			if n <= 0 || size > uint64(len(data)-n) {
				return c, errContribution
			}
			if c.Key, err = values.Decode(data[n : n+int(size)]); err == nil {
				c.Score, err = scores.Decode(data[n+int(size):])
			}
			return c, err
		},
	}
}

// timed is a contribution of a value with the event time of its record.
type timed[V any] struct {
	time  int64
	value V
}

var errContribution = errors.New("operators: malformed contribution")

// timedCodec encodes the time before the value.
func timedCodec[V any](values kernel.ValueCodec[V]) kernel.ValueCodec[timed[V]] {
	return kernel.ValueCodec[timed[V]]{
		Append: func(b []byte, c *timed[V]) ([]byte, error) {
			return values.Append(binary.AppendVarint(b, c.time), &c.value)
		},
		Decode: func(data []byte) (c timed[V], err error) {
			time, n := binary.Varint(data)
			if n <= 0 {
				return c, errContribution
			}
			c.time = time
			c.value, err = values.Decode(data[n:])
			return c, err
		},
	}
}

// joined is the folding of a lattice of ours, whose states join by merging also where they are of different records.
func joined[L, C any, P crdt.Lattice[L]](apply func(dst *L, c *C) bool) func(*plan.Runtime) kernel.Folding[L, C] {
	return func(*plan.Runtime) kernel.Folding[L, C] {
		return kernel.Folding[L, C]{
			Apply:   apply,
			Combine: func(dst, src *L) { P(dst).Merge(src) },
			Plain:   true,
		}
	}
}
