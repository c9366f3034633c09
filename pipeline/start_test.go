package pipeline_test

import (
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/calmstream/calmstream/crdt"
	"github.com/calmstream/calmstream/internal/natstest"
	"github.com/calmstream/calmstream/operators"
	"github.com/calmstream/calmstream/pipeline"
	"github.com/calmstream/calmstream/sinks"
	"github.com/nats-io/nats.go/jetstream"
)

// numbers counts words from a part of a stream.
func numbers(name, stream string, from pipeline.Source[string]) *pipeline.Pipeline {
	p := pipeline.New(name)
	from.Stream, from.Decode = stream, pipeline.Text
	words := operators.FlatMap(pipeline.Read(p, "lines", from), strings.FieldsSeq)
	counts := operators.Count("counts", operators.KeyBy(words, "word", func(w string) string { return w }))
	finals := operators.Finals(operators.Seal(counts, operators.EndOfInput()))
	pipeline.Write(p, "out", operators.Map(finals, func(f operators.Final[string, crdt.GCounter]) counted { return counted{f.Key, f.Value.Value()} }),
		sinks.Subject{Name: name + ".out", Stream: name + "_OUT"}, pipeline.EncodeJSON)
	return p
}

// Where an input begins and ends is resolved once: what comes later, and however the stream looks when it is started again, changes nothing.
func TestWhereAnInputBeginsAndEnds(t *testing.T) {
	t.Parallel()
	srv := natstest.Run(t)
	js := srv.JetStream(t)
	in := newInput(t, js, "st", 2)
	stream, err := js.Stream(t.Context(), "st")
	if err != nil {
		t.Fatal(err)
	}
	storedAt := func(seq uint64) time.Time {
		t.Helper()
		m, err := stream.GetMsg(t.Context(), seq)
		if err != nil {
			t.Fatal(err)
		}
		return m.Time
	}
	for i := range 10 { // sequences 1 to 10
		in.put(t, i, fmt.Sprint("w", i+1))
	}
	both := []string{"st.in.0", "st.in.1"}
	words := func(from, to int) map[string]uint64 {
		out := make(map[string]uint64)
		for i := from; i <= to; i++ {
			out[fmt.Sprint("w", i)] = 1
		}
		return out
	}
	for _, c := range []struct {
		name string
		from pipeline.Source[string]
		want map[string]uint64
	}{
		{"all", pipeline.Source[string]{Subjects: both}, words(1, 10)},
		{"whole", pipeline.Source[string]{}, words(1, 10)},
		{"seq", pipeline.Source[string]{Subjects: both, StartSequence: 4}, words(4, 10)},
		{"time", pipeline.Source[string]{Subjects: both, StartTime: storedAt(7)}, words(7, 10)},
		{"between", pipeline.Source[string]{Subjects: both, StartTime: storedAt(7).Add(1)}, words(8, 10)},
		{"early", pipeline.Source[string]{Subjects: both, StartTime: storedAt(1).Add(-time.Hour)}, words(1, 10)},
		{"late", pipeline.Source[string]{Subjects: both, StartTime: storedAt(10).Add(time.Hour)}, words(1, 0)},
		{"behind", pipeline.Source[string]{Subjects: both, StartSequence: 11}, words(1, 0)},
		{"empty", pipeline.Source[string]{Subjects: []string{"st.in.0", "st.in.9"}, StartSequence: 5}, map[string]uint64{"w5": 1, "w7": 1, "w9": 1}},
	} {
		c.from.Bounded = true
		name := "st-" + c.name
		if err := numbers(name, "st", c.from).Run(t.Context(), pipeline.Config{Conn: srv.Conn(t), Logger: quiet}); err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if got := finalCounts(t, js, name+"_OUT"); !maps.Equal(got, c.want) {
			t.Errorf("%s: got %v, want %v", c.name, got, c.want)
		}
	}
	in.put(t, 0, "w11") // behind the end of those, and before the beginning of this one
	var monitor pipeline.Monitor
	ended := make(chan error, 1)
	fresh := numbers("st-new", "st", pipeline.Source[string]{Subjects: both, StartNew: true})
	go func() {
		ended <- fresh.Run(t.Context(), pipeline.Config{Conn: srv.Conn(t), Monitor: &monitor, Logger: quiet})
	}()
	natstest.Eventually(t, "it reads", monitor.Running)
	in.put(t, 1, "w12")
	in.end(t)
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	if got := finalCounts(t, js, "st-new_OUT"); !maps.Equal(got, words(12, 12)) {
		t.Errorf("only what is new: %v", got)
	}
	// What has ended stays so.
	again := numbers("st-seq", "st", pipeline.Source[string]{Subjects: both, StartSequence: 4, Bounded: true})
	if err := again.Run(t.Context(), pipeline.Config{Conn: srv.Conn(t), Logger: quiet}); err != nil {
		t.Error(err)
	}
	if got := finalCounts(t, js, "st-seq_OUT"); !maps.Equal(got, words(4, 10)) {
		t.Errorf("a second run: %v", got)
	}
}

