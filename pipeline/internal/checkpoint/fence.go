package checkpoint

import (
	"encoding/binary"
	"fmt"
	"math"

	"github.com/cespare/xxhash/v2"
)

const (
	fenceVersion = 1

	// minRef is the length of the shortest segment reference: empty ID, two numbers, digest, flags.
	minRef = 1 + 1 + 1 + 8 + 1

	// maxChunks bounds the number of chunks that a segment may claim. It is far above what one commit can write.
	maxChunks = math.MaxInt32

	flagSet = 1
)

// AppendFence appends the encoding of f to b and returns the extended buffer. Equal fences have equal encodings;
// an empty Meta and a nil one are equal. Counts of a segment that are negative do not decode again; CheckCommit refuses them.
func AppendFence(b []byte, f Fence) []byte {
	start := len(b)
	b = append(b, fenceVersion)
	b = appendBytes(b, f.Writer)
	b = binary.AppendUvarint(b, f.Commit)
	b = binary.AppendVarint(b, f.Position.Incarnation)
	b = binary.AppendUvarint(b, f.Position.Seq)
	b = binary.AppendUvarint(b, f.Position.LastSeq)
	b = binary.AppendVarint(b, f.Position.LastTime)
	b = appendFlag(b, f.Done)
	b = binary.AppendUvarint(b, uint64(len(f.Segments)))
	for _, ref := range f.Segments {
		b = appendBytes(b, ref.ID)
		b = binary.AppendUvarint(b, uint64(ref.Chunks))
		b = binary.AppendUvarint(b, uint64(ref.Bytes))
		b = binary.LittleEndian.AppendUint64(b, ref.Digest)
		b = appendFlag(b, ref.Base)
	}
	b = appendBytes(b, f.Meta)
	return binary.LittleEndian.AppendUint64(b, xxhash.Sum64(b[start:]))
}

// DecodeFence reads what AppendFence wrote. It accepts nothing else: any other input is an error that wraps ErrDamaged, and
// the memory it takes is a small multiple of len(data) whatever data claims. The fence does not alias data.
func DecodeFence(data []byte) (Fence, error) {
	if len(data) > 0 && data[0] != fenceVersion {
		return Fence{}, fmt.Errorf("%w: fence of version %d, this program knows version %d", ErrDamaged, data[0], fenceVersion)
	}
	body, err := cutHash("fence", data)
	if err != nil {
		return Fence{}, err
	}
	d := decoder{rest: body[1:]}
	f := Fence{Writer: string(d.bytes()), Commit: d.uvarint()}
	f.Position = Position{Incarnation: d.varint(), Seq: d.uvarint(), LastSeq: d.uvarint(), LastTime: d.varint()}
	f.Done = d.flag()
	if n := d.count(minRef); n > 0 {
		f.Segments = make([]SegmentRef, n)
		for i := range f.Segments {
			f.Segments[i] = d.ref()
		}
	}
	f.Meta = append(f.Meta, d.bytes()...)
	if d.bad || len(d.rest) > 0 {
		return Fence{}, fmt.Errorf("%w: fence of %d bytes is malformed", ErrDamaged, len(data))
	}
	return f, nil
}

// cutHash checks the hash that closes data and returns what stands before it, at least the version byte.
func cutHash(what string, data []byte) ([]byte, error) {
	n := len(data) - hashLen
	if n < 1 {
		return nil, fmt.Errorf("%w: %s of %d bytes is too short", ErrDamaged, what, len(data))
	}
	if got, want := xxhash.Sum64(data[:n]), binary.LittleEndian.Uint64(data[n:]); got != want {
		return nil, fmt.Errorf("%w: %s of %d bytes has hash %016x, but %016x was written", ErrDamaged, what, len(data), got, want)
	}
	return data[:n], nil
}

func appendBytes[B string | []byte](b []byte, v B) []byte {
	return append(binary.AppendUvarint(b, uint64(len(v))), v...)
}

func appendFlag(b []byte, set bool) []byte {
	if set {
		return append(b, flagSet)
	}
	return append(b, 0)
}
