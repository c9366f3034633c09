package plan

import (
	"bytes"
	"encoding"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
)

// Codec encodes values of type T where they leave the memory of a shard: on their way through an exchange, and in
// checkpoints. Encoding must be deterministic: two owners of a shard encode the same value alike.
type Codec[T any] struct {
	// Name says what the encoding is, such as "json". It is part of the identity of the state.
	Name string
	// Append appends the encoding of v to b and returns the extended buffer.
	Append func(b []byte, v T) ([]byte, error)
	// Decode reads a value back from the whole of data. It must not keep data.
	Decode func(data []byte) (T, error)
}

// Encode returns the encoding of v. It has the form that Write takes.
func (c Codec[T]) Encode(v T) ([]byte, error) { return c.Append(nil, v) }

// Message decodes the payload of a message. It has the form that Source.Decode takes.
func (c Codec[T]) Message(m *Message) (T, error) { return c.Decode(m.Data) }

// Valid reports whether the codec is complete.
func (c Codec[T]) Valid() bool { return c.Name != "" && c.Append != nil && c.Decode != nil }

// CodecOf returns the codec of the records of a stream: the one that was declared for it, else the usual one for the type.
func CodecOf[T any](n *Node) Codec[T] {
	for ; n != nil; n = n.In[0] {
		if c, ok := n.Codec.(Codec[T]); ok {
			return c
		}
		if n.Kind != KindKeyBy && n.Kind != KindWindow {
			break // above it records may have another type
		}
	}
	return UsualCodec[T]()
}

// UsualCodec returns the codec for T where none is declared: its own binary form if it has one (AppendBinary or
// MarshalBinary, with UnmarshalBinary), the bytes of texts and byte slices, the fixed form of numbers, and else JSON.
func UsualCodec[T any]() Codec[T] {
	t := reflect.TypeFor[T]()
	_, appends := any(new(T)).(encoding.BinaryAppender)
	_, marshals := any(new(T)).(encoding.BinaryMarshaler)
	_, decodes := any(new(T)).(encoding.BinaryUnmarshaler)
	switch {
	case decodes && (appends || marshals):
		return binaryCodec[T](appends)
	case t.Kind() == reflect.String:
		return stringCodec[T]()
	case t.Kind() == reflect.Slice && t.Elem().Kind() == reflect.Uint8:
		return bytesCodec[T]()
	case fixedSize(t):
		return fixedCodec[T]()
	}
	return jsonCodec[T]()
}

func binaryCodec[T any](appends bool) Codec[T] {
	return Codec[T]{
		Name: "binary",
		Append: func(b []byte, v T) ([]byte, error) {
			if a, ok := any(&v).(encoding.BinaryAppender); appends && ok {
				return a.AppendBinary(b)
			}
			if m, ok := any(&v).(encoding.BinaryMarshaler); ok {
				data, err := m.MarshalBinary()
				return append(b, data...), err
			}
			return b, errNoCodec
		},
		Decode: func(data []byte) (v T, err error) {
			if u, ok := any(&v).(encoding.BinaryUnmarshaler); ok {
				err = u.UnmarshalBinary(data)
				return v, err
			}
			return v, errNoCodec
		},
	}
}

var errNoCodec = errors.New("plan: the type has no binary form")

func stringCodec[T any]() Codec[T] {
	return Codec[T]{
		Name:   "text",
		Append: func(b []byte, v T) ([]byte, error) { return append(b, reflect.ValueOf(&v).Elem().String()...), nil },
		Decode: func(data []byte) (v T, err error) {
			reflect.ValueOf(&v).Elem().SetString(string(data))
			return v, nil
		},
	}
}

func bytesCodec[T any]() Codec[T] {
	return Codec[T]{
		Name:   "bytes",
		Append: func(b []byte, v T) ([]byte, error) { return append(b, reflect.ValueOf(&v).Elem().Bytes()...), nil },
		Decode: func(data []byte) (v T, err error) {
			reflect.ValueOf(&v).Elem().SetBytes(bytes.Clone(data))
			return v, nil
		},
	}
}

// fixedSize reports whether a type is a bool or a number of a fixed size, which encoding/binary has a form for.
func fixedSize(t reflect.Type) bool {
	switch t.Kind() {
	case reflect.Bool, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
		reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Float32, reflect.Float64:
		return true
	default: // int and uint differ between machines
		return false
	}
}

func fixedCodec[T any]() Codec[T] {
	return Codec[T]{
		Name:   "fixed",
		Append: func(b []byte, v T) ([]byte, error) { return binary.Append(b, binary.BigEndian, v) },
		Decode: func(data []byte) (v T, err error) {
			n, err := binary.Decode(data, binary.BigEndian, &v)
			if err == nil && n != len(data) {
				err = fmt.Errorf("plan: %d bytes for a number of %d", len(data), n)
			}
			return v, err
		},
	}
}

func jsonCodec[T any]() Codec[T] {
	return Codec[T]{
		Name: "json",
		Append: func(b []byte, v T) ([]byte, error) {
			data, err := json.Marshal(v)
			return append(b, data...), err
		},
		Decode: func(data []byte) (v T, err error) {
			err = json.Unmarshal(data, &v)
			return v, err
		},
	}
}
