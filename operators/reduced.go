package operators

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"

	"github.com/calmstream/calmstream/crdt"
	"github.com/calmstream/calmstream/internal/plan"
)

// Reduced is the value that a [Reduction] has made of some number of records. Made by [Reduce]; the zero Reduced is of none.
//
// It is the lattice of a fold that one shard makes, along its log: more records win, as with a [crdt.Versioned]. Two values of
// one number are a wrong claim, or functions that are not pure; the one with the larger encoding stays then, so that a merge is still one.
//
// Class of reads: Count is a lower bound. Value can move anywhere: read it after a seal.
type Reduced[V any] struct {
	value V
	n     uint64
}

// Value returns what the values of all records make; ok is false if there are none. It may share memory with the state.
func (r *Reduced[V]) Value() (v V, ok bool) { return r.value, r.n > 0 }

// Count returns the number of records.
func (r *Reduced[V]) Count() uint64 { return r.n }

// take combines the value of a record, or the values of another state. It changes nothing if combine panics.
func (r *Reduced[V]) take(combine func(a, b V) V, v V, n uint64) {
	if n == 0 {
		return
	}
	if r.n > 0 {
		v = combine(r.value, v)
	}
	r.value = v
	r.n += n
}

// Merge takes the value of more records and reports whether that is other's.
func (r *Reduced[V]) Merge(other *Reduced[V]) (grew bool) {
	switch {
	case other.n < r.n || other.n == 0:
		return false
	case other.n == r.n:
		mine, err := r.AppendBinary(nil)
		theirs, err2 := other.AppendBinary(nil)
		if err != nil || err2 != nil || bytes.Compare(theirs, mine) <= 0 {
			return false
		}
	}
	*r = other.clone()
	return true
}

// clone returns a copy that shares no memory, as far as the value can be encoded.
func (r *Reduced[V]) clone() Reduced[V] {
	codec := plan.UsualCodec[V]()
	if data, err := codec.Append(nil, r.value); err == nil {
		if v, err := codec.Decode(data); err == nil {
			return Reduced[V]{v, r.n}
		}
	}
	return *r
}

// MarshalJSON shows the value, or null if there is none.
func (r Reduced[V]) MarshalJSON() ([]byte, error) {
	if r.n == 0 {
		return []byte("null"), nil
	}
	return json.Marshal(r.value)
}

const reducedVersion = 1

// Encoding, version 1:
//
//	version | n | value?      n: uvarint; the value in the usual form of its type, and none if n is 0

// AppendBinary appends the encoding of r to b. It fails if the value cannot be encoded.
func (r *Reduced[V]) AppendBinary(b []byte) ([]byte, error) {
	b = binary.AppendUvarint(append(b, reducedVersion), r.n)
	if r.n == 0 {
		return b, nil
	}
	return plan.UsualCodec[V]().Append(b, r.value)
}

// UnmarshalBinary replaces r with the value encoded in data. On an error r is as before.
func (r *Reduced[V]) UnmarshalBinary(data []byte) error {
	f := fieldReader{typ: "Reduced", data: data}
	f.version(reducedVersion)
	read := Reduced[V]{n: f.uvarint()}
	if f.err == nil && read.n == 0 && len(f.data) > 0 {
		f.fail()
	}
	if f.err != nil {
		return f.err
	}
	if read.n > 0 {
		if err := read.decode(f.data); err != nil {
			return err
		}
	}
	*r = read
	return nil
}

// decode reads the value, which must be what its type encodes: JSON, for one, has many forms of a value.
func (r *Reduced[V]) decode(data []byte) (err error) {
	codec := plan.UsualCodec[V]()
	if r.value, err = codec.Decode(data); err != nil {
		return fmt.Errorf("%w: Reduced: %w", crdt.ErrCorrupt, err)
	}
	if again, err := codec.Append(nil, r.value); err != nil || !bytes.Equal(again, data) {
		return fmt.Errorf("%w: Reduced: the value is not in the form in which it is encoded", crdt.ErrCorrupt)
	}
	return nil
}
