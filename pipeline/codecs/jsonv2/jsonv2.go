// Package jsonv2 encodes records as JSON, with github.com/go-json-experiment/json: the mirror of encoding/json/v2, which is a part of Go from
// 1.27 on, where this package needs no other module any more. It decodes three times as fast as encoding/json, without unsafe tricks.
//
// Compared to pipeline.JSON names of fields match exactly, and two equal names in an object and texts that are no UTF-8 are errors; a nil slice
// is [], not null. Fields are named by the tag json.
package jsonv2

import (
	"bytes"
	"fmt"

	"github.com/calmstream/calmstream/operators"
	lib "github.com/go-json-experiment/json"
)

// Of returns the codec of T. It does not keep what it decodes from.
func Of[T any]() operators.Codec[T] {
	ordered := lib.Deterministic(true)
	return operators.Codec[T]{
		Name: "json/v2",
		Append: func(b []byte, v T) ([]byte, error) {
			buf := bytes.NewBuffer(b)
			if err := lib.MarshalWrite(buf, v, ordered); err != nil {
				return b, fmt.Errorf("jsonv2: a %T cannot be encoded: %w", v, err)
			}
			return buf.Bytes(), nil
		},
		Decode: func(data []byte) (v T, err error) {
			if err = lib.Unmarshal(data, &v); err != nil {
				return v, fmt.Errorf("not the JSON of a %T: %w", v, err)
			}
			return v, nil
		},
	}
}
