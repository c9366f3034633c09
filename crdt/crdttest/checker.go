package crdttest

import (
	"bytes"

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

// checkAll goes from the laws that later checks rely on to those that rely on them, and stops where going on
// would only report consequences.
func (c *checker[L, P]) checkAll() {
	for _, step := range []func(){c.checkEncoding, c.checkDecoding, c.checkMerges} {
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
func (c *checker[L, P]) bytesOf(x *L) []byte {
	b, err := P(x).AppendBinary(nil)
	if err != nil {
		c.add(LawEncoding, "AppendBinary of a merged value failed: "+err.Error())
		return nil
	}
	return b
}

// is reports whether the encoding of x is want.
func (c *checker[L, P]) is(x *L, want []byte) bool { return bytes.Equal(c.bytesOf(x), want) }
