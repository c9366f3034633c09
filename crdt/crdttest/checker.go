package crdttest

import (
	"bytes"
	"fmt"

	"github.com/calmstream/calmstream/crdt"
)

// checker holds the samples, the bottom first, and what is known about them.
//
// Values are compared by their encodings. A receiver is always a fresh copy, so that a check cannot spoil the
// next one. Copies are made by decoding, not by merging, because merging is what is under test.
type checker[L any, P crdt.Lattice[L]] struct {
	report
	samples []L
	enc     [][]byte
}

func newChecker[L any, P crdt.Lattice[L]](samples []L) *checker[L, P] {
	return &checker[L, P]{samples: append(make([]L, 1, 1+len(samples)), samples...)}
}

// check goes from the laws that later steps rely on to those that rely on them, and stops where going on
// would only report consequences.
func (c *checker[L, P]) check(steps ...func()) {
	for _, step := range steps {
		if step(); len(c.errs) > 0 {
			return
		}
	}
}

func (c *checker[L, P]) anyAboveBottom() bool {
	for _, enc := range c.enc {
		if !bytes.Equal(enc, c.enc[0]) {
			return true
		}
	}
	return false
}

// fresh returns a new copy of sample i. That of the bottom is the zero value itself, whose inner pointers are nil.
func (c *checker[L, P]) fresh(i int) *L {
	x := new(L)
	if i == 0 {
		return x
	}
	if err := P(x).UnmarshalBinary(bytes.Clone(c.enc[i])); err != nil {
		c.add(LawRoundTrip, "UnmarshalBinary refuses the encoding of a: "+err.Error(), c.enc[i])
	}
	return x
}

// bytesOf returns the encoding of x, or nil, which equals no encoding, after reporting an error.
func (c *checker[L, P]) bytesOf(x *L) []byte { return bytesOf[L, P](&c.report, x) }

// bytesOf is the method, for values of another lattice than that of the samples.
func bytesOf[L any, P crdt.Lattice[L]](r *report, x *L) []byte {
	b, err := P(x).AppendBinary(nil)
	if err != nil {
		r.add(LawEncoding, fmt.Sprintf("AppendBinary of a computed %T failed: %v", x, err))
		return nil
	}
	return b
}

// decoded returns a copy of x with the memory of a decoded value, which may be laid out in another way.
func (c *checker[L, P]) decoded(x *L) *L {
	enc := c.bytesOf(x)
	d := new(L)
	if err := P(d).UnmarshalBinary(bytes.Clone(enc)); err != nil {
		c.add(LawRoundTrip, "UnmarshalBinary refuses the encoding of a: "+err.Error(), enc)
	}
	return d
}

// grow merges all samples into x.
func (c *checker[L, P]) grow(x *L) {
	for k := range c.samples {
		P(x).Merge(&c.samples[k])
	}
}

// is reports whether the encoding of x is want.
func (c *checker[L, P]) is(x *L, want []byte) bool { return bytes.Equal(c.bytesOf(x), want) }
