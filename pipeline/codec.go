package pipeline

import (
	"encoding/json"
	"fmt"
)

// JSON decodes messages with encoding/json. Where decoding is what limits a pipeline, see the module pipeline/codecs: it has a faster JSON, and
// CBOR, MessagePack and Protocol Buffers.
func JSON[T any](m *Message) (v T, err error) {
	if err = json.Unmarshal(m.Data, &v); err != nil {
		return v, fmt.Errorf("the message is not the JSON of a %T: %w", v, err)
	}
	return v, nil
}

// Text takes the payload as text.
func Text(m *Message) (string, error) { return string(m.Data), nil }

// Bytes copies the payload.
func Bytes(m *Message) ([]byte, error) { return append([]byte(nil), m.Data...), nil }

// EncodeJSON encodes results with encoding/json.
func EncodeJSON[T any](v T) ([]byte, error) {
	data, err := json.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("pipeline: %w", err)
	}
	return data, nil
}

// EncodeBytes encodes results that are bytes already.
func EncodeBytes(v []byte) ([]byte, error) { return v, nil }

// EncodeText encodes results that are text.
func EncodeText(v string) ([]byte, error) { return []byte(v), nil }
