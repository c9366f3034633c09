package feed

import (
	"errors"
	"io"
)

// The limits of the cutter, for the model that the tests compare it with.
const (
	ChunkTarget = chunkTarget
	WordLimit   = wordLimit
)

// Chunks cuts everything that from holds. With an error come the chunks before it.
func Chunks(name string, from io.Reader) ([][]byte, error) {
	var chunks [][]byte
	cutter := newCutter(name, from)
	for {
		chunk, err := cutter.next()
		if errors.Is(err, io.EOF) {
			return chunks, nil
		}
		if err != nil {
			return chunks, err
		}
		chunks = append(chunks, append([]byte{}, chunk...))
	}
}

// Abandonable is how standard input is read.
var Abandonable = abandonable
