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
	"github.com/calmstream/calmstream/pipeline/producer"
	"github.com/calmstream/calmstream/sinks"
	"github.com/nats-io/nats.go/jetstream"
)

// promisedSeconds counts, in windows of ten seconds that producers seal, records that are numbers of seconds.
func promisedSeconds(name string, from pipeline.Source[int]) *pipeline.Pipeline {
	p := pipeline.New(name)
	from.Stream, from.Subjects, from.Producers = "VS", []string{"vs.0", "vs.1"}, []string{"a", "b"}
	from.Decode = func(m *pipeline.Message) (n int, err error) {
		_, err = fmt.Sscan(string(m.Data), &n)
		return n, err
	}
	from.Time = func(n int) time.Time { return time.Unix(int64(n), 0) }
	tens := operators.Window(operators.KeyBy(pipeline.Read(p, "seconds", from), "ten", func(n int) string { return fmt.Sprint(n / 10) }), operators.Tumbling(10*time.Second))
	finals := operators.Finals(operators.Seal(operators.Count("counts", tens), operators.Punctuation()))
	pipeline.Write(p, "out", operators.Map(finals, func(f operators.Final[string, crdt.GCounter]) counted { return counted{f.Key, f.Value.Value()} }),
		sinks.Subject{Name: name + ".out", Stream: name + "_OUT"}, pipeline.EncodeJSON)
	return p
}

// A pipeline that begins in the middle of the log of registered producers, or whose log has lost its beginning, seals with their next
// promises. Where nothing tells how many records one of them had published it says what to do.
func TestProducersWhoseLogBeginsInTheMiddle(t *testing.T) {
	t.Parallel()
	srv := natstest.Run(t)
	js := srv.JetStream(t)
	stream, err := js.CreateStream(t.Context(), jetstream.StreamConfig{Name: "VS", Subjects: []string{"vs.*"}})
	if err != nil {
		t.Fatal(err)
	}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	var all []*producer.Producer
	for _, name := range []string{"a", "b"} {
		p, err := producer.Open(t.Context(), producer.Config{Conn: srv.Conn(t), Name: name, Stream: "VS", Shards: []string{"vs.0", "vs.1"}})
		must(err)
		all = append(all, p)
	}
	publish := func(from, to int) {
		t.Helper()
		for n := from; n < to; n++ {
			for _, p := range all {
				must(p.Publish(t.Context(), fmt.Sprint("vs.", n%2), fmt.Append(nil, n)))
				must(p.Flush(t.Context()))
			}
		}
	}
	sealed := func(second int64) {
		t.Helper()
		for _, p := range all {
			must(p.Seal(t.Context(), time.Unix(second, 0)))
		}
	}
	last := func() uint64 {
		t.Helper()
		info, err := stream.Info(t.Context())
		must(err)
		return info.State.LastSeq
	}
	publish(0, 10)
	sealed(10)
	publish(10, 14)
	middle := last() // no promise between this one and the second 20
	publish(14, 20)

	running := map[string]chan error{}
	start := func(name string, from pipeline.Source[int]) {
		t.Helper()
		var monitor pipeline.Monitor
		ended := make(chan error, 1)
		running[name] = ended
		conn := srv.Conn(t)
		go func() {
			ended <- promisedSeconds(name, from).Run(t.Context(), pipeline.Config{Conn: conn, Monitor: &monitor, Logger: quiet})
		}()
		natstest.Eventually(t, name+" reads", monitor.Running)
	}
	start("vs-seq", pipeline.Source[int]{StartSequence: middle + 1})
	start("vs-new", pipeline.Source[int]{StartNew: true})
	must(stream.Purge(t.Context(), jetstream.WithPurgeSequence(middle+1)))
	err = promisedSeconds("vs-none", pipeline.Source[int]{}).Run(t.Context(), pipeline.Config{Conn: srv.Conn(t), Logger: quiet})
	if err == nil || !strings.Contains(err.Error(), `there is no promise of "a" in shard 0, "b" in shard 0, "a" in shard 1`) || !strings.Contains(err.Error(), "producer.Seal") {
		t.Errorf("nothing tells how many there were: %v", err)
	}
	publish(20, 25)
	sealed(20)
	start("vs-none", pipeline.Source[int]{}) // it begins at the first message left
	publish(25, 30)
	for _, p := range all {
		must(p.End(t.Context()))
	}
	for name, want := range map[string]map[string]uint64{
		"vs-seq":  {"1": 12, "2": 20},
		"vs-new":  {"2": 20},
		"vs-none": {"1": 12, "2": 20},
	} {
		if err := <-running[name]; err != nil {
			t.Errorf("%s: %v", name, err)
		} else if got := finalCounts(t, js, name+"_OUT"); !maps.Equal(got, want) {
			t.Errorf("%s: got %v, want %v", name, got, want)
		}
		if s, err := js.Stream(t.Context(), "CALM_DLQ_"+name); err != nil || s.CachedInfo().State.Msgs > 0 {
			t.Errorf("%s: dead letters, %v", name, err)
		}
	}
	// All had ended before it begins: there is nothing to wait for.
	must(promisedSeconds("vs-over", pipeline.Source[int]{StartNew: true}).Run(t.Context(), pipeline.Config{Conn: srv.Conn(t), Logger: quiet}))
}