// A bounded input that was interrupted goes on to the end that it had, and not to a later one.
func TestBoundStaysWhereItWas(t *testing.T) {
	t.Parallel()
	srv := natstest.Run(t)
	js := srv.JetStream(t)
	in := newInput(t, js, "bo", 1)
	in.put(t, 0, "a b")
	in.put(t, 0, "stop")
	reached := make(chan struct{})
	hold := make(chan struct{})
	held := func(m *pipeline.Message) (string, error) {
		if string(m.Data) == "stop" {
			select {
			case <-reached:
			default:
				close(reached)
			}
			<-hold
		}
		return string(m.Data), nil
	}
	build := func(decode func(*pipeline.Message) (string, error)) *pipeline.Pipeline {
		p := pipeline.New("bo")
		lines := pipeline.Read(p, "lines", pipeline.Source[string]{Stream: "bo", Bounded: true, Decode: decode})
		counts := operators.Count("counts", operators.KeyBy(operators.FlatMap(lines, strings.FieldsSeq), "word", func(w string) string { return w }))
		finals := operators.Finals(operators.Seal(counts, operators.EndOfInput()))
		pipeline.Write(p, "out", operators.Map(finals, func(f operators.Final[string, crdt.GCounter]) counted { return counted{f.Key, f.Value.Value()} }),
			sinks.Subject{Name: "bo.out", Stream: "bo_OUT"}, pipeline.EncodeJSON)
		return p
	}
	first := make(chan error, 1)
	go func() { first <- build(held).Run(t.Context(), pipeline.Config{Conn: srv.Conn(t), Logger: quiet}) }()
	<-reached
	in.put(t, 0, "a late")
	if err := build(pipeline.Text).Run(t.Context(), pipeline.Config{Conn: srv.Conn(t), Standbys: 1, Logger: quiet}); err != nil {
		t.Fatal(err)
	}
	close(hold)
	if err := <-first; err != nil {
		t.Fatal(err)
	}
	if got := finalCounts(t, js, "bo_OUT"); !maps.Equal(got, map[string]uint64{"a": 1, "b": 1, "stop": 1}) {
		t.Errorf("got %v", got)
	}
}

func TestBeginningsThatCannotBe(t *testing.T) {
	t.Parallel()
	srv := natstest.Run(t)
	js := srv.JetStream(t)
	in := newInput(t, js, "no", 1)
	for range 3 {
		in.put(t, 0, "a")
	}
	stream, err := js.Stream(t.Context(), "no")
	if err != nil {
		t.Fatal(err)
	}
	if err := stream.Purge(t.Context(), jetstream.WithPurgeSequence(3)); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		from pipeline.Source[string]
		want string
	}{
		{pipeline.Source[string]{StartSequence: 2}, `stream "no" begins at sequence 3, so that it cannot be read from 2`},
		{pipeline.Source[string]{StartSequence: 2, StartNew: true}, "exclude each other"},
		{pipeline.Source[string]{StartTime: time.Now(), StartNew: true}, "exclude each other"},
		{pipeline.Source[string]{Bounded: true, StartNew: true}, "nothing is left"},
	} {
		err := numbers("no", "no", c.from).Run(t.Context(), pipeline.Config{Conn: srv.Conn(t), Logger: quiet})
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: %v, want %q", c.from, err, c.want)
		}
	}
}
