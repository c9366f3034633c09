package sinks

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
)

// Error codes of the JetStream API.
const (
	codeAccountFull     = 10002
	codeServerFull      = 10023
	codeTooManyStreams  = 10027
	codeNoMessage       = 10037
	codeStorageFull     = 10047
	codeMessageTooLong  = 10054
	codeSubjectOverlap  = 10065
	codeWrongSequence   = 10071
	codeHeaderTooLong   = 10097
	codeDuplicateOnWay  = 10158
	codeConcurrentWrite = 10164
)

// slotState is where a record of a flight stands.
type slotState uint8

const (
	waiting   slotState = iota // not published yet
	published                  // published, no reply yet
	refused                    // the subject is taken: the stored message is to be read
	reading                    // the stored message is asked for
	retrying                   // to be published again shortly
	settled                    // durable
)

// slot is one record on its way.
type slot struct {
	subject string
	state   slotState
	// attempts counts how often the record is to be published again.
	attempts int
	// replaces is the sequence of what the record may stand in for, a delete marker or, in a view, an older version; 0 for none.
	replaces uint64
}

// flight is one call of Write: every record goes waiting → published → settled, and where its
// subject is taken published → refused → reading → settled. If what stands there is only on its way or is a
// delete marker, it goes reading → retrying → published. Only the goroutine of Write touches it.
type flight struct {
	*publisher
	records []Record
	next    int   // the first slot that is still waiting
	open    int   // slots that are neither waiting nor settled
	bytes   int   // the payloads of the open slots
	done    int   // slots that are settled
	toRead  []int // slots that are refused, the oldest first
	reads   int   // slots that are reading
	retries []int // slots that are retrying
	retryAt time.Time
}

func (f *flight) run(ctx context.Context) error {
	timer := time.NewTimer(f.limits.patience)
	defer timer.Stop()
	for f.done < len(f.records) {
		if err := f.send(); err != nil {
			return err
		}
		if err := f.wait(ctx, timer); err != nil {
			return err
		}
		for len(f.replies) > 0 {
			if err := f.receive(<-f.replies); err != nil {
				return err
			}
		}
	}
	return nil
}

// send starts what the limits allow: retries that are due, then waiting records, then reads.
func (f *flight) send() error {
	if len(f.retries) > 0 && !time.Now().Before(f.retryAt) {
		for _, i := range f.retries {
			if err := f.publish(i, &f.records[i]); err != nil {
				return err
			}
		}
		f.retries = f.retries[:0]
	}
	for f.next < len(f.records) && f.open < f.limits.count && (f.open == 0 || f.bytes < f.limits.bytes) {
		s, r := &f.slots[f.next], &f.records[f.next]
		s.replaces = f.replaceable(s.subject, r.Version)
		if err := f.publish(f.next, r); err != nil {
			return err
		}
		f.bytes += len(r.Payload)
		f.open++
		f.next++
	}
	for len(f.toRead) > 0 && f.reads < f.limits.reads {
		if err := f.read(f.toRead[0]); err != nil {
			return err
		}
		f.toRead = f.toRead[1:]
		f.reads++
	}
	return nil
}

// wait blocks until a reply has come and been taken in, or retries are due.
func (f *flight) wait(ctx context.Context, timer *time.Timer) error {
	patience := f.limits.patience
	if len(f.retries) > 0 {
		patience = max(0, time.Until(f.retryAt))
	}
	timer.Reset(patience)
	select {
	case m := <-f.replies:
		return f.receive(m)
	case <-ctx.Done():
		return fmt.Errorf("sinks: %s: stopped with %s: %w", f.target, f.progress(), ctx.Err())
	case status := <-f.status:
		f.forget()
		return fmt.Errorf("sinks: %s: the connection is %s with %s: write again when it is back (%w)",
			f.target, strings.ToLower(status.String()), f.progress(), nats.ErrDisconnected)
	case <-timer.C:
		if len(f.retries) > 0 {
			return nil
		}
		return f.silence()
	}
}

// silence is the error when the server does not answer.
func (f *flight) silence() error {
	err := fmt.Errorf("sinks: %s: no acknowledgement for %v with %s", f.target, f.limits.patience, f.progress())
	return blame(err, f.conn.LastError())
}

// blame adds the last error of the connection to a silence if that explains it: the server reports a
// denied publish only there.
func blame(silence, last error) error {
	if errors.Is(last, nats.ErrPermissionViolation) {
		return fmt.Errorf("%w; the connection reports: %w", silence, last)
	}
	return silence
}

