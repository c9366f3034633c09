package pipelinetest

import (
	"bytes"
	"errors"
	"fmt"
	"testing"

	"github.com/calmstream/calmstream/internal/plan"
	"github.com/calmstream/calmstream/operators"
)

// CheckReduction fails t if [Reduction] refutes the claim.
func CheckReduction[V any](t testing.TB, r operators.Reduction[V], samples []V) {
	t.Helper()
	if err := Reduction(r, samples); err != nil {
		t.Error(err)
	}
}

// ErrVacuous is what [Reduction] returns if the samples cannot refute anything.
var ErrVacuous = errors.New("pipelinetest: the samples show nothing")

// Reduction tries the claim of a reduction on all pairs and triples of samples, and of what they combine to: that it is commutative and
// associative, and idempotent if that is claimed; that the function changes neither argument; that values come back from their encoding,
// which is how a state survives a restart. It returns an error that names a counterexample, or nil. Values are equal if their encodings
// are. It takes the cube of the number of samples, so a dozen will do: with ties, zeros, extremes and values of different sizes.
func Reduction[V any](r operators.Reduction[V], samples []V) error {
	if !r.Valid() {
		return fmt.Errorf("pipelinetest: %v: there is no function", r)
	}
	c := reduction[V]{Reduction: r, codec: plan.UsualCodec[V]()}
	for _, v := range samples {
		c.add(v)
	}
	for i := range samples { // results are values too
		c.add(c.combine(c.of(i), c.of((i+1)%len(samples))))
	}
	different := false
	for i := range c.encoded {
		different = different || !bytes.Equal(c.encoded[i], c.encoded[0])
	}
	if c.err == nil && !different {
		return fmt.Errorf("%w: %v: give at least two that differ", ErrVacuous, r)
	}
	for i := range c.encoded {
		if c.single(i); c.err != nil {
			return c.err
		}
		for j := range c.encoded {
			for k := range c.encoded {
				c.triple(i, j, k)
			}
		}
	}
	return c.err
}

// reduction checks a claim on the values that are encoded. The first error stays.
type reduction[V any] struct {
	operators.Reduction[V]
	codec   plan.Codec[V]
	encoded [][]byte
	err     error
}

func (c *reduction[V]) fail(format string, args ...any) {
	if c.err == nil {
		c.err = fmt.Errorf("pipelinetest: %v: %s", c.Reduction, fmt.Sprintf(format, args...))
	}
}

func (c *reduction[V]) add(v V) { c.encoded = append(c.encoded, c.bytes(v)) }

func (c *reduction[V]) bytes(v V) []byte {
	b, err := c.codec.Append(nil, v)
	if err != nil {
		c.fail("%v cannot be encoded: %v", v, err)
	}
	return b
}

// of returns a fresh copy of a value.
func (c *reduction[V]) of(i int) V {
	v, err := c.codec.Decode(c.encoded[i])
	if err != nil {
		c.fail("%q cannot be decoded: %v", c.encoded[i], err)
	}
	return v
}

// combine applies the function, and sees that it changes neither argument.
func (c *reduction[V]) combine(a, b V) V {
	before, before2 := c.bytes(a), c.bytes(b)
	out := c.Combine(a, b)
	if after := c.bytes(a); !bytes.Equal(before, after) {
		c.fail("it changes its first argument from %q to %q", before, after)
	}
	if after := c.bytes(b); !bytes.Equal(before2, after) {
		c.fail("it changes its second argument from %q to %q", before2, after)
	}
	return out
}

func (c *reduction[V]) single(i int) {
	if again := c.bytes(c.of(i)); !bytes.Equal(again, c.encoded[i]) {
		c.fail("%q comes back from its encoding as %q", c.encoded[i], again)
	}
	if !c.Idempotent() {
		return
	}
	if twice := c.bytes(c.combine(c.of(i), c.of(i))); !bytes.Equal(twice, c.encoded[i]) {
		c.fail("it is not idempotent: f(a, a) is %q where a is %q", twice, c.encoded[i])
	}
}

func (c *reduction[V]) triple(i, j, k int) {
	ab := c.combine(c.of(i), c.of(j))
	if k == 0 {
		if x, y := c.bytes(ab), c.bytes(c.combine(c.of(j), c.of(i))); !bytes.Equal(x, y) {
			c.fail("it is not commutative: f(a, b) is %q and f(b, a) is %q, where a is %q and b is %q", x, y, c.encoded[i], c.encoded[j])
		}
	}
	left := c.bytes(c.combine(ab, c.of(k)))
	right := c.bytes(c.combine(c.of(i), c.combine(c.of(j), c.of(k))))
	if !bytes.Equal(left, right) {
		c.fail("it is not associative: f(f(a, b), c) is %q and f(a, f(b, c)) is %q, where a is %q, b is %q and c is %q", left, right, c.encoded[i], c.encoded[j], c.encoded[k])
	}
}
