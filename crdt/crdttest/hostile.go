package crdttest

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"runtime/metrics"
	"slices"
	"testing"

	"github.com/calmstream/calmstream/crdt"
)

// The bound of [LawMemory], in bytes. It is generous: a decoder that believes a length exceeds any bound.
const (
	// MemoryBase is what UnmarshalBinary may allocate for any input.
	MemoryBase = 256 << 10
	// MemoryFactor is what it may allocate besides for each byte of its input.
	MemoryFactor = 256
)

const (
	announced = 1 << 20 // items that are not there: enough to exceed the bound, too few to take down the process
	padding   = 1 << 14 // bytes behind a length of as many items: they could be there if items were a byte long
	attempts  = 10      // others allocate too, but not during each of so many measurements
	places    = 32      // of a sample that are overwritten by lengths
)

// CheckHostile fails t if [Hostile] finds bytes that a decoder does not stand. The message holds the seed.
func CheckHostile[L any, P crdt.Lattice[L]](t testing.TB, seed uint64, n int, samples []L) {
	t.Helper()
	fail(t, Hostile[L, P](seed, n, samples))
}

// Hostile decodes n inputs that an attacker could have sent: random bytes, and encodings of samples that were damaged, cut, spliced or given
// lengths that are not true. [HostileBytes] says what must hold. The same seed gives the same inputs. It
// returns nil or joined errors, at most one [*Violation] for each law; the error names the seed.
func Hostile[L any, P crdt.Lattice[L]](seed uint64, n int, samples []L) error {
	return newChecker(boxed[L, P](samples)).hostiles(seed, n)
}

func (c *checker) hostiles(seed uint64, n int) error {
	c.check(c.checkEncoding, c.checkLengths, func() {
		rng := rand.New(rand.NewPCG(seed, 0))
		for range n {
			c.checkHostile(c.hostile(rng), rng.IntN(len(c.samples)))
		}
	})
	if err := c.err(); err != nil {
		return fmt.Errorf("seed %d, %d inputs:\n%w", seed, n, err)
	}
	return nil
}

// HostileBytes decodes data onto a copy of onto and checks what must hold of any bytes. It is the body of [Fuzz].
//
//   - UnmarshalBinary does not panic, does not change data, and allocates no more than [MemoryBase] + [MemoryFactor]*len(data);
//   - if it refuses data, the receiver is as before;
//   - if it accepts data, they are what the receiver is encoded as, also after data are overwritten, and the receiver
//     merges as a value should: into the bottom unchanged, and never growing another a second time.
func HostileBytes[L any, P crdt.Lattice[L]](data []byte, onto *L) error {
	return newChecker(boxed[L, P]([]L{*onto})).hostileBytes(data)
}

func (c *checker) hostileBytes(data []byte) error {
	c.enc = [][]byte{c.bytesOf(c.samples[0]), c.bytesOf(c.samples[1])}
	c.check(func() { c.checkHostile(data, 1) })
	return c.err()
}

// Fuzz is the whole of a fuzz test: it begins with the encodings of the samples and calls [HostileBytes] with what the
// fuzzer makes of them, onto the first sample.
//
//	func FuzzVotes(f *testing.F) { crdttest.Fuzz(f, both, none, full) }
func Fuzz[L any, P crdt.Lattice[L]](f *testing.F, first L, more ...L) {
	f.Helper()
	for _, sample := range boxed[L, P](append([]L{first}, more...)) {
		enc, err := sample.encode(nil)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(enc)
		f.Add(append(enc, 0xff, 0xff, 0xff, 0x0f))
	}
	f.Fuzz(func(t *testing.T, data []byte) { fail(t, HostileBytes[L, P](data, &first)) })
}