func (f *flight) progress() string {
	return fmt.Sprintf("%d of %d records acknowledged", f.done, len(f.records))
}

// receive takes one reply in. A reply that no slot waits for is none of ours.
func (f *flight) receive(m *nats.Msg) error {
	token := strings.TrimPrefix(m.Subject, f.inbox)
	i, ok := f.slotOf(token)
	if !ok {
		return nil
	}
	switch state := f.slots[i].state; {
	case token[0] == 'p' && state == published:
		return f.acknowledged(i, m)
	case token[0] == 'r' && state == reading:
		f.reads--
		return f.compared(i, m)
	}
	return nil
}

// slotOf reads the number of a slot from a token: one letter, and the number.
func (f *flight) slotOf(token string) (int, bool) {
	if len(token) < 2 {
		return 0, false
	}
	i, err := strconv.Atoi(token[1:])
	return i, err == nil && i >= 0 && i < len(f.slots)
}

// acknowledged takes in the reply to a publish.
func (f *flight) acknowledged(i int, m *nats.Msg) error {
	if f.newest == nil && bytes.HasPrefix(m.Data, f.stored) && !bytes.Contains(m.Data, []byte(`"error"`)) {
		f.settle(i)
		return nil
	}
	var ack struct {
		Error    *apiError `json:"error"`
		Stream   string    `json:"stream"`
		Sequence uint64    `json:"seq"`
	}
	id := f.records[i].ID
	if err := decode(m, &ack); err != nil {
		return fmt.Errorf("sinks: %s: record %q on %q: %w", f.target, id, f.slots[i].subject, err)
	}
	if ack.Error == nil {
		if ack.Stream != f.stream {
			return fmt.Errorf("sinks: %s: record %q was taken by stream %q and not by %q: another stream has the subject now: open the sink again",
				f.target, id, ack.Stream, f.stream)
		}
		if f.newest != nil {
			f.put(f.slots[i].subject, revision{ack.Sequence, f.records[i].Version})
		}
		f.settle(i)
		return nil
	}
	switch ack.Error.Code {
	case codeWrongSequence, codeConcurrentWrite:
		f.slots[i].state = refused
		f.toRead = append(f.toRead, i)
		return nil
	case codeDuplicateOnWay:
		return f.retry(i)
	case codeMessageTooLong, codeHeaderTooLong:
		return permanent("sinks: %s: record %q of %d bytes is too long for stream %q (%v): raise max_msg_size of the stream or make results smaller",
			f.target, id, len(f.records[i].Payload), f.stream, ack.Error)
	}
	return fmt.Errorf("sinks: %s: stream %q refused record %q: %w", f.target, f.stream, id, ack.Error)
}

// settle marks a record as durable.
func (f *flight) settle(i int) {
	f.slots[i].state = settled
	f.bytes -= len(f.records[i].Payload)
	f.open--
	f.done++
}

// retry has a record published again after a while that doubles with each attempt, up to 100 ms.
func (f *flight) retry(i int) error {
	s := &f.slots[i]
	if s.attempts++; s.attempts > f.limits.attempts {
		return fmt.Errorf("sinks: %s: record %q: another write to %q has been under way for %d attempts and is not stored: write again",
			f.target, f.records[i].ID, s.subject, f.limits.attempts)
	}
	if len(f.retries) == 0 {
		f.retryAt = time.Now().Add(min(time.Millisecond<<min(s.attempts-1, 7), 100*time.Millisecond))
	}
	s.state = retrying
	f.retries = append(f.retries, i)
	return nil
}

// apiError is how JetStream says no.
type apiError struct {
	Code        int    `json:"err_code"`
	Description string `json:"description"`
}

func (e *apiError) Error() string { return fmt.Sprintf("%s (%d)", e.Description, e.Code) }

// decode reads a reply of JetStream, or tells that nobody was there to reply.
func decode(m *nats.Msg, reply any) error {
	if len(m.Data) == 0 && m.Header.Get("Status") == "503" {
		return fmt.Errorf("no stream listens there: it was deleted or has no leader at present (%w)", nats.ErrNoResponders)
	}
	if err := json.Unmarshal(m.Data, reply); err != nil {
		return fmt.Errorf("the reply %.80q is not one of JetStream: %w", m.Data, err)
	}
	return nil
}
