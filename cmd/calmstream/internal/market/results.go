package market

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/calmstream/calmstream/benchmarks/nexmark/queries"
	"github.com/calmstream/calmstream/sinks"
	"github.com/nats-io/nats.go/jetstream"
)

// Result is a row.
type Result struct {
	// Write is "rows", or "markers" where a query has those too.
	Write string `json:"write"`
	// Verdict says what the row is worth and Window what it is about, if it is about one.
	Verdict string `json:"verdict"`
	Window  string `json:"window,omitempty"`
	// Row is a JSON object.
	Row json.RawMessage `json:"row"`
}

// Results are those of a run that has ended, in an order that does not depend on who computed them.
type Results struct {
	Rows []Result
	// Unused counts the records that could not be used, which are in the stream DeadLetters with the reason.
	Unused      uint64
	DeadLetters string
}

// collect reads the rows.
func (c Config) collect(ctx context.Context, js jetstream.JetStream, n names) (r Results, err error) {
	fingerprint, err := Pipeline(c.Query, c.Run, c.Shards).Fingerprint()
	if err != nil {
		return r, err
	}
	epoch := "e" + fingerprint
	for _, write := range []string{queries.Rows, queries.Markers} {
		rows, err := read(ctx, js, n, write, epoch)
		if err != nil {
			return r, err
		}
		r.Rows = append(r.Rows, rows...)
	}
	slices.SortFunc(r.Rows, func(a, b Result) int {
		return cmp.Or(strings.Compare(b.Write, a.Write), strings.Compare(a.Window, b.Window), bytes.Compare(a.Row, b.Row))
	})
	r.DeadLetters = "CALM_DLQ_" + n.pipeline
	r.Unused, err = unused(ctx, js, r.DeadLetters, "calm.*."+n.pipeline+"."+epoch+".>")
	return r, err
}

// read returns the results of a Write, each once.
func read(ctx context.Context, js jetstream.JetStream, n names, write, epoch string) ([]Result, error) {
	failed := func(err error) error {
		return fmt.Errorf("market: reading stream %s: %w; run the same again to try again", n.results, err)
	}
	consumer, err := js.OrderedConsumer(ctx, n.results, jetstream.OrderedConsumerConfig{FilterSubjects: []string{n.subject + "." + write + ".>"}})
	if err != nil {
		return nil, failed(err)
	}
	expected := consumer.CachedInfo().NumPending
	messages, err := consumer.Messages(jetstream.PullMaxMessagesWithBytesLimit(5000, 8<<20))
	if err != nil {
		return nil, failed(err)
	}
	defer messages.Stop()
	rows, seen, known := make([]Result, 0, expected), uint64(0), make(map[string]bool)
	for came := uint64(0); came < expected; {
		m, err := next(ctx, messages)
		if err != nil {
			return nil, failed(err)
		}
		meta, err := m.Metadata()
		if err != nil {
			return nil, failed(err)
		}
		if meta.Sequence.Stream <= seen { // a reader that lost its connection may begin anew a little earlier
			continue
		}
		seen = meta.Sequence.Stream
		came++
		h := m.Headers()
		id := h.Get(sinks.IDHeader)
		if known[id] || !strings.HasPrefix(id, epoch+"/") { // a row about no key may be stored again after a crash; other epochs are other programs
			continue
		}
		known[id] = true
		rows = append(rows, Result{Write: write, Verdict: h.Get(sinks.VerdictHeader), Window: h.Get(sinks.WindowHeader), Row: m.Data()})
	}
	return rows, nil
}

func next(ctx context.Context, messages jetstream.MessagesContext) (jetstream.Msg, error) {
	ctx, cancel := context.WithTimeout(ctx, answerWait)
	defer cancel()
	return messages.Next(jetstream.NextContext(ctx))
}

// unused counts the messages on a subject of the dead letters.
func unused(ctx context.Context, js jetstream.JetStream, stream, subject string) (n uint64, err error) {
	ctx, cancel := context.WithTimeout(ctx, answerWait)
	defer cancel()
	s, err := js.Stream(ctx, stream)
	if err != nil {
		return 0, fmt.Errorf("market: looking for records that could not be used in stream %s: %w", stream, err)
	}
	info, err := s.Info(ctx, jetstream.WithSubjectFilter(subject))
	if err != nil {
		return 0, fmt.Errorf("market: looking for records that could not be used in stream %s: %w", stream, err)
	}
	for _, count := range info.State.Subjects {
		n += count
	}
	return n, nil
}

// JSON renders results as one JSON object a line.
func JSON(rows []Result) ([]byte, error) {
	var out bytes.Buffer
	lines := json.NewEncoder(&out)
	lines.SetEscapeHTML(false)
	for _, r := range rows {
		if err := lines.Encode(r); err != nil {
			return nil, fmt.Errorf("market: %w", err)
		}
	}
	return out.Bytes(), nil
}

// Text renders results as lines of fields with tabs between them: those of the row, without their names, and the verdict.
func Text(rows []Result) ([]byte, error) {
	var out bytes.Buffer
	for _, r := range rows {
		fields := json.NewDecoder(bytes.NewReader(r.Row))
		fields.UseNumber()
		for i := 0; ; i++ {
			token, err := fields.Token()
			if err != nil {
				return nil, fmt.Errorf("market: the row %s: %w", r.Row, err)
			}
			if token == json.Delim('}') {
				break
			}
			if i > 0 && i%2 == 0 {
				fmt.Fprintf(&out, "%v\t", token)
			}
		}
		out.WriteString(r.Verdict + "\n")
	}
	return out.Bytes(), nil
}
