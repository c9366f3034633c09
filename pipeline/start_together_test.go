package pipeline_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"strings"
	"testing"

	"github.com/calmstream/calmstream/crdt"
	"github.com/calmstream/calmstream/internal/natstest"
	"github.com/calmstream/calmstream/operators"
	"github.com/calmstream/calmstream/pipeline"
	"github.com/calmstream/calmstream/sinks"
	"github.com/nats-io/nats.go"
)

// Inputs that read one stream to its present end, end together, also if it grows while it is looked at.
func TestBoundedInputsOfOneStreamEndTogether(t *testing.T) {
	t.Parallel()
	srv := natstest.Run(t)
	js := srv.JetStream(t)
	in := newInput(t, js, "bt", 1)
	in.put(t, 0, "a")
	// Each look at the stream adds to it.
	conn := srv.Conn(t)
	if _, err := conn.Subscribe("$JS.API.STREAM.INFO.bt", func(*nats.Msg) { _, _ = js.Publish(t.Context(), "bt.in.0", []byte("a")) }); err != nil {
		t.Fatal(err)
	}
	if err := conn.Flush(); err != nil {
		t.Fatal(err)
	}
	const inputs = 6
	p := pipeline.New("bt")
	for i := range inputs {
		name := fmt.Sprint("in", i)
		lines := pipeline.Read(p, name, pipeline.Source[string]{Stream: "bt", Bounded: true, Decode: pipeline.Text})
		counts := operators.Count("counts"+name, operators.KeyBy(lines, "word", func(w string) string { return w + name }))
		finals := operators.Finals(operators.Seal(counts, operators.EndOfInput()))
		pipeline.Write(p, "out"+name, operators.Map(finals, func(f operators.Final[string, crdt.GCounter]) counted { return counted{f.Key, f.Value.Value()} }),
			sinks.Subject{Name: "bt.out." + name, Stream: "bt_OUT_" + name}, pipeline.EncodeJSON)
	}
	if err := p.Run(t.Context(), pipeline.Config{Conn: srv.Conn(t), Logger: quiet}); err != nil {
		t.Fatal(err)
	}
	first := finalCounts(t, js, "bt_OUT_in0")["ain0"]
	for i := range inputs {
		name := fmt.Sprint("in", i)
		if got := finalCounts(t, js, "bt_OUT_"+name); !maps.Equal(got, map[string]uint64{"a" + name: first}) {
			t.Errorf("%s has counted %v, in0 %d", name, got, first)
		}
	}
	if ends := endsOf(t, srv, "bt"); len(ends) != 1 {
		t.Errorf("the start record names several ends: %v", ends)
	}
}

// endsOf returns the ends that the start record of a pipeline names.
func endsOf(t *testing.T, srv *natstest.Server, name string) map[uint64]bool {
	t.Helper()
	kv, err := srv.JetStream(t).KeyValue(t.Context(), "calm_"+name)
	if err != nil {
		t.Fatal(err)
	}
	keys, err := kv.Keys(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	ends := make(map[uint64]bool)
	for _, key := range keys {
		if !strings.HasSuffix(key, ".run.start") {
			continue
		}
		entry, err := kv.Get(t.Context(), key)
		if err != nil {
			t.Fatal(err)
		}
		var record struct {
			Logs map[string]struct{ Last uint64 }
		}
		if err := json.Unmarshal(entry.Value(), &record); err != nil {
			t.Fatal(err)
		}
		for _, log := range record.Logs {
			ends[log.Last] = true
		}
	}
	return ends
}
