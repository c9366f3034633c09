package crdttest

import (
	"bytes"
	"fmt"
)

// checker holds the samples, the bottom first, and what is known about them.
//
// Values are compared by their encodings. A receiver is always a fresh copy, so that a check cannot spoil the
// next one. Copies are made by decoding, not by merging, because merging is what is under test.
type checker struct {
	report
	samples []value
	enc     [][]byte
}

// newChecker takes samples whose first is the bottom: see boxed.
func newChecker(samples []value) *checker { return &checker{samples: samples} }

// bottom returns a new zero value.
func (c *checker) bottom() value { return c.samples[0].bottom() }

// check goes from the laws that later steps rely on to those that rely on them, and stops where going on
// would only report consequences.
func (c *checker) check(steps ...func()) {
	for _, step := range steps {
		if step(); len(c.errs) > 0 {
			return
		}
	}
}

func (c *checker) anyAboveBottom() bool {
	for _, enc := range c.enc {
		if !bytes.Equal(enc, c.enc[0]) {
			return true
		}
	}
	return false
}

// fresh returns a new copy of sample i. That of the bottom is the zero value itself, whose inner pointers are nil.
func (c *checker) fresh(i int) value {
	x := c.bottom()
	if i == 0 {
		return x
	}
	if err := x.decode(bytes.Clone(c.enc[i])); err != nil {
		c.add(LawRoundTrip, "UnmarshalBinary refuses the encoding of a: "+err.Error(), c.enc[i])
	}
	return x
}

// bytesOf returns the encoding of x, or nil, which equals no encoding, after reporting an error.
func (c *checker) bytesOf(x value) []byte { return bytesOf(&c.report, x) }

// bytesOf is the method, for values of another lattice than that of the samples.
func bytesOf(r *report, x value) []byte {
	b, err := x.encode(nil)
	if err != nil {
		r.add(LawEncoding, fmt.Sprintf("AppendBinary of a computed %T failed: %v", x.pointer(), err))
		return nil
	}
	return b
}

// decoded returns a copy of x with the memory of a decoded value, which may be laid out in another way.
func (c *checker) decoded(x value) value {
	enc := c.bytesOf(x)
	d := c.bottom()
	if err := d.decode(bytes.Clone(enc)); err != nil {
		c.add(LawRoundTrip, "UnmarshalBinary refuses the encoding of a: "+err.Error(), enc)
	}
	return d
}

// grow merges all samples into x.
func (c *checker) grow(x value) {
	for k := range c.samples {
		x.merge(c.samples[k])
	}
}

// is reports whether the encoding of x is want.
func (c *checker) is(x value, want []byte) bool { return bytes.Equal(c.bytesOf(x), want) }
