package answer

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"time"

	"github.com/calmstream/calmstream/internal/plan"
	"github.com/calmstream/calmstream/pipeline/internal/checkpoint"
	"github.com/cespare/xxhash/v2"
)

// Kind is a kind of question, as the last token of its subject.
type Kind string

// The kinds of questions.
const (
	Threshold  Kind = "threshold"
	Await      Kind = "await"
	LowerBound Kind = "lower-bound"
	Final      Kind = "final"
)

// Codes of errors.
const (
	codeMalformed = 400
	codeUnknown   = 404
	codeBehind    = 409
	codeGone      = 410
	codeTooLarge  = 413
	codeElsewhere = 421
	codeTooMany   = 429
	codeFailed    = 500
	codeNotHere   = 503
)

// maxRequest is the length of the longest request: the longest key in base64, and what stands around it.
const maxRequest = plan.MaxKeyBytes/3*4 + 16<<10

// MaxWait is the longest time that one request can wait.
const MaxWait = time.Minute

// Subject is where a question about a state is asked.
func Subject(pipeline, epoch string, shard checkpoint.ShardID, state string, kind Kind) string {
	return prefix(pipeline, epoch, shard) + state + "." + string(kind)
}

func prefix(pipeline, epoch string, shard checkpoint.ShardID) string {
	return "calm.q." + pipeline + "." + epoch + "." + shard.Stage + "." + strconv.Itoa(shard.Shard) + "."
}

// Request is a question.
type Request struct {
	// Key is the key as people write it, or EncodedKey its canonical encoding.
	Key        *string `json:"key,omitempty"`
	EncodedKey []byte  `json:"encodedKey,omitempty"`
	// At says which window is meant.
	At *time.Time `json:"at,omitempty"`
	// Threshold is the name of a set of states.
	Threshold string `json:"threshold,omitempty"`
	// Wait is how long to wait, as of time.ParseDuration.
	Wait string `json:"wait,omitempty"`
	// From is the least position that the answer is to be of.
	From uint64 `json:"from,omitempty"`
	// Raw asks for the state itself, and Unlike to wait until it is another than the one with this Mark.
	Raw    bool   `json:"raw,omitempty"`
	Unlike string `json:"unlike,omitempty"`

	wait time.Duration
}

// read reads a request.
func (r *Request) read(data []byte) error {
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(r); err != nil {
		return fmt.Errorf(`a request is JSON such as {"key": "calm", "threshold": "count >= 2"}: %w`, err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return errors.New("something stands behind the JSON of the request")
	}
	if (r.Key == nil) == (r.EncodedKey == nil) {
		return errors.New(`a request has a "key", or an "encodedKey"`)
	}
	if r.Wait != "" {
		var err error
		if r.wait, err = time.ParseDuration(r.Wait); err != nil || r.wait < 0 || r.wait > MaxWait {
			return fmt.Errorf(`"wait" is a duration from 0s to %s, not %q`, MaxWait, r.Wait)
		}
	}
	return nil
}

// Reply is an answer.
type Reply struct {
	// Verdict is final, stable, lower-bound, provisional or unknown.
	Verdict string `json:"verdict"`
	// Value is true or false for a threshold, and else the state as it is shown; it is missing while it is unknown.
	Value json.RawMessage `json:"value,omitempty"`
	// Basis says what a final verdict rests on, and why something is unknown.
	Basis string `json:"basis,omitempty"`
	// Window, Frontier and Position say of which state, and of when, the answer is.
	Window   string   `json:"window,omitempty"`
	Frontier string   `json:"frontier,omitempty"`
	Position Position `json:"position"`
	// Origin is who answered: "worker <name>", or "checkpoint".
	Origin string `json:"origin"`
}

// Full is an answer as it is sent.
type Full struct {
	Reply
	// Raw is the state itself, if it was asked for.
	Raw *Raw `json:"raw,omitempty"`
}

// Unknown is the verdict of what is not known, and OfCheckpoint the origin of what a checkpoint says.
const (
	Unknown      = "unknown"
	OfCheckpoint = "checkpoint"
)

// Position is a place in the log of a shard.
type Position struct {
	Stage       string `json:"stage"`
	Shard       int    `json:"shard"`
	Incarnation int64  `json:"incarnation"`
	Seq         uint64 `json:"seq"`
}

// Raw is the state of a key as a shard has it.
type Raw struct {
	Present bool `json:"present"`
	// Start and End are those of the window.
	Start int64 `json:"start"`
	End   int64 `json:"end"`
	// Value is the encoding of the state.
	Value    []byte `json:"value,omitempty"`
	Frontier int64  `json:"frontier"`
	// LastSeq is the sequence of the last message that was applied, and Fresh says that none was.
	LastSeq uint64 `json:"lastSeq"`
	Fresh   bool   `json:"fresh,omitempty"`
}

// Mark tells states of one key from each other.
func Mark(f plan.Finding) string {
	d := xxhash.New()
	if f.Present {
		_, _ = fmt.Fprintf(d, "%d %d ", f.Window.Start, f.Window.End)
		_, _ = d.Write(f.Value)
	}
	return strconv.FormatUint(d.Sum64(), 16)
}

// Refusal is an error that a worker answers with.
type Refusal struct {
	Code int
	Text string
}

func (r *Refusal) Error() string { return r.Text }

// Is makes a refusal of what was handed on an ErrGone.
func (r *Refusal) Is(target error) bool { return target == ErrGone && r.Code == codeGone }

func refuse(code int, format string, args ...any) *Refusal {
	return &Refusal{code, fmt.Sprintf(format, args...)}
}

// Malformed reports whether the question makes no sense, whoever is asked.
func Malformed(err error) bool { return isCode(err, codeMalformed) }

// Elsewhere reports whether the key belongs to another shard.
func Elsewhere(err error) bool { return isCode(err, codeElsewhere) }

func isCode(err error, code int) bool {
	var r *Refusal
	return errors.As(err, &r) && r.Code == code
}
