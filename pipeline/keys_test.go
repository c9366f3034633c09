package pipeline_test

import (
	"fmt"
	"maps"
	"strconv"
	"strings"
	"testing"

	"github.com/calmstream/calmstream/crdt"
	"github.com/calmstream/calmstream/internal/natstest"
	"github.com/calmstream/calmstream/operators"
	"github.com/calmstream/calmstream/pipeline"
	"github.com/calmstream/calmstream/sinks"
)

// Any text is a key, and different keys have different results, whatever their bytes: the empty key, the one that
// stands for a whole window in paths, wildcards, broken UTF-8.
func TestStrangeKeys(t *testing.T) {
	t.Parallel()
	srv := natstest.Run(t)
	js := srv.JetStream(t)
	in := newInput(t, js, "keys", 2)
	want := make(map[string]string)
	for i, key := range []string{
		"", "_", "=", "==", "=_w", "a", "A", " ", "a.b", "*", ">", "$KV", "\xff\x00", "\r\nCalm-Verdict: stable", "é", "%41",
		strings.Repeat("k", 200), strings.Repeat("k", 201), strings.Repeat("é", 3000),
	} {
		for n := range i + 1 {
			in.put(t, n, strconv.Quote(key))
		}
		want[strconv.Quote(key)] = strconv.Itoa(i + 1)
	}
	in.end(t)
	p := pipeline.New("keys")
	quoted := pipeline.Read(p, "lines", pipeline.Source[string]{Stream: "keys", Subjects: []string{"keys.in.0", "keys.in.1"}, Decode: pipeline.Text})
	counts := operators.Count("counts", operators.KeyBy(quoted, "key", func(s string) string {
		key, _ := strconv.Unquote(s)
		return key
	}))
	sealed := operators.Seal(counts, operators.EndOfInput())
	pipeline.Write(p, "results", operators.Finals(sealed), sinks.Subject{Name: "keys.out", Stream: "keys_OUT"}, func(f operators.Final[string, crdt.GCounter]) ([]byte, error) {
		return fmt.Appendf(nil, "%q %d", f.Key, f.Value.Value()), nil
	})
	pipeline.Write(p, "top", operators.TopK("top", sealed, 1, (*crdt.GCounter).Value), sinks.Subject{Name: "keys.top", Stream: "keys_TOP"}, pipeline.EncodeJSON)
	if err := p.Run(t.Context(), pipeline.Config{Conn: srv.Conn(t), Logger: quiet}); err != nil {
		t.Fatal(err)
	}
	got := make(map[string]string)
	for _, m := range stored(t, js, "keys_OUT") {
		i := strings.LastIndexByte(string(m.Data), ' ')
		got[string(m.Data[:i])] = string(m.Data[i+1:])
	}
	if !maps.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	for subject := range stored(t, js, "keys_TOP") {
		if !strings.HasSuffix(subject, ".global._") {
			t.Errorf("the ranking of all time is at %s", subject)
		}
	}
}
