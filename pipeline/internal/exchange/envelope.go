// Package exchange re-partitions keyed records between two stages through a log.
//
// Each producer shard numbers its records 1, 2, 3 … for each target partition. The number and the content are functions
// of the prefix of the log that the producer has consumed, so that overlapping owners of the producer send the same.
// Only records are numbered; envelopes, the messages of the exchange stream, may be cut anywhere.
//
// The receiver takes each number once and in order: it skips what it has and discards an envelope that starts beyond its
// next number, since the producer sends everything again from its first unacknowledged number. A frontier travels with
// the envelope, unnumbered: it holds behind the last record of the envelope, counts once that record has been taken,
// and merges by maximum.
//
// An envelope is
//
//	byte     version (1)
//	uvarint  number of the producer shard
//	uvarint  number of the first record (of the next one, where there is none)
//	uvarint  count of records
//	varint   frontier behind the last record (event time, nanoseconds since 1970)
//	count x { uvarint length, record }
//
// The package knows no NATS; who moves envelopes is the caller's business.
package exchange

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/calmstream/calmstream/internal/plan"
)

const envelopeVersion = 1

// MaxRecord is the length of the longest record that fits an envelope.
const MaxRecord = plan.MaxRecordBytes

// ErrMalformed is returned for bytes that no Sender wrote.
var ErrMalformed = errors.New("exchange: this is no envelope; only the pipeline itself may publish to its exchange")

// header is what stands before the records of an envelope.
type header struct {
	producer uint64
	first    uint64
	count    uint64
	frontier int64
}

func (h header) append(b []byte) []byte {
	b = append(b, envelopeVersion)
	b = binary.AppendUvarint(b, h.producer)
	b = binary.AppendUvarint(b, h.first)
	b = binary.AppendUvarint(b, h.count)
	return binary.AppendVarint(b, h.frontier)
}

func cutHeader(data []byte) (h header, records []byte, err error) {
	if len(data) == 0 {
		return h, nil, ErrMalformed
	}
	if data[0] != envelopeVersion {
		return h, nil, fmt.Errorf("exchange: envelope version %d is unknown; a newer calmstream wrote it", data[0])
	}
	rest := data[1:]
	for _, field := range []*uint64{&h.producer, &h.first, &h.count} {
		v, n := binary.Uvarint(rest)
		if n <= 0 {
			return h, nil, ErrMalformed
		}
		*field, rest = v, rest[n:]
	}
	frontier, n := binary.Varint(rest)
	if n <= 0 || h.first == 0 || h.count > uint64(len(rest)-n) || h.first+h.count < h.first {
		return h, nil, ErrMalformed
	}
	h.frontier = frontier
	return h, rest[n:], nil
}

// cutRecord returns the first record and the rest.
func cutRecord(data []byte) (record, rest []byte, err error) {
	size, n := binary.Uvarint(data)
	if n <= 0 || size > uint64(len(data)-n) {
		return nil, nil, ErrMalformed
	}
	end := n + int(size)
	return data[n:end], data[end:], nil
}
