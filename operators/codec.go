package operators

import "github.com/calmstream/calmstream/internal/plan"

// Codec encodes records of type T where they leave the memory of a shard: on their way through an exchange, and in
// checkpoints. Encoding must be deterministic. Its methods Message and Encode fit pipeline.Source and pipeline.Write. The
// module pipeline/codecs has some.
type Codec[T any] = plan.Codec[T]

// WithCodec declares how the records of a stream are encoded where they cross an exchange or are kept in state. Without it
// a type's own binary form is used (AppendBinary or MarshalBinary, with UnmarshalBinary), the bytes of texts and
// byte slices, the fixed form of numbers, and JSON for everything else. It returns the stream.
func WithCodec[T any](in Stream[T], c Codec[T]) Stream[T] {
	n := plan.OfStream(in)
	if n == nil {
		return in
	}
	if !c.Valid() {
		n.Graph().Fail(plan.Site(1), "with-codec: a codec needs Name, Append and Decode")
		return in
	}
	n.Codec = c
	return in
}
