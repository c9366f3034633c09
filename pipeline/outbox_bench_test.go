package pipeline_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/calmstream/calmstream/crdt"
	"github.com/calmstream/calmstream/internal/natstest"
	"github.com/calmstream/calmstream/operators"
	"github.com/calmstream/calmstream/pipeline"
	"github.com/calmstream/calmstream/sinks"
	"github.com/nats-io/nats.go/jetstream"
)

// BenchmarkOutbox writes one result for each message, about a key of its own, by an outbox and, in turn with it, by a sink that creates each once. What is
// measured is a whole run over a stream that is there, until all results are in their stream.
func BenchmarkOutbox(b *testing.B) {
	n := 20_000
	if testing.Short() {
		n = 500
	}
	srv := natstest.Run(b)
	js := srv.JetStream(b)
	if _, err := js.CreateStream(b.Context(), jetstream.StreamConfig{Name: "many"}); err != nil {
		b.Fatal(err)
	}
	for i := range n {
		if _, err := js.PublishAsync("many", fmt.Appendf(nil, "%0100d", i)); err != nil {
			b.Fatal(err)
		}
	}
	<-js.PublishAsyncComplete()
	run := func(name string, to sinks.Sink, stream string) time.Duration {
		p := pipeline.New(name)
		lines := pipeline.Read(p, "lines", pipeline.Source[string]{Stream: "many", Decode: pipeline.Text, Bounded: true})
		counts := operators.Count("counts", operators.KeyBy(lines, "line", func(s string) string { return s }))
		pipeline.Write(p, "seen", operators.Threshold(counts, crdt.AtLeast(uint64(1))), to, pipeline.EncodeText)
		begin := time.Now()
		if err := p.Run(b.Context(), pipeline.Config{Conn: srv.Conn(b), Logger: quiet}); err != nil {
			b.Fatal(err)
		}
		spent := time.Since(begin)
		s, err := js.Stream(b.Context(), stream)
		if err != nil || s.CachedInfo().State.Msgs != uint64(n) {
			b.Fatalf("%s has %+v, %v", stream, s.CachedInfo().State, err)
		}
		return spent
	}
	var once, boxed time.Duration
	round := 0
	for b.Loop() {
		round++
		once += run(fmt.Sprint("once-", round), sinks.Subject{Name: fmt.Sprint("once.", round), Stream: fmt.Sprint("ONCE-", round)}, fmt.Sprint("ONCE-", round))
		boxed += run(fmt.Sprint("boxed-", round), sinks.Outbox{Name: fmt.Sprint("boxed.", round), Stream: fmt.Sprint("BOXED-", round)}, fmt.Sprint("BOXED-", round))
	}
	all := float64(b.N * n)
	b.ReportMetric(all/once.Seconds(), "once-results/s")
	b.ReportMetric(all/boxed.Seconds(), "outbox-results/s")
	b.ReportMetric(boxed.Seconds()/once.Seconds(), "outbox/once")
}
