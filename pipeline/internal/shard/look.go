package shard

import (
	"encoding/binary"

	"github.com/calmstream/calmstream/pipeline/internal/checkpoint"
)

// FrontierOf returns how far the input of a shard was complete at a checkpoint, given the small state in its fence.
func FrontierOf(meta []byte) (int64, error) {
	d := newDigest(1) // which divides every distance
	frontier, _, err := d.restore(meta)
	return frontier, err
}

// EntriesOf calls each with the entries in a chunk that the operator with the given number wrote. An entry aliases the chunk.
func EntriesOf(chunk []byte, node int, each func(entry []byte) error) error {
	return checkpoint.Entries(chunk, func(entry []byte) error {
		id, n := binary.Uvarint(entry)
		if n <= 0 {
			return errState
		}
		if id != uint64(node) {
			return nil
		}
		return each(entry[n:])
	})
}
