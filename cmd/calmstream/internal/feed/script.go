package feed

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
)

// message is one message of the stream as this input has it.
type message struct {
	seq       uint64
	partition int
	digest    digest
	chunk     []byte // nil for an end marker
	count     uint64 // of an end marker: the chunks of its partition
}

func (m message) isEnd() bool { return m.chunk == nil }

// script is what the stream is to hold: the messages of the input, computed as they are asked for.
type script struct {
	inputs  []Input
	shards  uint64
	chain   *chain
	digests []digest // of the messages so far
	starts  []uint64 // index of the first chunk of each input that was opened
	chunks  uint64   // so far
	bytes   int64    // in them

	current *cutter
	close   func()
	err     error // what next returns from now on
}

func newScript(inputs []Input, shards int) *script {
	return &script{inputs: inputs, shards: uint64(shards), chain: newChain(shards), close: func() {}}
}

// next returns the next message, or io.EOF behind the last end marker. An error stays.
func (s *script) next(ctx context.Context) (message, error) {
	if s.err != nil {
		return message{}, s.err
	}
	m, err := s.chunk(ctx)
	if errors.Is(err, errEndOfInputs) {
		m, err = s.marker()
	}
	if err != nil {
		s.err = err
		return message{}, err
	}
	s.digests = append(s.digests, m.digest)
	m.seq = uint64(len(s.digests))
	return m, nil
}

func (s *script) allOpened() bool { return len(s.starts) == len(s.inputs) }

// errEndOfInputs says that all inputs have been cut.
var errEndOfInputs = errors.New("feed: end of the inputs")

// chunk returns the next chunk of the first input that has one.
func (s *script) chunk(ctx context.Context) (message, error) {
	for {
		if s.current == nil {
			if s.allOpened() {
				return message{}, errEndOfInputs
			}
			if err := s.open(ctx, s.inputs[len(s.starts)]); err != nil {
				return message{}, err
			}
		}
		cut, err := s.current.next()
		if err == nil {
			m := message{partition: int(s.chunks % s.shards), digest: s.chain.chunk(cut), chunk: bytes.Clone(cut)}
			s.chunks++
			s.bytes += int64(len(cut))
			return m, nil
		}
		s.close()
		s.current = nil
		if !errors.Is(err, io.EOF) {
			return message{}, err
		}
	}
}

// open begins an input and sees to it that its reader is closed once: by close, or by the end of ctx.
func (s *script) open(ctx context.Context, input Input) error {
	from, err := input.Open()
	if err != nil {
		return fmt.Errorf("feed: opening input %q: %w", input.Name, err)
	}
	stop := context.AfterFunc(ctx, func() { _ = from.Close() })
	s.close = func() {
		if stop() {
			_ = from.Close() // nothing was written: what was read has been checked
		}
	}
	s.current = newCutter(input.Name, from)
	s.starts = append(s.starts, s.chunks)
	return nil
}

// marker returns the next end marker, or io.EOF.
func (s *script) marker() (message, error) {
	partition := uint64(len(s.digests)) - s.chunks
	if partition == s.shards {
		return message{}, io.EOF
	}
	count := (s.chunks + s.shards - 1 - partition) / s.shards
	return message{partition: int(partition), digest: s.chain.end(int(partition), count), count: count}, nil
}

// place names the input that the chunk at index i is from, and the part of it that comes before.
func (s *script) place(i uint64) string {
	for k := len(s.starts) - 1; k >= 0; k-- {
		if s.starts[k] <= i {
			return fmt.Sprintf("chunk %d, in input %q at or after byte offset %d", i, s.inputs[k].Name, (i-s.starts[k])*chunkTarget)
		}
	}
	return fmt.Sprintf("chunk %d", i)
}
