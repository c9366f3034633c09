// Package jsonscan reads records that are JSON objects, in one pass that builds nothing: a function of yours takes what it wants from
// each member. It is for records of which few fields are used, or that come so fast that their decoding is what limits a
// pipeline. It takes a fraction of the time of encoding/json, which [pipeline.JSON] uses, and of jsonv2, because nothing is looked up by reflection and
// what nobody takes is not stored.
//
// The whole message is checked, also what nobody takes: text that is no JSON is an error, as are texts that are no UTF-8. Names match
// exactly, and a name that comes twice is taken twice.
//
// [pipeline.JSON]: https://pkg.go.dev/github.com/calmstream/calmstream/pipeline#JSON
package jsonscan

import (
	"encoding/json"
	"fmt"
	"strconv"

	"github.com/calmstream/calmstream/pipeline"
)

// Object returns a decoder for [pipeline.Source], of records of type T. It calls member for each member of the object, in their order; name is
// valid only during the call. An error refuses the record. Like every decoder, member must be a function of its arguments alone.
//
// [pipeline.Source]: https://pkg.go.dev/github.com/calmstream/calmstream/pipeline#Source
func Object[T any](member func(record *T, name []byte, v Value) error) func(*pipeline.Message) (T, error) {
	return func(m *pipeline.Message) (T, error) {
		var record T
		if err := Members(m.Data, func(name []byte, v Value) error { return member(&record, name, v) }); err != nil {
			var zero T
			return zero, fmt.Errorf("not the JSON of a %T: %w", zero, err)
		}
		return record, nil
	}
}

// Members calls member for each member of the JSON object that data is, and checks all of data. It ends with the first error of member.
func Members(data []byte, member func(name []byte, v Value) error) error {
	i := blank(data, 0)
	if i >= len(data) || data[i] != '{' {
		return fail(i, "an object should begin here")
	}
	end, err := members(data, i, 1, func(name []byte, escaped bool, v Value) error {
		if !escaped {
			return member(name[1:len(name)-1], v)
		}
		plain, err := unescape(name)
		if err != nil {
			return err
		}
		return member([]byte(plain), v)
	})
	if err != nil {
		return err
	}
	if end = blank(data, end); end < len(data) {
		return fail(end, "something follows the object")
	}
	return nil
}

// Value is the value of a member. It is valid only during the call.
type Value struct {
	raw     []byte
	escaped bool
}

// Raw returns the JSON of the value, without a copy.
func (v Value) Raw() []byte { return v.raw }

// IsNull says that it is null.
func (v Value) IsNull() bool { return string(v.raw) == "null" }

// Text returns a text. A part of a surrogate pair is the character U+FFFD, as in encoding/json.
func (v Value) Text() (string, error) {
	switch {
	case v.raw[0] != '"':
		return "", fmt.Errorf("%.40s is no text", v.raw)
	case v.escaped:
		return unescape(v.raw)
	default:
		return string(v.raw[1 : len(v.raw)-1]), nil
	}
}

// Int returns an integer: a number without a fraction or an exponent.
func (v Value) Int() (int64, error) {
	n, err := strconv.ParseInt(string(v.raw), 10, 64)
	if err != nil {
		return 0, fmt.Errorf("%.40s is no integer of 64 bits: %w", v.raw, err)
	}
	return n, nil
}

// Float returns a number.
func (v Value) Float() (float64, error) {
	f, err := strconv.ParseFloat(string(v.raw), 64)
	if err != nil {
		return 0, fmt.Errorf("%.40s is no number of 64 bits: %w", v.raw, err)
	}
	return f, nil
}

// Bool returns a truth value.
func (v Value) Bool() (bool, error) {
	switch string(v.raw) {
	case "true":
		return true, nil
	case "false":
		return false, nil
	default:
		return false, fmt.Errorf("%.40s is neither true nor false", v.raw)
	}
}

// unescape is for the few texts that need it.
func unescape(raw []byte) (s string, err error) {
	err = json.Unmarshal(raw, &s)
	return s, err
}
