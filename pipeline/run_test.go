package pipeline_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/calmstream/calmstream/crdt"
	"github.com/calmstream/calmstream/internal/natstest"
	"github.com/calmstream/calmstream/operators"
	"github.com/calmstream/calmstream/pipeline"
	"github.com/calmstream/calmstream/sinks"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// quiet drops the log of runs whose results say enough.
var quiet = slog.New(slog.DiscardHandler)

// counted is a result of the word count.
type counted struct {
	Word  string `json:"word"`
	Count uint64 `json:"count"`
}

// wordcount counts the words of a stream with one subject for each shard, and reports words that reach limit at once.
func wordcount(name string, shards int, limit uint64) *pipeline.Pipeline {
	p := pipeline.New(name)
	var subjects []string
	for i := range shards {
		subjects = append(subjects, fmt.Sprintf("%s.in.%d", name, i))
	}
	lines := pipeline.Read(p, "lines", pipeline.Source[string]{Stream: name, Subjects: subjects, Decode: pipeline.Text})
	words := operators.FlatMap(lines, strings.FieldsSeq)
	byWord := operators.KeyBy(words, "word", strings.ToLower)
	counts := operators.Count("counts", byWord)
	often := operators.Threshold(counts, crdt.AtLeast(limit))
	pipeline.Write(p, "often", often, sinks.Subject{Name: name + ".often", Stream: name + "_OFTEN"}, pipeline.EncodeText)
	final := operators.Finals(operators.Seal(counts, operators.EndOfInput()))
	results := operators.Map(final, func(f operators.Final[string, crdt.GCounter]) counted {
		return counted{f.Key, f.Value.Value()}
	})
	pipeline.Write(p, "results", results, sinks.Subject{Name: name + ".out", Stream: name + "_OUT"}, pipeline.EncodeJSON)
	top := operators.TopK("top", operators.Seal(counts, operators.EndOfInput()), 3, (*crdt.GCounter).Value)
	pipeline.Write(p, "top", top, sinks.Subject{Name: name + ".top", Stream: name + "_TOP"}, pipeline.EncodeJSON)
	return p
}

// input is a source stream that a test fills.
type input struct {
	js       jetstream.JetStream
	name     string
	subjects int
}

func newInput(t *testing.T, js jetstream.JetStream, name string, subjects int) *input {
	t.Helper()
	_, err := js.CreateStream(t.Context(), jetstream.StreamConfig{Name: name, Subjects: []string{name + ".in.*"}})
	if err != nil {
		t.Fatal(err)
	}
	return &input{js: js, name: name, subjects: subjects}
}

func (in *input) put(t *testing.T, i int, text string) {
	t.Helper()
	if _, err := in.js.Publish(t.Context(), fmt.Sprintf("%s.in.%d", in.name, i%in.subjects), []byte(text)); err != nil {
		t.Fatal(err)
	}
}

func (in *input) end(t *testing.T) {
	t.Helper()
	for i := range in.subjects {
		m := nats.NewMsg(fmt.Sprintf("%s.in.%d", in.name, i))
		m.Header.Set("Calm-Seal", "end")
		if _, err := in.js.PublishMsg(t.Context(), m); err != nil {
			t.Fatal(err)
		}
	}
}

// stored returns everything in a stream, by subject, and fails if a subject holds more than one message.
func stored(t *testing.T, js jetstream.JetStream, stream string) map[string]*nats.Msg {
	t.Helper()
	s, err := js.Stream(t.Context(), stream)
	if err != nil {
		t.Fatal(err)
	}
	out := make(map[string]*nats.Msg)
	info, err := s.Info(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for seq := max(1, info.State.FirstSeq); seq <= info.State.LastSeq; seq++ { // of an empty stream both are 0
		m, err := s.GetMsg(t.Context(), seq)
		if err != nil {
			t.Fatal(err)
		}
		if out[m.Subject] != nil {
			t.Errorf("%s is stored twice", m.Subject)
		}
		out[m.Subject] = &nats.Msg{Subject: m.Subject, Header: m.Header, Data: m.Data}
	}
	return out
}

func finalCounts(t *testing.T, js jetstream.JetStream, stream string) map[string]uint64 {
	t.Helper()
	got := make(map[string]uint64)
	for subject, m := range stored(t, js, stream) {
		var c counted
		if err := json.Unmarshal(m.Data, &c); err != nil {
			t.Fatalf("%s: %v", subject, err)
		}
		if v := m.Header.Get("Calm-Verdict"); v != "final" {
			t.Errorf("%s: verdict %q", subject, v)
		}
		if k := m.Header.Get("Calm-Key"); k != c.Word {
			t.Errorf("%s: key header %q, word %q", subject, k, c.Word)
		}
		got[c.Word] = c.Count
	}
	return got
}

func TestWordCount(t *testing.T) {
	t.Parallel()
	for _, shards := range []int{1, 3} {
		t.Run(fmt.Sprintf("shards=%d", shards), func(t *testing.T) {
			t.Parallel()
			srv := natstest.Run(t)
			js := srv.JetStream(t)
			in := newInput(t, js, "wc", shards)
			want := make(map[string]uint64)
			for i := range 500 {
				line := fmt.Sprintf("the Quick w%d fox w%d", i%17, i%5)
				in.put(t, i, line)
				for _, w := range strings.Fields(strings.ToLower(line)) {
					want[w]++
				}
			}
			in.end(t)
			ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
			defer cancel()
			mon := new(pipeline.Monitor)
			if err := wordcount("wc", shards, 100).Run(ctx, pipeline.Config{Conn: srv.Conn(t), Monitor: mon, Logger: quiet}); err != nil {
				t.Fatal(err)
			}
			if ctx.Err() != nil {
				t.Fatalf("the pipeline did not end by itself: %+v", mon.Shards())
			}
			if got := finalCounts(t, js, "wc_OUT"); !maps.Equal(got, want) {
				t.Errorf("got %v, want %v", got, want)
			}
			if shards > 1 {
				if left := stored(t, js, "CALM_X_wc"); len(left) > 0 {
					t.Errorf("%d envelopes are left that nobody will read", len(left))
				}
			}
			often := stored(t, js, "wc_OFTEN")
			for word, n := range want {
				found := false
				for _, m := range often {
					found = found || string(m.Data) == word
				}
				if found != (n >= 100) {
					t.Errorf("%q was counted %d times; reported: %v", word, n, found)
				}
			}
			top := stored(t, js, "wc_TOP")
			for subject, m := range top {
				t.Logf("%s %s %v", subject, m.Data, m.Header)
				if want := `[{"key":"fox","score":500},{"key":"quick","score":500},{"key":"the","score":500}]`; string(m.Data) != want {
					t.Errorf("top: %s", m.Data)
				}
			}
			if len(top) != 1 {
				t.Errorf("%d rankings", len(top))
			}
			if t.Failed() {
				t.Logf("%+v", mon.Shards())
			}
		})
	}
}
