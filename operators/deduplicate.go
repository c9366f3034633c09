package operators

import (
	"fmt"
	"time"

	"github.com/calmstream/calmstream/internal/plan"
	"github.com/calmstream/calmstream/internal/plan/kernel"
)

// Deduplicate passes on the first record of each key in each window, and drops the others: the key is the id of the record, and the
// windows, which must be tumbling, bound how long an id is remembered. It waits for nothing. The name is the identity of the state.
//
// First means first in the log of the shard that holds the id, which is the log of an exchange where there are several inputs. Two records of
// one id should not differ in anything that matters: where inputs are interleaved another way, it is the other one that passes.
//
// A copy of a record has its event time, if that comes from the payload, and so is in the same window. Two records of one id in two
// windows both pass. An id is forgotten once every shard of the input has seen a record whose event time is past the end of its window by the
// lateness; a record that comes later, judged as by a [Watermark], goes to the late stream. The state takes the ids of the open windows
// and some 30 bytes each. Each record costs O(1).
func Deduplicate[K Key, T any](name string, in Keyed[K, T], lateness time.Duration) Stream[T] {
	n := derive(plan.OfKeyed(in), plan.KindDeduplicate, "deduplicate")
	if n == nil {
		return Stream[T]{}
	}
	above := plan.OfKeyed(in)
	if w := above.Windowing; w.Size <= 0 || w.Gap > 0 || w.Overlap() > 1 {
		n.Graph().Fail(n.Site, "deduplicate: ids are remembered for a window; put operators.Window with operators.Tumbling before it, not %s", w)
	}
	if lateness < 0 {
		n.Graph().Fail(n.Site, "deduplicate: the lateness must not be negative")
	}
	codec := plan.CodecOf[T](above)
	n.Name, n.KeyName, n.Windowing = name, above.KeyName, above.Windowing
	n.State, n.CodecName = "ids", codec.Name
	n.Rule = plan.SealRule{Set: true, Lateness: lateness}
	n.Detail = fmt.Sprintf("lateness %s", lateness)
	n.Codec = codec
	values := kernel.ValueCodec[T]{
		Append: func(b []byte, v *T) ([]byte, error) { return codec.Append(b, *v) },
		Decode: codec.Decode,
	}
	key := keyOf[K, T](above)
	n.Lift = func(rt *plan.Runtime, next plan.Inlet) (plan.Operator, error) {
		return kernel.Lift(n, rt, next, kernel.Extract[K, T, T]{Key: key, Value: func(record T) T { return record }})
	}
	n.Build = func(rt *plan.Runtime, down []plan.Operator) (plan.Operator, error) {
		return kernel.Deduplicate[K, T](n, rt, down)
	}
	n.Send = func(rt *plan.Runtime) (plan.Operator, error) { return kernel.Send[K](n, rt, values), nil }
	n.Receive = func(_ *plan.Runtime, next plan.Operator) (plan.Operator, error) {
		return kernel.Receive[K](n, next, values)
	}
	return plan.NewStream[T](n)
}
