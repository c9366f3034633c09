package crdt

import "fmt"

// Encoding, version 1:
//
//	OpLog    version | archive | n | (dot | operation | context) * n     dots strictly ascending, none archived
//	archive  0, if there is none; else 1, or 2 if it has diverged | context | state
//	dot      origin (string) | number (uvarint > 0)
//	state, context, operation: string, the encoding of a DotContext behind its length, element

const (
	noArchive = iota
	anArchive
	divergedArchive
)

// AppendBinary appends the encoding of l to b. The error is always nil.
func (l *OpLog[T]) AppendBinary(b []byte) ([]byte, error) {
	b = append(b, version1)
	switch {
	case l.archive.size() == 0:
		b = append(b, noArchive)
	case l.archive.diverged:
		b = append(b, divergedArchive)
	default:
		b = append(b, anArchive)
	}
	var err error
	if l.archive.size() > 0 {
		if b, err = appendValue(b, &l.archive.dots); err != nil {
			return b, err
		}
		b = appendString(b, l.archive.state)
	}
	b = appendUvarint(b, uint64(l.ops.len()))
	for e := range l.ops.all {
		b = appendUvarint(appendString(b, e.d.Origin()), e.d.n)
		if b, err = appendValue(appendElement(b, e.v.op), &e.v.saw); err != nil {
			return b, err
		}
	}
	return b, nil
}

// UnmarshalBinary replaces l with the value encoded in data. On an error, which wraps [ErrCorrupt] or [ErrVersion], l is as
// before.
func (l *OpLog[T]) UnmarshalBinary(data []byte) error {
	r := open("OpLog", data)
	var d OpLog[T]
	if err := d.readArchive(&r); err != nil {
		return err
	}
	var last Dot
	for left := r.count(5); left > 0 && r.err == nil; left-- {
		dot := DotOf(string(r.bytes()), r.uvarint())
		op := readElement[T](&r)
		saw, err := readContext(&r)
		switch {
		case err != nil:
			return err
		case r.err != nil:
		case dot == (Dot{}):
			r.corrupt("an operation has no number")
		case last != (Dot{}) && !last.before(dot):
			r.corrupt("dots are not ascending")
		case d.archive.dots.Contains(dot):
			r.corrupt("an operation is archived too")
		case saw.Contains(dot):
			r.corrupt("an operation has heard of itself")
		default:
			d.log(dot, logged[T]{op: op, saw: saw})
			last = dot
		}
	}
	if err := r.close(); err != nil {
		return err
	}
	*l = d
	return nil
}

func (l *OpLog[T]) readArchive(r *reader) error {
	kind := r.uvarint()
	if kind > divergedArchive {
		r.corrupt("an archive is of a kind that does not exist")
	}
	if r.err != nil || kind == noArchive {
		return r.err
	}
	dots, err := readContext(r)
	if err != nil {
		return err
	}
	state := r.bytes()
	if r.err == nil && dots.Count() == 0 {
		r.corrupt("an archive is empty")
	}
	if r.err != nil {
		return r.err
	}
	l.archive = archive{dots: dots, state: string(state), diverged: kind == divergedArchive}
	l.heard.Merge(&l.archive.dots)
	return nil
}

// readContext reads a DotContext behind its length.
func readContext(r *reader) (c DotContext, err error) {
	data := r.bytes()
	if r.err != nil {
		return c, r.err
	}
	if err := c.UnmarshalBinary(data); err != nil {
		return c, fmt.Errorf("crdt: decode %s: context ending at byte %d: %w", r.typ, r.at, err)
	}
	return c, nil
}
