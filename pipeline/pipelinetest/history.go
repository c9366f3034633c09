package pipelinetest

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/calmstream/calmstream/pipeline/internal/checkpoint"
	"github.com/calmstream/calmstream/pipeline/internal/seal"
)

// History is all that happens in one run: the messages of the inputs, and, in order, which owner applies how many of
// them, what becomes of its envelopes, when it takes and commits checkpoints, when it crashes and from where its successor starts. What
// a History leaves open happens plainly behind its end.
//
// It is text with one event a line, which people can read, change and keep as a test:
//
//	calmstream history 1
//	pipeline "sensors"
//	seed 7 round 3
//	owners 2
//	message readings/0 "{\"sensor\":\"s1\",\"value\":7}"
//	apply readings/0#1 3
//	publish readings/0#1 102
//	snapshot readings/0#1 full
//	commit readings/0#1
//	crash readings/0#1 from 0
//	deliver 4
//
// A shard is stage/number, and its owners have numbers behind '#'. Of "publish", each digit is an envelope: lost, stored, or stored
// twice. "crash" says from which checkpoint of the shard the successor starts, or from nothing; "deliver" which of
// all envelopes arrives late. A message that was stored at another time than the default has that time before its text.
//
// With the line "shards 3" it is of CheckShards: the messages are dealt to three shards, and are also held against the same messages
// in one.
type History struct {
	// Pipeline is the name of the pipeline.
	Pipeline string
	// Seed and Round are where the history was drawn.
	Seed  uint64
	Round int
	// Owners is how many owners each shard has at once.
	Owners int
	// Shards is, if CheckShards has found it, to how many the messages were dealt; else 0.
	Shards int
	// Logs are the inputs.
	Logs []Log

	steps []step
}

const historyVersion = "calmstream history 1"

// Steps returns the number of events.
func (h *History) Steps() int { return len(h.steps) }

func (h *History) messages() (n int) {
	for _, l := range h.Logs {
		n += len(l.Messages)
	}
	return n
}

// String returns the text of the history.
func (h *History) String() string {
	text, err := h.MarshalText()
	if err != nil {
		return err.Error()
	}
	return string(text)
}

// MarshalText returns the history as text.
func (h *History) MarshalText() ([]byte, error) {
	b := fmt.Appendf(nil, "%s\npipeline %q\nseed %d round %d\nowners %d\n", historyVersion, h.Pipeline, h.Seed, h.Round, h.Owners)
	if h.Shards > 0 {
		b = fmt.Appendf(b, "shards %d\n", h.Shards)
	}
	for i := range h.Logs {
		l := &h.Logs[i]
		tallies := make(map[string]seal.Tally)
		for n, data := range l.Messages {
			b = fmt.Appendf(b, "message %s/%d ", l.Read, l.Shard)
			if at := l.stored(n); !at.Equal(storeTime(n)) {
				b = append(b, at.UTC().Format(time.RFC3339Nano)+" "...)
			}
			b = strconv.AppendQuote(b, string(data))
			if headers := l.headers(n, tallies); len(headers) > 0 {
				text, err := json.Marshal(headers)
				if err != nil {
					return nil, fmt.Errorf("pipelinetest: %w", err)
				}
				b = append(append(b, ' '), text...)
			}
			b = append(b, '\n')
		}
	}
	for _, s := range h.steps {
		b = append(b, s.String()+"\n"...)
	}
	return b, nil
}

var verbs = map[verb]string{apply: "apply", publish: "publish", snapshot: "snapshot", commit: "commit", crash: "crash", deliver: "deliver"}

// String returns the line of the step.
func (s step) String() string {
	if s.verb == deliver {
		return fmt.Sprintf("deliver %d", s.n)
	}
	line := fmt.Sprintf("%s %s/%d#%d", verbs[s.verb], s.shard.Stage, s.shard.Shard, s.owner)
	switch s.verb {
	case apply:
		line += fmt.Sprintf(" %d", s.n)
	case publish:
		if s.acks != "" {
			line += " " + s.acks
		}
	case snapshot:
		if s.full {
			line += " full"
		}
	case crash:
		from := "nothing"
		if s.n >= 0 {
			from = strconv.Itoa(s.n)
		}
		line += " from " + from
	default:
	}
	return line
}

