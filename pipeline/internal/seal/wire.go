package seal

import (
	"encoding/binary"
	"fmt"
	"math"
	"strconv"
	"time"

	"github.com/calmstream/calmstream/internal/plan"
	"github.com/cespare/xxhash/v2"
)

// The headers of punctuations and of the records that they cover.
const (
	// Header tells a punctuation from a record. Its value is the time before which everything is complete, in RFC 3339 with
	// nanoseconds, or End, or Key. Void is the value on what takes the place of a record that was lost.
	Header = "Calm-Seal"
	// ProducerHeader names the producer of a record or a punctuation.
	ProducerHeader = "Calm-Producer"
	// SequenceHeader is the number of a record among those of its producer in the shard, from 1 on, in decimal digits.
	SequenceHeader = "Calm-Sequence"
	// CountHeader is how many records the producer has published to the shard.
	CountHeader = "Calm-Count"
	// DigestHeader is their digest as 16 hexadecimal digits: see Tally.
	DigestHeader = "Calm-Digest"

	// PipelineHeader names the pipeline that has given up on an idle shard, and IdleHeader says after how much silence.
	PipelineHeader = "Calm-Pipeline"
	IdleHeader     = "Calm-Idle"

	// CutHeader is the number of a recorded cut, from 1 on, and Cut the value of Header on its marker.
	CutHeader = "Calm-Cut"
	Cut       = "cut"

	// Idle is the value of Header on a message by which a pipeline gives up on a shard of its input that is idle.
	Idle = "idle"
	// Key is the value of Header that promises that a value is complete, which is the payload as text: numbers in decimal digits.
	// AttributeHeader names the attribute whose value it is.
	Key             = "key"
	AttributeHeader = "Calm-Attribute"
	// End is the value of Header that promises that nothing comes any more.
	End = "end"
	// Void is the value of Header on a message that takes the place, and the number, of a record that its producer could not
	// publish. It is no record, and has an empty payload in the digest.
	Void = "void"
)

// Tally is what a producer has published to a shard: how many records, and their digest. The zero Tally is that of none.
//
// The digest is the sum, modulo 2^64, of a hash of each record: xxhash64 of its number (8 bytes, little endian) and of the xxhash64
// of its payload (the same). It does not depend on the order in which records arrive.
type Tally struct{ Count, Digest uint64 }

// Add adds the next record.
func (t *Tally) Add(payload []byte) { t.AddHash(Hash(t.Count+1, payload)) }

// AddHash adds the next record by its hash.
func (t *Tally) AddHash(hash uint64) { t.Count, t.Digest = t.Count+1, t.Digest+hash }

// Hash returns the hash of the record with the given number.
func Hash(sequence uint64, payload []byte) uint64 {
	var b [16]byte
	binary.LittleEndian.PutUint64(b[:8], sequence)
	binary.LittleEndian.PutUint64(b[8:], xxhash.Sum64(payload))
	return xxhash.Sum64(b[:])
}

// Promise says that the first Count records of a producer hold everything before a time.
type Promise struct {
	Tally
	// Before is the time in nanoseconds since 1970; plan.End if nothing comes any more.
	Before int64
	// Seq is where in the log the punctuation stands.
	Seq uint64
}

// Headers returns the headers of the punctuation by which a producer makes the promise.
func (p Promise) Headers(producer string) map[string][]string {
	return map[string][]string{
		Header:         {timeText(p.Before)},
		ProducerHeader: {producer},
		CountHeader:    {strconv.FormatUint(p.Count, 10)},
		DigestHeader:   {fmt.Sprintf("%016x", p.Digest)},
	}
}

// RecordHeaders returns the headers of the record with the given number.
func RecordHeaders(producer string, sequence uint64) map[string][]string {
	return map[string][]string{ProducerHeader: {producer}, SequenceHeader: {strconv.FormatUint(sequence, 10)}}
}

// VoidHeaders returns the headers of what takes the place of a record.
func VoidHeaders(producer string, sequence uint64) map[string][]string {
	h := RecordHeaders(producer, sequence)
	h[Header] = []string{Void}
	return h
}

