// Package cbor encodes records as CBOR (RFC 8949), with github.com/fxamacker/cbor: the deterministic form of section 4.2, with the
// times of Go as texts with nanoseconds. Fields are named by the tags cbor or json.
//
// Decoding refuses what is not well formed, has two equal keys in a map, texts that are no UTF-8, more than 64 levels, and bytes behind the end.
package cbor

import (
	"bytes"
	"fmt"

	"github.com/calmstream/calmstream/operators"
	lib "github.com/fxamacker/cbor/v2"
)

// maxLevels is how deep arrays and maps can be nested.
const maxLevels = 64

// modes are how values are encoded and decoded.
func modes() (enc lib.UserBufferEncMode, dec lib.DecMode, err error) {
	options := lib.CoreDetEncOptions()
	options.Time = lib.TimeRFC3339Nano
	if enc, err = options.UserBufferEncMode(); err != nil {
		return nil, nil, err
	}
	dec, err = lib.DecOptions{DupMapKey: lib.DupMapKeyEnforcedAPF, MaxNestedLevels: maxLevels}.DecMode()
	return enc, dec, err
}

// Of returns the codec of T. It does not keep what it decodes from.
func Of[T any]() operators.Codec[T] {
	enc, dec, broken := modes()
	return operators.Codec[T]{
		Name: "cbor",
		Append: func(b []byte, v T) ([]byte, error) {
			if broken != nil {
				return b, broken
			}
			buf := bytes.NewBuffer(b)
			if err := enc.MarshalToBuffer(v, buf); err != nil {
				return b, fmt.Errorf("cbor: a %T cannot be encoded: %w", v, err)
			}
			return buf.Bytes(), nil
		},
		Decode: func(data []byte) (v T, err error) {
			if broken != nil {
				return v, broken
			}
			if err = dec.Unmarshal(data, &v); err != nil {
				return v, fmt.Errorf("not the CBOR of a %T: %w", v, err)
			}
			return v, nil
		},
	}
}
