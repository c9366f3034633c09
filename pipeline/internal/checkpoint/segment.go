package checkpoint

import (
	"encoding/binary"
	"fmt"

	"github.com/cespare/xxhash/v2"
)

const (
	// ChunkTarget is the length in bytes that a chunk does not exceed, unless its only entry is longer. It is
	// where brokers read and write fastest, and far below their limit for a message.
	ChunkTarget = 256 << 10

	// MaxEntry is the greatest length of an entry in bytes. A chunk with such an entry still fits into a message of
	// 1 MiB, which is what servers take by default.
	MaxEntry = 768 << 10

	chunkVersion = 1
	hashLen      = 8
)

// SegmentWriter cuts entries into the chunks of a segment. The zero value is ready for use.
type SegmentWriter struct {
	chunks [][]byte
	open   []byte // the chunk being filled, without its hash; nil if none
}

// Add appends a copy of entry. It fails, and changes nothing, if the entry is longer than MaxEntry.
func (w *SegmentWriter) Add(entry []byte) error {
	if len(entry) > MaxEntry {
		return fmt.Errorf("checkpoint: an entry of %d bytes is longer than the limit of %d; keep less state under one key", len(entry), MaxEntry)
	}
	if w.open != nil && len(w.open)+uvarintLen(len(entry))+len(entry)+hashLen > ChunkTarget {
		w.cut()
	}
	if w.open == nil {
		if len(w.chunks) > 0 { // there will be as much again
			w.open = make([]byte, 0, max(ChunkTarget, uvarintLen(len(entry))+len(entry)+hashLen+1))
		}
		w.open = append(w.open, chunkVersion)
	}
	w.open = appendBytes(w.open, entry)
	return nil
}

// Finish returns the segment of everything that was added, under the given ID, and empties the writer. A segment
// without entries has no chunks.
func (w *SegmentWriter) Finish(id string, base bool) Segment {
	w.cut()
	check := NewSegmentCheck(SegmentRef{ID: id, Base: base})
	for _, chunk := range w.chunks {
		check.Add(chunk)
	}
	seg := Segment{Ref: check.seen(), Chunks: w.chunks}
	*w = SegmentWriter{}
	return seg
}

// cut closes the open chunk, if there is one.
func (w *SegmentWriter) cut() {
	if w.open == nil {
		return
	}
	chunk := binary.LittleEndian.AppendUint64(w.open, xxhash.Sum64(w.open))
	w.chunks, w.open = append(w.chunks, chunk), nil
}

// Entries calls each with the entries of a chunk, in the order in which they were added. It returns the first error of each, and
// an error that wraps ErrDamaged for a chunk that SegmentWriter did not write; if its hash is wrong, each is not called at all.
// An entry aliases the chunk.
func Entries(chunk []byte, each func(entry []byte) error) error {
	if len(chunk) > 0 && chunk[0] != chunkVersion {
		return fmt.Errorf("%w: chunk of version %d, this program knows version %d", ErrDamaged, chunk[0], chunkVersion)
	}
	body, err := cutHash("chunk", chunk)
	if err != nil {
		return err
	}
	if len(body) == 1 {
		return fmt.Errorf("%w: chunk without entries", ErrDamaged)
	}
	d := decoder{rest: body[1:]}
	for len(d.rest) > 0 {
		entry := d.bytes()
		if d.bad || len(entry) > MaxEntry {
			return fmt.Errorf("%w: chunk of %d bytes is malformed", ErrDamaged, len(chunk))
		}
		if err := each(entry); err != nil {
			return err
		}
	}
	if d.bad {
		return fmt.Errorf("%w: chunk of %d bytes is malformed", ErrDamaged, len(chunk))
	}
	return nil
}

// SegmentCheck compares the chunks of a segment with its reference while they pass by.
type SegmentCheck struct {
	ref    SegmentRef
	chunks int
	bytes  int64
	digest xxhash.Digest
}

// NewSegmentCheck returns a check for the segment that ref names.
func NewSegmentCheck(ref SegmentRef) *SegmentCheck {
	c := &SegmentCheck{ref: ref}
	c.digest.Reset()
	return c
}

// Add takes the next chunk.
func (c *SegmentCheck) Add(chunk []byte) {
	c.chunks++
	c.bytes += int64(len(chunk))
	_, _ = c.digest.Write(chunk) // a hash in memory cannot fail
}

// Done reports, by an error that wraps ErrDamaged, whether the chunks were not those of the reference.
func (c *SegmentCheck) Done() error {
	if got := c.seen(); got != c.ref {
		return fmt.Errorf("%w: segment %s has %d chunks, %d bytes, digest %016x; its reference says %d, %d, %016x",
			ErrDamaged, c.ref.ID, got.Chunks, got.Bytes, got.Digest, c.ref.Chunks, c.ref.Bytes, c.ref.Digest)
	}
	return nil
}

// Ref is the reference of the chunks that have passed.
func (c *SegmentCheck) Ref() SegmentRef { return c.seen() }

func (c *SegmentCheck) seen() SegmentRef {
	ref := c.ref
	ref.Chunks, ref.Bytes, ref.Digest = c.chunks, c.bytes, c.digest.Sum64()
	return ref
}

func uvarintLen(n int) int {
	size := 1
	for ; n >= 0x80; n >>= 7 {
		size++
	}
	return size
}