// ReadPromise reads the headers of a punctuation.
func ReadPromise(h map[string][]string) (p Promise, err error) {
	if p.Before, err = parseTime(get(h, Header)); err != nil {
		return p, err
	}
	p.Tally, err = readTally(h)
	return p, err
}

func readTally(h map[string][]string) (t Tally, err error) {
	if t.Count, err = strconv.ParseUint(get(h, CountHeader), 10, 64); err != nil {
		return t, fmt.Errorf("the header %s is %q; it must be the number of records published to the shard", CountHeader, get(h, CountHeader))
	}
	digest := get(h, DigestHeader)
	if t.Digest, err = strconv.ParseUint(digest, 16, 64); err != nil || len(digest) != 16 {
		return t, fmt.Errorf("the header %s is %q; it must be 16 hexadecimal digits", DigestHeader, digest)
	}
	return t, nil
}

// Sequence reads the number of a record.
func Sequence(h map[string][]string) (uint64, error) {
	n, err := strconv.ParseUint(get(h, SequenceHeader), 10, 64)
	if err != nil || n == 0 || n == math.MaxUint64 {
		return 0, fmt.Errorf("the header %s is %q; a record of a registered producer needs its number there, from 1 on", SequenceHeader, get(h, SequenceHeader))
	}
	return n, nil
}

// Producer reads the name of the producer, "" if there is none.
func Producer(h map[string][]string) string { return get(h, ProducerHeader) }

func get(h map[string][]string, name string) string {
	if v := h[name]; len(v) > 0 {
		return v[0]
	}
	return ""
}

func timeText(ns int64) string {
	if ns == plan.End {
		return End
	}
	return time.Unix(0, ns).UTC().Format(time.RFC3339Nano) // a promise is never a cut, also in the first millisecond of 1970
}

// parseTime reads the time of a punctuation. Times keep a window's distance from the ends of time, as those of records do.
func parseTime(text string) (int64, error) {
	if text == End {
		return plan.End, nil
	}
	t, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		return 0, fmt.Errorf("the header %s is %q; it must be a time such as 2024-01-31T10:00:00Z, or %q", Header, text, End)
	}
	earliest, latest := time.Unix(0, plan.Beginning).Add(plan.MaxWindow), time.Unix(0, plan.End).Add(-plan.MaxWindow)
	if t.Before(earliest) || t.After(latest) {
		return 0, fmt.Errorf("the header %s is %q, outside the years that can be represented", Header, text)
	}
	return t.UnixNano(), nil
}

// IdleHeaders returns the headers of the message by which a pipeline gives up on a shard.
func IdleHeaders(pipeline string, after time.Duration) map[string][]string {
	return map[string][]string{Header: {Idle}, PipelineHeader: {pipeline}, IdleHeader: {after.String()}}
}

// ReadIdle returns the pipeline that has given up on a shard, and the time before which it takes it for complete: what the
// silence says of the moment at which the server stored the message.
func ReadIdle(h map[string][]string, stored int64) (pipeline string, before int64, err error) {
	after, err := time.ParseDuration(get(h, IdleHeader))
	if err != nil || after <= 0 || after > plan.MaxWindow || stored < int64(after) {
		return "", 0, fmt.Errorf("the header %s is %q; it must be a time such as 30s", IdleHeader, get(h, IdleHeader))
	}
	return get(h, PipelineHeader), stored - int64(after), nil
}

// CutHeaders returns the headers of the marker of a recorded cut.
func CutHeaders(number uint64) map[string][]string {
	return map[string][]string{Header: {Cut}, CutHeader: {strconv.FormatUint(number, 10)}}
}

// ReadCut returns the number of a recorded cut.
func ReadCut(h map[string][]string) (int64, error) {
	n, err := strconv.ParseInt(get(h, CutHeader), 10, 64)
	if err != nil || n < 1 || n > plan.MaxCuts {
		return 0, fmt.Errorf("the header %s is %q; it must be the number of the cut, from 1 to %d", CutHeader, get(h, CutHeader), plan.MaxCuts)
	}
	return n, nil
}
