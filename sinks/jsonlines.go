package sinks

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"unicode/utf8"
)

// JSONLines writes each result as one JSON object on a line of its own, for people, pipes and files.
//
//	{"id":"…","verdict":"final","key":"ad-7","window":"…","frontier":"…","pipeline":"ads","value":{"count":12}}
//
// Fields stand in that order; those that are empty, but for id, verdict and value, are left out. A
// payload that is valid JSON stands in "value" as it is, but for the whitespace between its tokens;
// other valid UTF-8 stands there as a string; other bytes stand in "value_base64" instead. A key
// that is not valid UTF-8 stands in "key_base64" instead of "key".
//
// Delivery is at least once: the lines of a result that is written again have the same id and the same
// content. Use a *JSONLines, not a copy: the lock that keeps lines apart is in it.
type JSONLines struct {
	// W receives whole lines, in one call a batch. It is required. What it buffers counts as written, so
	// a bufio.Writer here loses results when the process dies.
	W io.Writer
	// Name names the destination in the plan and in errors. It is required.
	Name string

	mu sync.Mutex
	// torn says that the last write stopped inside a line.
	torn bool
}

// Stdout returns a JSONLines on the standard output.
func Stdout() *JSONLines {
	return &JSONLines{W: os.Stdout, Name: "stdout"}
}

// Target returns "json lines " and the name.
func (s *JSONLines) Target() string { return "json lines " + s.Name }

// Open fails if a field is missing.
func (s *JSONLines) Open(_ context.Context, _ Env) (Writer, error) {
	if s.Name == "" {
		return nil, errors.New("sinks: JSONLines has no Name: set it, it stands in the plan and in errors")
	}
	if s.W == nil {
		return nil, fmt.Errorf("sinks: %s has no W: set the io.Writer that takes the lines", s.Target())
	}
	w := &lineWriter{sink: s}
	w.enc = json.NewEncoder(&w.buf)
	w.enc.SetEscapeHTML(false)
	return w, nil
}

// put writes whole lines. After a write that stopped inside a line, the next one begins on a line
// of its own, so that at most the broken line is unreadable and its records come again.
func (s *JSONLines) put(ctx context.Context, lines []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := ctx.Err(); err != nil { // it may have ended while another shard was writing
		return fmt.Errorf("sinks: %s: stopped before writing: %w", s.Target(), err)
	}
	if s.torn {
		lines = append([]byte{'\n'}, lines...)
	}
	n, err := s.W.Write(lines)
	if n = max(0, min(n, len(lines))); n > 0 {
		s.torn = lines[n-1] != '\n'
	}
	if err == nil && n < len(lines) {
		err = io.ErrShortWrite
	}
	if err != nil {
		return fmt.Errorf("sinks: %s: wrote %d of %d bytes: %w", s.Target(), n, len(lines), err)
	}
	return nil
}

// line is the shape of one line.
type line struct {
	ID          string `json:"id"`
	Verdict     string `json:"verdict"`
	Key         string `json:"key,omitempty"`
	KeyBase64   []byte `json:"key_base64,omitempty"`
	Window      string `json:"window,omitempty"`
	Frontier    string `json:"frontier,omitempty"`
	Pipeline    string `json:"pipeline,omitempty"`
	Value       any    `json:"value,omitempty"` // a json.RawMessage or a string
	ValueBase64 []byte `json:"value_base64,omitempty"`
}

type lineWriter struct {
	sink   *JSONLines
	buf    bytes.Buffer
	enc    *json.Encoder
	closed bool
}

func (w *lineWriter) Write(ctx context.Context, records []Record) error {
	if w.closed {
		return closedError(w.sink.Target())
	}
	if len(records) == 0 {
		return nil
	}
	w.buf.Reset()
	for i := range records {
		if err := w.encode(&records[i]); err != nil {
			return permanent("sinks: %s: record %q: %v", w.sink.Target(), records[i].ID, err)
		}
	}
	return w.sink.put(ctx, w.buf.Bytes())
}

// encode appends one record and its newline to the buffer.
func (w *lineWriter) encode(r *Record) error {
	l := line{ID: r.ID, Verdict: r.Verdict.String(), Window: r.Window, Frontier: r.Frontier, Pipeline: r.Pipeline}
	if utf8.ValidString(r.Key) {
		l.Key = r.Key
	} else {
		l.KeyBase64 = []byte(r.Key)
	}
	switch {
	case !utf8.Valid(r.Payload): // JSON text is UTF-8, whatever json.Valid lets pass inside strings
		l.ValueBase64 = r.Payload
	case json.Valid(r.Payload):
		l.Value = json.RawMessage(r.Payload)
	default:
		l.Value = string(r.Payload)
	}
	return w.enc.Encode(&l)
}

func (w *lineWriter) Close() error {
	w.closed = true
	return nil
}
