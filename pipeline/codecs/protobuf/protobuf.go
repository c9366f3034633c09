// Package protobuf encodes records that are Protocol Buffers messages, with google.golang.org/protobuf.
//
// Maps are encoded in the order of their keys. The library does not promise that two of its versions encode alike, so that all owners of
// a pipeline should be built with one: that is so anyway where they run one version of the program. Unknown fields are kept.
//
// Decoding refuses what is not well formed and more than 64 levels.
package protobuf

import (
	"fmt"

	"github.com/calmstream/calmstream/operators"
	"google.golang.org/protobuf/proto"
)

// maxLevels is how deep messages can be nested.
const maxLevels = 64

// Message is what protoc-gen-go generates: a struct whose pointer is a message.
type Message[M any] interface {
	*M
	proto.Message
}

// Of returns the codec of the messages of type M, which are records as pointers. It does not keep what it decodes from. Functions of a
// pipeline must not change the messages that they are given.
func Of[M any, P Message[M]]() operators.Codec[P] {
	name := P(new(M)).ProtoReflect().Descriptor().FullName()
	enc, dec := proto.MarshalOptions{Deterministic: true}, proto.UnmarshalOptions{RecursionLimit: maxLevels}
	return operators.Codec[P]{
		Name: "protobuf " + string(name),
		Append: func(b []byte, m P) ([]byte, error) {
			out, err := enc.MarshalAppend(b, m)
			if err != nil {
				return b, fmt.Errorf("protobuf: a %s cannot be encoded: %w", name, err)
			}
			return out, nil
		},
		Decode: func(data []byte) (P, error) {
			m := P(new(M))
			if err := dec.Unmarshal(data, m); err != nil {
				return nil, fmt.Errorf("not a %s of Protocol Buffers: %w", name, err)
			}
			return m, nil
		},
	}
}
