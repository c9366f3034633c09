package savepoint

import (
	"encoding/binary"
	"math"
	"slices"

	"github.com/calmstream/calmstream/pipeline/internal/checkpoint"
)

// Part is one frame: a Header, Chunk, Message, Range, Record, Fence or End.
type Part interface {
	append(b []byte) []byte
	kind() kind
}

// Header is the first part: whose savepoint it is.
type Header struct{ Pipeline, Epoch string }

// Chunk is a chunk of a segment.
type Chunk struct {
	ID      checkpoint.ShardID
	Segment string
	Number  int
	Data    []byte
}

// Range says which sequences the exchange held.
type Range struct{ First, Last uint64 }

// Message is a record in the exchange.
type Message struct {
	Seq     uint64
	Subject string
	Header  []Field
	Data    []byte
}

// Field is a value of a header.
type Field struct{ Name, Value string }

// Record is a run record.
type Record struct {
	Key   string
	Value []byte
}

// Fence is the fence of a shard.
type Fence struct {
	ID    checkpoint.ShardID
	Fence checkpoint.Fence
}

// End is the last part: how many there were before.
type End struct{ Frames uint64 }

func (Header) kind() kind  { return kindHeader }
func (Chunk) kind() kind   { return kindChunk }
func (Message) kind() kind { return kindMessage }
func (Range) kind() kind   { return kindRange }
func (Record) kind() kind  { return kindRecord }
func (Fence) kind() kind   { return kindFence }
func (End) kind() kind     { return kindEnd }

func (p Header) append(b []byte) []byte { return appendText(appendText(b, p.Pipeline), p.Epoch) }

func (p Chunk) append(b []byte) []byte {
	b = appendText(appendID(b, p.ID), p.Segment)
	return append(binary.AppendUvarint(b, uint64(p.Number)), p.Data...)
}

func (p Message) append(b []byte) []byte {
	b = appendText(binary.AppendUvarint(b, p.Seq), p.Subject)
	b = binary.AppendUvarint(b, uint64(len(p.Header)))
	for _, f := range p.Header {
		b = appendText(appendText(b, f.Name), f.Value)
	}
	return append(b, p.Data...)
}

func (p Range) append(b []byte) []byte {
	return binary.AppendUvarint(binary.AppendUvarint(b, p.First), p.Last)
}

func (p Record) append(b []byte) []byte { return append(appendText(b, p.Key), p.Value...) }
func (p Fence) append(b []byte) []byte  { return checkpoint.AppendFence(appendID(b, p.ID), p.Fence) }
func (p End) append(b []byte) []byte    { return binary.AppendUvarint(b, p.Frames) }

func appendText(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

func appendID(b []byte, id checkpoint.ShardID) []byte {
	return binary.AppendUvarint(appendText(b, id.Stage), uint64(id.Shard))
}

// Write writes a part.
func (w *Writer) Write(p Part) error { return w.frame(p.kind(), p.append(nil)) }

// Close writes the end. It does not close what is below.
func (w *Writer) Close() error { return w.Write(End{Frames: w.frames}) }

// Next returns the next part; the last one is an End, behind which nothing comes. Bytes in it belong to the caller. It returns a DamagedError
// for what was not written by a Writer.
func (r *Reader) Next() (Part, error) {
	from, before := r.at, r.frames
	k, content, err := r.next()
	if err != nil {
		return nil, err
	}
	d := decoder{rest: content}
	part := d.part(k)
	if end, ok := part.(End); ok && !d.bad {
		if end.Frames != before {
			return nil, &DamagedError{From: from, To: r.at, Reason: "parts are missing"}
		}
		return part, r.ended()
	}
	if _, header := part.(Header); d.bad || header != (before == 0) {
		return nil, &DamagedError{From: from, To: r.at, Reason: "a part is malformed"}
	}
	return part, nil
}

// decoder reads a content from the front. The first malformed field makes it bad for good.
type decoder struct {
	rest []byte
	bad  bool
}

func (d *decoder) part(k kind) Part {
	switch k {
	case kindHeader:
		return whole(d, Header{Pipeline: d.text(), Epoch: d.text()})
	case kindChunk:
		return Chunk{ID: d.id(), Segment: d.text(), Number: d.number(), Data: d.all()}
	case kindMessage:
		m := Message{Seq: d.uvarint(), Subject: d.text()}
		for n := d.uvarint(); n > 0 && !d.bad; n-- {
			m.Header = append(m.Header, Field{Name: d.text(), Value: d.text()})
		}
		m.Data = d.all()
		return m
	case kindRange:
		return whole(d, Range{First: d.uvarint(), Last: d.uvarint()})
	case kindRecord:
		return Record{Key: d.text(), Value: d.all()}
	case kindFence:
		f := Fence{ID: d.id()}
		var err error
		if f.Fence, err = checkpoint.DecodeFence(d.all()); err != nil {
			d.bad = true
		}
		return f
	default: // the reader lets no other through
		return whole(d, End{Frames: d.uvarint()})
	}
}

// whole makes the content bad if something is left of it.
func whole(d *decoder, p Part) Part {
	d.bad = d.bad || len(d.rest) > 0
	return p
}

func (d *decoder) uvarint() uint64 {
	v, n := binary.Uvarint(d.rest)
	if n <= 0 || n > 1 && d.rest[n-1] == 0 {
		d.rest, d.bad = nil, true
		return 0
	}
	d.rest = d.rest[n:]
	return v
}

func (d *decoder) number() int {
	v := d.uvarint()
	d.bad = d.bad || v > math.MaxInt32
	return int(v & math.MaxInt32)
}

func (d *decoder) text() string {
	n := d.uvarint()
	if n > uint64(len(d.rest)) {
		d.rest, d.bad = nil, true
		return ""
	}
	v := string(d.rest[:n])
	d.rest = d.rest[n:]
	return v
}

func (d *decoder) id() checkpoint.ShardID {
	return checkpoint.ShardID{Stage: d.text(), Shard: d.number()}
}

func (d *decoder) all() []byte {
	v := slices.Clone(d.rest)
	d.rest = nil
	return v
}
