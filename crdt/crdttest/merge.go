package crdttest

import (
	"bytes"
)

// checkMerges goes over all pairs, then over all triples. Merges that change or share what they should only
// read would spoil the samples and everything found later, so they end the check.
func (c *checker) checkMerges() {
	n := len(c.samples)
	joins := make([][][]byte, n) // joins[i][j] is the encoding of i ⊔ j
	for i := range n {
		joins[i] = make([][]byte, n)
		for j := range n {
			joins[i][j] = c.checkPair(i, j)
		}
	}
	for i := range n {
		for j := range n {
			for k := range n {
				c.checkAlias(i, j, k)
			}
		}
	}
	if c.broken[LawReadOnly] || c.broken[LawNoAlias] {
		return
	}
	for i := range n {
		c.checkOne(joins, i)
		for j := range n {
			c.checkOrderOfTwo(joins, i, j)
			for k := range n {
				c.checkAssociative(i, j, k)
				c.checkOrderOfThree(joins, i, j, k)
			}
		}
	}
}

// checkPair merges j into i, checks what can be seen of that alone, and returns the encoding of the outcome.
func (c *checker) checkPair(i, j int) []byte {
	a, b := c.enc[i], c.enc[j]
	receiver := c.fresh(i)
	grew := receiver.merge(c.samples[j])
	joined := c.bytesOf(receiver)
	if got := c.bytesOf(c.samples[j]); !bytes.Equal(got, b) {
		c.add(LawReadOnly, "merging b into a made b into c", a, b, got)
		c.samples[j] = c.fresh(j)
	}
	switch changed := !bytes.Equal(joined, a); {
	case grew && !changed:
		c.add(LawGrowth, "merging b into a returned true, but a is as it was", a, b)
	case !grew && changed:
		c.add(LawGrowth, "merging b into a returned false, but a became c", a, b, joined)
	}
	return joined
}

// checkOne checks the laws of one value: idempotence, also with itself as other, and the bottom.
func (c *checker) checkOne(joins [][][]byte, i int) {
	a := c.enc[i]
	if !bytes.Equal(joins[i][i], a) {
		c.add(LawIdempotent, "merging a copy of a into a gives b", a, joins[i][i])
	}
	self := c.fresh(i)
	switch grew := self.merge(self); {
	case !c.is(self, a):
		c.add(LawIdempotent, "merging a into itself, the same pointer, gives b", a, c.bytesOf(self))
	case grew:
		c.add(LawGrowth, "merging a into itself, the same pointer, returned true", a)
	}
	if !bytes.Equal(joins[i][0], a) {
		c.add(LawBottom, "merging the zero value into a gives b", a, joins[i][0])
	}
	if !bytes.Equal(joins[0][i], a) {
		c.add(LawBottom, "merging a into the zero value gives b", a, joins[0][i])
	}
}

// below reports whether i ≤ j.
func (c *checker) below(joins [][][]byte, i, j int) bool {
	return bytes.Equal(joins[j][i], c.enc[j])
}

func (c *checker) checkOrderOfTwo(joins [][][]byte, i, j int) {
	a, b, ab := c.enc[i], c.enc[j], joins[i][j]
	if !bytes.Equal(ab, joins[j][i]) {
		c.add(LawCommutative, "merging b into a gives c, merging a into b gives d", a, b, ab, joins[j][i])
	}
	if c.below(joins, i, j) && c.below(joins, j, i) && !bytes.Equal(a, b) {
		c.add(LawOrder, "a and b differ, but each is below the other", a, b)
	}
	for _, s := range []int{i, j} {
		receiver := c.merged(i, j)
		if receiver.merge(c.samples[s]); !c.is(receiver, ab) {
			c.add(LawOrder, "a merged with b gives c, which is not above both", a, b, ab)
		}
	}
}

func (c *checker) checkOrderOfThree(joins [][][]byte, i, j, k int) {
	a, b, top := c.enc[i], c.enc[j], c.enc[k]
	if c.below(joins, i, j) && c.below(joins, j, k) && !c.below(joins, i, k) {
		c.add(LawOrder, "a is below b and b below c, but a is not below c", a, b, top)
	}
	if c.below(joins, i, k) && c.below(joins, j, k) {
		receiver := c.fresh(k)
		if receiver.merge(c.merged(i, j)); !c.is(receiver, top) {
			c.add(LawOrder, "a and b are below c, but a merged with b is not", a, b, top)
		}
	}
}

// merged returns i ⊔ j as Merge leaves it in memory, which may differ from how UnmarshalBinary would.
func (c *checker) merged(i, j int) value {
	x := c.fresh(i)
	x.merge(c.samples[j])
	return x
}

func (c *checker) checkAssociative(i, j, k int) {
	left := c.merged(i, j)
	left.merge(c.samples[k])
	right := c.fresh(i)
	right.merge(c.merged(j, k))
	if l, r := c.bytesOf(left), c.bytesOf(right); !bytes.Equal(l, r) {
		c.add(LawAssociative, "(a ⊔ b) ⊔ c gives d, a ⊔ (b ⊔ c) gives e", c.enc[i], c.enc[j], c.enc[k], l, r)
	}
}

// checkAlias merges j into i and then changes one of the two, by merging or decoding k: the other must stay.
func (c *checker) checkAlias(i, j, k int) {
	merge := func(x value) { x.merge(c.fresh(k)) }
	overwrite := func(x value) { _ = x.decode(bytes.Clone(c.enc[k])) } // checkRoundTrip has seen it succeed
	for _, change := range []func(value){merge, overwrite} {
		receiver, other := c.fresh(i), c.fresh(j)
		receiver.merge(other)
		before := c.bytesOf(other)
		if change(receiver); !c.is(other, before) {
			c.add(LawNoAlias, "b was merged into a; when c then changed a, it changed b too", c.enc[i], c.enc[j], c.enc[k])
		}
		receiver, other = c.fresh(i), c.fresh(j)
		receiver.merge(other)
		before = c.bytesOf(receiver)
		if change(other); !c.is(receiver, before) {
			c.add(LawNoAlias, "b was merged into a; when c then changed b, it changed a too", c.enc[i], c.enc[j], c.enc[k])
		}
	}
}

// checkUpSet asks u about sample i and everything one merge above it. It reports whether u held for i.
func (c *checker) checkUpSet(u question, i int) bool {
	x := c.fresh(i)
	held := u.holds(x)
	if u.holds(x) != held {
		c.add(LawUpwardClosed, u.name+" was asked about a twice and changed its answer", c.enc[i])
	}
	if !c.is(x, c.enc[i]) {
		c.add(LawUpwardClosed, u.name+" changed a into b when it was asked", c.enc[i], c.bytesOf(x))
	}
	if !held {
		return false
	}
	for j := range c.samples {
		if above := c.merged(i, j); !u.holds(above) {
			c.add(LawUpwardClosed, u.name+" holds for a, but not for a merged with b", c.enc[i], c.enc[j])
		}
	}
	return true
}
