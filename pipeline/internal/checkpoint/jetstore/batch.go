package jetstore

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nuid"

	"github.com/calmstream/calmstream/pipeline/internal/checkpoint"
)

const (
	// maxBatch is the number of messages that a server takes in one batch, unless it is configured for fewer.
	maxBatch = 1000

	// window is how many bytes are sent before the server must say that it has them. It is small against the 128 MiB that a
	// stream queues for all its writers: what does not fit there is dropped, and the batch with it.
	window = 8 << 20

	// maxBatchBytes is how much goes in one batch. The server stages a batch as a whole before it stores it.
	maxBatchBytes = 64 << 20

	headerBatchID   = "Nats-Batch-Id"
	headerBatchSeq  = "Nats-Batch-Sequence"
	headerCommit    = "Nats-Batch-Commit"
	headerExpected  = "Nats-Expected-Last-Subject-Sequence"
	batchIDLength   = 22 // of a nuid
	headerLineExtra = len(": \r\n")
)

// batch is a commit as messages: the chunks, the outputs, and the fence last.
type batch struct {
	msgs     []batchMsg
	chunks   int // in msgs, where they come first
	bytes    int64
	segments []string // the IDs of the segments that have chunks
	// ahead are batches of chunks that do not fit into the one with the fence. They are stored before it.
	ahead [][]batchMsg
}

type batchMsg struct {
	subject  string
	data     []byte
	expected uint64 // the revision that the subject must have; 0 if it must not exist
	// output is set for what leaves the shard.
	output *checkpoint.Output
}

// segment takes the ID of the segment out of the subject of a chunk.
func (m batchMsg) segment() (id string, ok bool) {
	if m.output != nil {
		return "", false
	}
	parts := strings.Split(m.subject, ".")
	if n := len(parts); n > 3 && parts[n-3] == "seg" {
		return parts[n-2], true
	}
	return "", false
}

// newBatch lays out a commit, and refuses one with a message that the server would refuse for its size.
func (s *Store) newBatch(id checkpoint.ShardID, revision uint64, fence checkpoint.Fence, segments []checkpoint.Segment, outputs []checkpoint.Output) (*batch, error) {
	b := &batch{}
	for _, seg := range segments {
		for n, chunk := range seg.Chunks {
			b.msgs = append(b.msgs, batchMsg{subject: s.chunkSubject(id, seg.Ref.ID, n), data: chunk})
			b.bytes += int64(len(chunk))
		}
		if len(seg.Chunks) > 0 {
			b.segments = append(b.segments, seg.Ref.ID)
		}
	}
	b.chunks = len(b.msgs)
	for i := range outputs {
		b.msgs = append(b.msgs, batchMsg{subject: s.outputSubject(id, outputs[i].Name), data: outputs[i].Data, output: &outputs[i]})
		b.bytes += int64(outputs[i].Size())
	}
	value := checkpoint.AppendFence(nil, fence)
	b.msgs = append(b.msgs, batchMsg{subject: s.fenceSubject(id), data: value, expected: revision})
	b.bytes += int64(len(value))
	for i, m := range b.msgs {
		if size, limit := m.size(i+1), s.conn.MaxPayload(); limit > 0 && size > limit {
			return nil, fmt.Errorf("jetstore: commit of %v: %w: %s is %d bytes with its headers, the server takes %d; raise its max_payload",
				id, checkpoint.ErrTooLarge, m.subject, size, limit)
		}
	}
	b.split(maxBatch, maxBatchBytes)
	return b, nil
}

// split moves chunks from the front to batches of their own until the rest, with the fence, is within the limits.
func (b *batch) split(messages int, bytes int64) {
	for len(b.msgs) > messages || b.bytes > bytes {
		n, size := 0, int64(0)
		for n < min(messages, b.chunks) && (n == 0 || size+int64(len(b.msgs[n].data)) <= bytes) {
			size += int64(len(b.msgs[n].data))
			n++
		}
		if n == 0 {
			return // only what belongs together
		}
		b.ahead, b.msgs, b.bytes, b.chunks = append(b.ahead, b.msgs[:n]), b.msgs[n:], b.bytes-size, b.chunks-n
	}
}

// send makes one attempt to store messages as one batch and returns the revision of the last. After an error the batch may be stored
// all the same.
func (s *Store) send(ctx context.Context, msgs []batchMsg) (uint64, error) {
	batchID := nuid.Next()
	unacknowledged, bytes := 0, 0
	for i, m := range msgs[:len(msgs)-1] {
		bytes += len(m.data)
		if err := ctx.Err(); err != nil {
			return 0, err
		}
		msg := m.message(batchID, i+1, false)
		if unacknowledged += len(m.data); unacknowledged < window {
			if err := s.publish(msg); err != nil {
				return 0, err
			}
			continue
		}
		unacknowledged = 0
		if _, err := s.sendAndWait(ctx, msg, s.patience); err != nil {
			return 0, err
		}
	}
	// What the server has only taken note of so far, it now stores and replicates: that takes time by the size.
	patience := s.patience + time.Duration(bytes/window)*time.Second
	ack, err := s.sendAndWait(ctx, msgs[len(msgs)-1].message(batchID, len(msgs), true), patience)
	if err != nil {
		return 0, err
	}
	if ack.Batch != batchID {
		return 0, fmt.Errorf("jetstore: the server acknowledged batch %q, sent was %q", ack.Batch, batchID)
	}
	return ack.Sequence, nil
}

// publishAck is the server's answer to a stored message: empty for a message inside a batch.
type publishAck struct {
	answer
	Stream   string `json:"stream"`
	Sequence uint64 `json:"seq"`
	Batch    string `json:"batch"`
}

func (s *Store) sendAndWait(ctx context.Context, msg *nats.Msg, patience time.Duration) (publishAck, error) {
	var ack publishAck
	reply, err := s.ask(ctx, msg, patience)
	if err != nil || len(reply.Data) == 0 {
		return ack, err
	}
	if err := json.Unmarshal(reply.Data, &ack); err != nil {
		return ack, fmt.Errorf("jetstore: the answer to a message to %s makes no sense: %w", msg.Subject, err)
	}
	if ack.Error != nil {
		return ack, ack.Error
	}
	if ack.Stream != s.name {
		return ack, fmt.Errorf("jetstore: a message to %s was answered for stream %q instead of %s; who else takes that subject?", msg.Subject, ack.Stream, s.name)
	}
	return ack, nil
}

func (m batchMsg) message(batchID string, seq int, commit bool) *nats.Msg {
	msg := nats.NewMsg(m.subject)
	msg.Data = m.data
	msg.Header.Set(headerBatchID, batchID)
	msg.Header.Set(headerBatchSeq, strconv.Itoa(seq))
	msg.Header.Set(headerExpected, strconv.FormatUint(m.expected, 10))
	if m.output != nil {
		for _, h := range m.output.Headers {
			msg.Header[h[0]] = []string{h[1]}
		}
	}
	if commit {
		msg.Header.Set(headerCommit, "1")
	}
	return msg
}

// size is what the message counts for against max_payload: its content and its headers, or a few bytes more.
func (m batchMsg) size(seq int) int64 {
	headers := len("NATS/1.0\r\n\r\n")
	for _, line := range []int{
		len(headerBatchID) + batchIDLength,
		len(headerBatchSeq) + len(strconv.Itoa(seq)),
		len(headerExpected) + len(strconv.FormatUint(m.expected, 10)),
		len(headerCommit) + 1,
	} {
		headers += line + headerLineExtra
	}
	if m.output != nil {
		headers += m.output.Size() - len(m.data)
	}
	return int64(headers + len(m.data))
}
