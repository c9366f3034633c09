package pipeline

import (
	"strings"
	"time"
)

// Record is a value with what the server knows of its message.
type Record[T any] struct {
	Value T
	// Subject is where the message was published, after a subject transform of the stream.
	Subject string
	// Header is nil where the message has none.
	Header map[string][]string
	// Seq is the stream sequence, and Stored the time at which the server stored the message, by its clock.
	Seq    uint64
	Stored time.Time
}

// Token returns a part of the subject: 0 is the first, -1 the last. It is empty where there is none.
func (r Record[T]) Token(i int) string {
	tokens := strings.Split(r.Subject, ".")
	if i < 0 {
		i += len(tokens)
	}
	if i < 0 || i >= len(tokens) {
		return ""
	}
	return tokens[i]
}

// WithMetadata wraps a decoder, so that the functions of the pipeline see the subject, the headers, the sequence and the
// store time of each record. It has the form that Source.Decode takes.
func WithMetadata[T any](decode func(*Message) (T, error)) func(*Message) (Record[T], error) {
	if decode == nil {
		return nil
	}
	return func(m *Message) (r Record[T], err error) {
		r.Value, err = decode(m)
		r.Subject, r.Header, r.Seq, r.Stored = m.Subject, m.Header, m.Seq, time.Unix(0, m.Time).UTC()
		return r, err
	}
}
