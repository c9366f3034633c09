package benchmarks_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/calmstream/calmstream/crdt"
	"github.com/calmstream/calmstream/operators"
	"github.com/calmstream/calmstream/pipeline"
	"github.com/calmstream/calmstream/pipeline/embedded"
	"github.com/calmstream/calmstream/sinks"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

const (
	keys    = 1_000
	payload = 128
)

// size is the number of messages: enough for several checkpoints, or in the short form enough to see that it works.
func size() int {
	if testing.Short() {
		return 50_000
	}
	return 1_500_000
}

// BenchmarkKeyedCount counts messages by a token of their subject, with a checkpoint every second and exact
// state, and compares with the bare reader of the same stream. The metric "ratio" is calmstream's throughput over
// the bare reader's, the median of pairs that took turns.
func BenchmarkKeyedCount(b *testing.B) {
	srv, err := embedded.Start(b.Context(), embedded.Config{Dir: b.TempDir(), Listen: "127.0.0.1:0"})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(srv.Close)
	nc := connect(b, srv.URL())
	messages := size()
	fill(b, nc, messages)

	var bare, calm, ratios []float64
	round := 0
	for b.Loop() {
		start := time.Now()
		bareRead(b, nc, "BENCH", messages)
		floor := time.Since(start)

		start = time.Now()
		countByKey(b, srv.URL(), fmt.Sprintf("count-%d", round), messages)
		took := time.Since(start)
		round++

		bare = append(bare, float64(messages)/floor.Seconds())
		calm = append(calm, float64(messages)/took.Seconds())
		ratios = append(ratios, floor.Seconds()/took.Seconds())
	}
	b.ReportMetric(median(bare), "bare_msgs/s")
	b.ReportMetric(median(calm), "calm_msgs/s")
	b.ReportMetric(median(ratios), "ratio")
}

// countByKey runs the pipeline over the whole stream, from nothing to its durable end, and checks the counts.
func countByKey(b *testing.B, url, name string, messages int) {
	b.Helper()
	var mu sync.Mutex
	counts := make(map[string]uint64, keys)
	p := pipeline.New(name)
	subjects := pipeline.Read(p, "messages", pipeline.Source[string]{Stream: "BENCH", Decode: func(m *pipeline.Message) (string, error) {
		return m.Subject[len("bench."):], nil
	}})
	counted := operators.Count("counts", operators.KeyBy(subjects, "key", func(key string) string { return key }))
	finals := operators.Finals(operators.Seal(counted, operators.EndOfInput()))
	collect := sinks.Func{Name: "collect", Do: func(_ context.Context, r sinks.Record) error {
		mu.Lock()
		defer mu.Unlock()
		var n uint64
		_, err := fmt.Fscan(bytes.NewReader(r.Payload), &n)
		counts[r.Key] = n
		return err
	}}
	pipeline.Write(p, "counts", finals, collect, func(f operators.Final[string, crdt.GCounter]) ([]byte, error) {
		return fmt.Append(nil, f.Value.Value()), nil
	})
	nc := connect(b, url)
	defer nc.Close()
	if err := p.Run(b.Context(), pipeline.Config{Conn: nc, Logger: slog.New(slog.DiscardHandler)}); err != nil {
		b.Fatal(err)
	}
	if len(counts) != keys {
		b.Fatalf("%d keys, want %d", len(counts), keys)
	}
	for key, n := range counts {
		if n != uint64(messages/keys) {
			b.Fatalf("key %s was counted %d times, want %d", key, n, messages/keys)
		}
	}
}

func connect(b *testing.B, url string) *nats.Conn {
	b.Helper()
	nc, err := nats.Connect(url)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(nc.Close)
	return nc
}

// fill puts messages into the stream, keys in turn, and an end marker behind them.
func fill(b *testing.B, nc *nats.Conn, messages int) {
	b.Helper()
	js, err := jetstream.New(nc, jetstream.WithPublishAsyncMaxPending(4096))
	if err != nil {
		b.Fatal(err)
	}
	if _, err := js.CreateStream(b.Context(), jetstream.StreamConfig{Name: "BENCH", Subjects: []string{"bench.*"}}); err != nil {
		b.Fatal(err)
	}
	data := []byte(strings.Repeat("x", payload))
	for i := range messages {
		if _, err := js.PublishAsync(fmt.Sprintf("bench.key-%04d", i%keys), data, jetstream.WithStallWait(time.Minute)); err != nil {
			b.Fatal(err)
		}
	}
	end := nats.NewMsg("bench.end")
	end.Header.Set("Calm-Seal", "end")
	<-js.PublishAsyncComplete()
	if _, err := js.PublishMsg(b.Context(), end); err != nil {
		b.Fatal(err)
	}
	info, err := js.Stream(b.Context(), "BENCH")
	if err != nil {
		b.Fatal(err)
	}
	if n := info.CachedInfo().State.Msgs; n != uint64(messages)+1 {
		b.Fatalf("%d messages are stored, want %d", n, messages+1)
	}
}

func median(v []float64) float64 {
	v = slices.Clone(v)
	slices.Sort(v)
	return v[len(v)/2]
}
