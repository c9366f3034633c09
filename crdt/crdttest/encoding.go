package crdttest

import (
	"bytes"
	"fmt"
)

// How much of one sample is tried: all of it if it is short, else places spread over it.
const (
	encodings   = 16  // enough to see an encoding that depends on map order with two keys
	maxFlips    = 512 // all bits of 64 bytes
	maxCuts     = 128
	prefixBytes = "prefix"
)

// checkEncoding fills enc.
func (c *checker) checkEncoding() {
	c.enc = make([][]byte, len(c.samples))
	for i := range c.samples {
		enc, err := c.samples[i].encode(nil)
		if err != nil {
			c.add(LawEncoding, fmt.Sprintf("AppendBinary of sample %d (0 is the bottom) failed: %v", i, err))
			continue
		}
		c.enc[i] = enc
		if len(enc) == 0 {
			c.add(LawEncoding, fmt.Sprintf("the encoding of sample %d (0 is the bottom) has no version byte", i))
		}
		for range encodings {
			b, err := c.samples[i].encode([]byte(prefixBytes))
			again, kept := bytes.CutPrefix(b, []byte(prefixBytes))
			switch {
			case err != nil:
				c.add(LawEncoding, "AppendBinary of a failed the second time: "+err.Error(), enc)
			case !kept:
				c.add(LawEncoding, "AppendBinary of a did not keep what was in the buffer", enc)
			case !bytes.Equal(again, enc):
				c.add(LawEncoding, "the same value was encoded as a and as b", enc, again)
			}
		}
	}
}

// checkDecoding decodes good and bad bytes.
func (c *checker) checkDecoding() {
	for i := range c.enc {
		c.checkRoundTrip(i, c.otherThan(i))
	}
	if len(c.errs) > 0 {
		return // receivers are made by decoding
	}
	for i, enc := range c.enc {
		for _, bad := range damaged(enc) {
			c.checkDamaged(bad, c.otherThan(i))
		}
	}
}

// otherThan returns a sample with another encoding than sample i, if possible one above the bottom.
func (c *checker) otherThan(i int) int {
	for d := 1; d < len(c.enc); d++ {
		j := (i + d) % len(c.enc)
		if j != 0 && !bytes.Equal(c.enc[j], c.enc[i]) {
			return j
		}
	}
	return 0
}

func (c *checker) checkRoundTrip(i, onto int) {
	for _, receiver := range []value{c.bottom(), c.fresh(onto)} {
		data := bytes.Clone(c.enc[i])
		if err := receiver.decode(data); err != nil {
			c.add(LawRoundTrip, "UnmarshalBinary refuses the encoding of a: "+err.Error(), c.enc[i])
			continue
		}
		if !bytes.Equal(data, c.enc[i]) {
			c.add(LawRoundTrip, "UnmarshalBinary of a changed its input to b", c.enc[i], data)
		}
		if got := c.bytesOf(receiver); !bytes.Equal(got, c.enc[i]) {
			c.add(LawRoundTrip, "a was decoded as b", c.enc[i], got)
		}
		for k := range data {
			data[k] ^= 0xff
		}
		if got := c.bytesOf(receiver); !bytes.Equal(got, c.enc[i]) {
			c.add(LawRoundTrip, "a became b when the bytes it was decoded from were overwritten", c.enc[i], got)
		}
	}
}

// damaged returns cut, extended and flipped forms of enc.
func damaged(enc []byte) [][]byte {
	var bad [][]byte
	for n := 0; n < len(enc); n += 1 + len(enc)/maxCuts {
		bad = append(bad, bytes.Clone(enc[:n]))
	}
	if len(enc) > 0 {
		bad = append(bad, bytes.Clone(enc[:len(enc)-1]))
	}
	for _, tail := range [][]byte{{0}, {1}, {0x80}, {0xff}, enc} {
		bad = append(bad, append(bytes.Clone(enc), tail...))
	}
	bits := 8 * len(enc)
	for bit := 0; bit < bits; bit += 1 + (bits-1)/maxFlips {
		flipped := bytes.Clone(enc)
		flipped[bit/8] ^= 1 << (bit % 8)
		bad = append(bad, flipped)
	}
	return bad
}

// checkDamaged decodes bytes that are likely wrong onto a sample. It returns the value if they are accepted and right.
func (c *checker) checkDamaged(data []byte, onto int) value {
	receiver, input := c.fresh(onto), bytes.Clone(data)
	panicked, err := decode(receiver, input)
	if !bytes.Equal(input, data) {
		c.add(LawRoundTrip, "UnmarshalBinary of the bytes a changed them to b", data, input)
	}
	switch {
	case panicked != "":
		c.add(LawUntouched, "UnmarshalBinary of the bytes a panicked: "+panicked, data)
		return nil
	case err != nil && !c.is(receiver, c.enc[onto]):
		c.add(LawUntouched, "b became c when UnmarshalBinary refused the bytes a", data, c.enc[onto], c.bytesOf(receiver))
		return nil
	case err != nil:
		return nil
	case !c.is(receiver, data):
		c.add(LawCanonical, "UnmarshalBinary accepted the bytes a, but the value is encoded as b", data, c.bytesOf(receiver))
		return nil
	}
	for k := range input {
		input[k] ^= 0xff
	}
	if !c.is(receiver, data) {
		c.add(LawRoundTrip, "UnmarshalBinary accepted the bytes a, but became b when they were overwritten", data, c.bytesOf(receiver))
		return nil
	}
	return receiver
}

// decode calls UnmarshalBinary and reports a panic as a text.
func decode(receiver value, data []byte) (panicked string, err error) {
	defer func() {
		if p := recover(); p != nil {
			panicked = fmt.Sprint(p)
		}
	}()
	return "", receiver.decode(data)
}
