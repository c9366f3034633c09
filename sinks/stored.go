package sinks

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"

	"github.com/cespare/xxhash/v2"
	"github.com/nats-io/nats.go"
)

// digest is the xxhash64 of a payload as it stands in the Calm-Digest header.
func digest(payload []byte) string {
	var b [8]byte
	binary.BigEndian.PutUint64(b[:], xxhash.Sum64(payload))
	return hex.EncodeToString(b[:])
}

// read asks the leader of the stream for the message that holds the subject of a slot. Any
// other replica might not have it yet.
func (f *flight) read(i int) error {
	request, err := json.Marshal(struct {
		Subject string `json:"last_by_subj"`
	}{f.slots[i].subject})
	if err == nil {
		err = f.conn.PublishRequest("$JS.API.STREAM.MSG.GET."+f.stream, f.reply('r', i), request)
	}
	if err != nil {
		return fmt.Errorf("sinks: %s: asking for what is stored on %q: %w", f.target, f.slots[i].subject, err)
	}
	f.slots[i].state = reading
	return nil
}

// storedMessage is a message as the API of JetStream returns it.
type storedMessage struct {
	Seq    uint64 `json:"seq"`
	Header []byte `json:"hdrs"`
	Data   []byte `json:"data"`
}

// compared takes in the stored message and decides whether it is the same result.
func (f *flight) compared(i int, m *nats.Msg) error {
	var reply struct {
		Error   *apiError      `json:"error"`
		Message *storedMessage `json:"message"`
	}
	s := &f.slots[i]
	err := decode(m, &reply)
	switch {
	case err != nil:
	case reply.Error != nil && reply.Error.Code == codeNoMessage:
		s.replaces = 0 // what was in the way is not stored yet, or is gone
		return f.retry(i)
	case reply.Error != nil:
		err = reply.Error
	case reply.Message == nil:
		err = fmt.Errorf("the reply %.80q holds no message", m.Data)
	}
	if err != nil {
		return fmt.Errorf("sinks: %s: reading what is stored on %q: %w", f.target, s.subject, err)
	}
	return f.compare(i, reply.Message)
}

func (f *flight) compare(i int, stored *storedMessage) error {
	header := nats.Header{}
	if len(stored.Header) > 0 {
		var err error
		if header, err = nats.DecodeHeadersMsg(stored.Header); err != nil {
			return fmt.Errorf("sinks: %s: the headers stored on %q: %w", f.target, f.slots[i].subject, err)
		}
	}
	if isDeleteMarker(header) {
		f.slots[i].replaces = stored.Seq
		return f.retry(i)
	}
	if f.newest != nil && header.Get(IDHeader) != "" {
		if done, err := f.outdates(i, stored, header); done || err != nil {
			return err
		}
	}
	r := &f.records[i]
	sum := digest(r.Payload)
	if header.Get(IDHeader) == r.ID && header.Get(DigestHeader) == sum && bytes.Equal(stored.Data, r.Payload) {
		f.remember(f.slots[i].subject, revision{stored.Seq, r.Version})
		f.settle(i)
		return nil
	}
	return &ConflictError{
		Subject:  f.slots[i].subject,
		ID:       r.ID,
		Digest:   sum,
		StoredID: header.Get(IDHeader), StoredDigest: header.Get(DigestHeader),
	}
}

// isDeleteMarker reports whether a message only says that there is none any more: KV puts one in place of a
// deleted key, the server in place of what has expired.
func isDeleteMarker(h nats.Header) bool {
	operation := h.Get("KV-Operation")
	return operation == "DEL" || operation == "PURGE" || h.Get("Nats-Marker-Reason") != ""
}
