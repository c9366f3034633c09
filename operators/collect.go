package operators

import (
	"fmt"

	"github.com/calmstream/calmstream/internal/plan"
	"github.com/calmstream/calmstream/internal/plan/kernel"
)

// Collect keeps the records of each key and window themselves, as they are at their event times: behind a seal they can be listed,
// ordered, or given to any function. Records that are equal in time and content are kept as often as they came.
//
// It keeps the first limit of them by event time, and no more than 512 KiB of their encodings: [Collected] says whether that was
// all. What is kept does not depend on the order in which records came, nor on sharding. The state is written whole where it has changed, so
// keep it small: to count, sum or rank there are aggregates that take less. Each record costs O(log n), and O(n) moves of 40 bytes, for n
// records; it is encoded once, and that is what is kept.
func Collect[K Key, T any](name string, in Keyed[K, T], limit int) Growing[K, Collected[T]] {
	n := derive(plan.OfKeyed(in), plan.KindFold, "collect")
	if n == nil {
		return Growing[K, Collected[T]]{}
	}
	requireLimit(n, limit)
	codec := plan.UsualCodec[T]()
	n.CodecName = codec.Name
	encode := func(m *plan.Meta, record T) (timed[string], error) {
		data, err := codec.Append(nil, record)
		if err != nil {
			return timed[string]{}, fmt.Errorf("cannot encode the record: %w", err)
		}
		return timed[string]{m.Time, string(data)}, nil
	}
	foldPlaced[K, T, timed[string], Collected[T], *Collected[T]](n, name, encode, timedCodec(elementCodec[string]()), func(*plan.Runtime) kernel.Folding[Collected[T], timed[string]] {
		return kernel.Folding[Collected[T], timed[string]]{
			Apply:   func(dst *Collected[T], c *timed[string]) bool { return dst.take(limit, c.time, c.value) },
			Combine: func(dst, src *Collected[T]) { dst.addAll(src) },
			Plain:   true,
		}
	})
	return plan.NewGrowing[K, Collected[T]](n)
}