// UnmarshalText reads a history back. The error names the line that it does not understand.
func (h *History) UnmarshalText(text []byte) error {
	var read History
	for i, line := range strings.Split(string(text), "\n") {
		if i == 0 && line != historyVersion {
			return fmt.Errorf("pipelinetest: a history begins with %q, not %q", historyVersion, line)
		}
		if line = strings.TrimSpace(line); i == 0 || line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		if err := read.line(line); err != nil {
			return fmt.Errorf("pipelinetest: line %d of the history, %q: %w", i+1, line, err)
		}
	}
	if read.Owners < 1 {
		return fmt.Errorf("pipelinetest: a history says how many owners there are; this one says %d", read.Owners)
	}
	*h = read
	return nil
}

func (h *History) line(line string) (err error) {
	word, rest, _ := strings.Cut(line, " ")
	switch word {
	case "pipeline":
		h.Pipeline, err = strconv.Unquote(rest)
	case "seed":
		_, err = fmt.Sscanf(rest, "%d round %d", &h.Seed, &h.Round)
	case "owners":
		h.Owners, err = strconv.Atoi(rest)
	case "shards":
		if h.Shards, err = strconv.Atoi(rest); err == nil && h.Shards < 1 {
			err = fmt.Errorf("there is at least one shard")
		}
	case "message":
		err = h.message(rest)
	default:
		var s step
		if s, err = parseStep(word, rest); err == nil {
			h.steps = append(h.steps, s)
		}
	}
	return err
}

// message reads "stage/shard [time] text [headers]".
func (h *History) message(rest string) error {
	where, rest, _ := strings.Cut(rest, " ")
	id, err := parseShard(where)
	if err != nil {
		return err
	}
	at := slices.IndexFunc(h.Logs, func(l Log) bool { return l.Read == id.Stage && l.Shard == id.Shard })
	if at < 0 {
		at = len(h.Logs)
		h.Logs = append(h.Logs, Log{Read: id.Stage, Shard: id.Shard})
	}
	l := &h.Logs[at]
	stored := storeTime(len(l.Messages))
	if !strings.HasPrefix(rest, `"`) {
		var when string
		when, rest, _ = strings.Cut(rest, " ")
		if stored, err = time.Parse(time.RFC3339Nano, when); err != nil {
			return err
		}
	}
	quoted, err := strconv.QuotedPrefix(rest)
	if err != nil {
		return err
	}
	data, err := strconv.Unquote(quoted)
	if err != nil {
		return err
	}
	var headers map[string][]string
	if rest = strings.TrimSpace(rest[len(quoted):]); rest != "" {
		if err := json.Unmarshal([]byte(rest), &headers); err != nil {
			return err
		}
	}
	l.Messages, l.Times, l.Headers = append(l.Messages, []byte(data)), append(l.Times, stored), append(l.Headers, headers)
	return nil
}

// parseShard reads "stage/shard".
func parseShard(text string) (id checkpoint.ShardID, err error) {
	stage, number, _ := strings.Cut(text, "/")
	id.Stage = stage
	id.Shard, err = strconv.Atoi(number)
	return id, err
}

func parseStep(word, rest string) (s step, err error) {
	for v, name := range verbs {
		if name == word {
			s.verb = v
		}
	}
	if s.verb == 0 {
		return s, fmt.Errorf("%q is no event", word)
	}
	if s.verb == deliver {
		s.n, err = strconv.Atoi(rest)
		return s, err
	}
	where, rest, _ := strings.Cut(rest, " ")
	where, owner, _ := strings.Cut(where, "#")
	if s.shard, err = parseShard(where); err != nil {
		return s, err
	}
	if s.owner, err = strconv.Atoi(owner); err != nil {
		return s, err
	}
	return s, s.detail(rest)
}

func (s *step) detail(text string) (err error) {
	switch s.verb {
	case apply:
		s.n, err = strconv.Atoi(text)
	case publish:
		if s.acks = text; strings.Trim(text, "012") != "" {
			err = fmt.Errorf("of an envelope it can only be said that it is lost (0), stored (1) or stored twice (2)")
		}
	case snapshot:
		if s.full = text == "full"; !s.full && text != "" {
			err = fmt.Errorf("a snapshot is full, or nothing is said of it")
		}
	case crash:
		if s.n = -1; text != "from nothing" {
			_, err = fmt.Sscanf(text, "from %d", &s.n)
		}
	default:
		if text != "" {
			err = fmt.Errorf("%q is too much", text)
		}
	}
	if err == nil && s.n < -1 {
		err = fmt.Errorf("%d is less than nothing", s.n)
	}
	return err
}