// checkHostile decodes data onto a copy of a sample.
func (c *checker) checkHostile(data []byte, onto int) {
	if c.checkMemory(data, onto); c.broken[LawMemory] {
		return
	}
	x := c.checkDamaged(data, onto)
	if x == nil {
		return
	}
	joined := c.bottom()
	if joined.merge(x); !c.is(joined, data) {
		c.add(LawBottom, "the bytes a were accepted, but merged into the bottom they are b", data, c.bytesOf(joined))
	}
	if joined.merge(c.fresh(onto)); joined.merge(x) || joined.merge(c.fresh(onto)) {
		c.add(LawIdempotent, "the bytes a were accepted; a ⊔ b grew when merged with a or b again", data, c.enc[onto])
	}
}

// checkMemory measures what decoding allocates. The counter is that of the whole process: what others do can only add to it, so a
// single measurement below the limit is enough.
func (c *checker) checkMemory(data []byte, onto int) {
	limit, least := uint64(MemoryBase+MemoryFactor*len(data)), uint64(math.MaxUint64)
	counter := []metrics.Sample{{Name: "/gc/heap/allocs:bytes"}}
	for try := 0; try < attempts && least > limit; try++ {
		x, input := c.fresh(onto), bytes.Clone(data)
		metrics.Read(counter)
		before := counter[0].Value.Uint64()
		_, _ = decode(x, input)
		metrics.Read(counter)
		least = min(least, counter[0].Value.Uint64()-before)
	}
	if least > limit {
		c.add(LawMemory, fmt.Sprintf("decoding the %d bytes a allocates %d bytes, the limit is %d", len(data), least, limit),
			data[:min(len(data), places)])
	}
}

// checkLengths writes the lengths of large values into small encodings. It stops at the first that is believed, before the
// inputs of other checks announce more than there is memory.
func (c *checker) checkLengths() {
	for i, enc := range c.enc {
		for at := 0; at <= len(enc); at += 1 + len(enc)/places {
			for _, data := range lengths(enc, at) {
				if c.checkMemory(data, i); c.broken[LawMemory] {
					return
				}
			}
		}
	}
}

// lengths returns enc with the bytes from at on replaced by a large length, in several forms.
func lengths(enc []byte, at int) [][]byte {
	head := func() []byte { return bytes.Clone(enc[:at]) }
	tail := func(n int) []byte { return enc[min(len(enc), at+n):] }
	padded := append(binary.AppendUvarint(head(), padding), make([]byte, padding)...)
	return [][]byte{
		padded,
		append(binary.AppendUvarint(head(), announced), tail(1)...),
		append(binary.BigEndian.AppendUint32(head(), announced), tail(4)...),
		append(binary.LittleEndian.AppendUint32(head(), announced), tail(4)...),
		append(binary.BigEndian.AppendUint64(head(), announced), tail(8)...),
		append(binary.LittleEndian.AppendUint64(head(), announced), tail(8)...),
	}
}

// hostile makes an input of up to four edits of a sample, or of nothing.
func (c *checker) hostile(rng *rand.Rand) []byte {
	data := bytes.Clone(c.enc[rng.IntN(len(c.enc))])
	if rng.IntN(8) == 0 {
		data = data[:min(1, len(data))]
	}
	for edits := 1 + rng.IntN(2)*rng.IntN(4); edits > 0; edits-- {
		from := rng.IntN(len(data) + 1)
		to := from + rng.IntN(len(data)-from+1)
		other := c.enc[rng.IntN(len(c.enc))]
		switch rng.IntN(6) {
		case 0:
			data = slices.Delete(data, from, to)
		case 1:
			data = slices.Insert(data, from, data[from:to]...)
		case 2:
			data = append(data[:from], other[min(from, len(other)):]...)
		case 3:
			data = slices.Insert(data, from, byte(rng.Uint32()), byte(rng.IntN(4)))
		case 4:
			data = slices.Insert(data, from, binary.AppendUvarint(nil, rng.Uint64N(announced))...)
		default:
			if from < len(data) {
				data[from] ^= 1 << rng.IntN(8)
			}
		}
	}
	return data
}
