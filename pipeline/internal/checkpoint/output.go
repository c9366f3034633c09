package checkpoint

import (
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
)

// Output is a message that leaves a shard with a commit: it is stored together with the fence, or not at all.
type Output struct {
	// Name says where it is stored among the outputs of the shard: names as CheckName wants them, joined with dots. The first one is that of
	// the outbox. No two outputs of a shard have one name, whichever commits they are of.
	Name string
	// Headers are pairs of a name and a value, in order.
	Headers [][2]string
	Data    []byte
}

// maxOutputName bounds the length of the name of an output, which is made of those of a destination, a window and a key.
const maxOutputName = 1024

// Outbox returns the name of the outbox that the output belongs to.
func (o Output) Outbox() string {
	name, _, _ := strings.Cut(o.Name, ".")
	return name
}

// Size is about what the output takes, in memory and on the way.
func (o Output) Size() int {
	n := len(o.Name) + len(o.Data)
	for _, h := range o.Headers {
		n += len(h[0]) + len(h[1]) + 4
	}
	return n
}

// CheckOutputs reports whether outputs can be stored with one commit.
func CheckOutputs(outputs []Output) error {
	names := make(map[string]bool, len(outputs))
	for _, o := range outputs {
		switch {
		case len(o.Name) > maxOutputName:
			return fmt.Errorf("checkpoint: output %.80q…: a name has at most %d characters", o.Name, maxOutputName)
		case names[o.Name]:
			return fmt.Errorf("checkpoint: two outputs of one commit have the name %q", o.Name)
		}
		for part := range strings.SplitSeq(o.Name, ".") {
			if err := CheckName("output", part); err != nil {
				return fmt.Errorf("%w (in %q)", err, o.Name)
			}
		}
		names[o.Name] = true
	}
	return nil
}

// AppendOutput appends the encoding of o to b:
//
//	bytes Name, uvarint number of headers, for each: bytes name, bytes value; bytes Data
//
// where bytes is a uvarint length and so many bytes.
func AppendOutput(b []byte, o Output) []byte {
	b = appendBytes(b, o.Name)
	b = binary.AppendUvarint(b, uint64(len(o.Headers)))
	for _, h := range o.Headers {
		b = appendBytes(appendBytes(b, h[0]), h[1])
	}
	return appendBytes(b, o.Data)
}

// DecodeOutput reads what AppendOutput wrote, and nothing else. The output does not alias data.
func DecodeOutput(data []byte) (Output, error) {
	d := decoder{rest: data}
	o := Output{Name: string(d.bytes())}
	for range d.count(2) {
		o.Headers = append(o.Headers, [2]string{string(d.bytes()), string(d.bytes())})
	}
	o.Data = slices.Clone(d.bytes())
	if d.bad || len(d.rest) > 0 {
		return Output{}, fmt.Errorf("%w: output of %d bytes is malformed", ErrDamaged, len(data))
	}
	return o, nil
}
