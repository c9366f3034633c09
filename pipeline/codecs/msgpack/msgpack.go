// Package msgpack encodes records as MessagePack: by the methods of the type, if github.com/tinylib/msgp has generated them (MarshalMsg and
// UnmarshalMsg), and else with github.com/vmihailenco/msgpack, where fields are named by the tag msgpack.
//
// That library believes the lengths that a message announces: five bytes make it allocate 34 GB. So what is decoded is walked through
// before: it must be one whole value, with no more elements than it has bytes for, and no more than 64 levels.
//
// It puts the keys of map[string]string, map[string]bool and map[string]any in order, and those of no other map. A type with another map
// can be decoded, but not encoded: owners of a shard would not encode it alike. Methods that are generated are trusted: types with maps must
// not be encoded by them.
package msgpack

import (
	"bytes"
	"fmt"
	"reflect"

	"github.com/calmstream/calmstream/operators"
	lib "github.com/vmihailenco/msgpack/v5"
)

// generated is what github.com/tinylib/msgp generates for a type.
type generated interface {
	MarshalMsg(b []byte) ([]byte, error)
	UnmarshalMsg(data []byte) ([]byte, error)
}

// Of returns the codec of T. It does not keep what it decodes from.
func Of[T any]() operators.Codec[T] {
	if _, ok := any(new(T)).(generated); ok {
		return operators.Codec[T]{Name: "msgpack", Append: appendGenerated[T], Decode: decodeGenerated[T]}
	}
	unordered := unorderedMap(reflect.TypeFor[T](), make(map[reflect.Type]bool))
	return operators.Codec[T]{
		Name: "msgpack",
		Append: func(b []byte, v T) ([]byte, error) {
			if unordered != nil {
				return b, fmt.Errorf("msgpack: a %T cannot be encoded: the keys of a %v would be in any order; use a slice, or CBOR", v, unordered)
			}
			buf := bytes.NewBuffer(b)
			enc := lib.GetEncoder()
			defer lib.PutEncoder(enc)
			enc.Reset(buf)
			enc.SetSortMapKeys(true)
			if err := enc.Encode(&v); err != nil {
				return b, fmt.Errorf("msgpack: a %T cannot be encoded: %w", v, err)
			}
			return buf.Bytes(), nil
		},
		Decode: func(data []byte) (v T, err error) {
			if err = whole(data); err == nil {
				err = lib.Unmarshal(data, &v)
			}
			if err != nil {
				return v, fmt.Errorf("not the MessagePack of a %T: %w", v, err)
			}
			return v, nil
		},
	}
}

func appendGenerated[T any](b []byte, v T) ([]byte, error) {
	if g, ok := any(&v).(generated); ok {
		return g.MarshalMsg(b)
	}
	return b, nil // Of has looked
}

func decodeGenerated[T any](data []byte) (v T, err error) {
	g, ok := any(&v).(generated)
	if err = whole(data); err == nil && ok {
		_, err = g.UnmarshalMsg(data)
	}
	if err != nil {
		return v, fmt.Errorf("not the MessagePack of a %T: %w", v, err)
	}
	return v, nil
}

// The maps that the library puts in order.
var ordered = map[reflect.Type]bool{
	reflect.TypeFor[map[string]string](): true,
	reflect.TypeFor[map[string]bool]():   true,
	reflect.TypeFor[map[string]any]():    true,
}

var custom = reflect.TypeFor[lib.CustomEncoder]()

// unorderedMap returns a map of a type, or within it, that would not be in order; nil if there is none.
func unorderedMap(t reflect.Type, seen map[reflect.Type]bool) reflect.Type {
	if seen[t] {
		return nil
	}
	seen[t] = true
	switch t.Kind() {
	case reflect.Map:
		if !ordered[t] {
			return t
		}
	case reflect.Pointer, reflect.Slice, reflect.Array:
		return unorderedMap(t.Elem(), seen)
	case reflect.Struct:
		if t.Implements(custom) || reflect.PointerTo(t).Implements(custom) {
			return nil // it encodes itself
		}
		for i := range t.NumField() {
			if f := t.Field(i); f.IsExported() || f.Anonymous {
				if m := unorderedMap(f.Type, seen); m != nil {
					return m
				}
			}
		}
	default:
	}
	return nil
}
