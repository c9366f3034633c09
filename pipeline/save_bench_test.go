package pipeline_test

import (
	"bytes"
	"context"
	"flag"
	"io"
	"iter"
	"runtime"
	"strconv"
	"testing"
	"time"

	"github.com/calmstream/calmstream/crdt"
	"github.com/calmstream/calmstream/internal/natstest"
	"github.com/calmstream/calmstream/operators"
	"github.com/calmstream/calmstream/pipeline"
	"github.com/calmstream/calmstream/sinks"
	"github.com/nats-io/nats.go/jetstream"
)

var bigState = flag.Int("keys", 100_000, "the number of keys of BenchmarkBigState, in one shard")

// manyKeys counts the words of lines, all in one shard.
func manyKeys() *pipeline.Pipeline {
	p := pipeline.New("big")
	lines := pipeline.Read(p, "lines", pipeline.Source[[]byte]{Stream: "big", Decode: func(m *pipeline.Message) ([]byte, error) { return m.Data, nil }})
	words := operators.FlatMap(lines, func(line []byte) iter.Seq[string] {
		return func(yield func(string) bool) {
			for word := range bytes.FieldsSeq(line) {
				if !yield(string(word)) {
					return
				}
			}
		}
	})
	counts := operators.Count("counts", operators.KeyBy(words, "word", func(w string) string { return w }))
	pipeline.Write(p, "often", operators.Threshold(counts, crdt.AtLeast(uint64(1_000_000))), sinks.Subject{Name: "big.often", Stream: "big_OFTEN"}, pipeline.EncodeText)
	return p
}

// fillKeys publishes n words, each once, many to a message.
func fillKeys(b *testing.B, js jetstream.JetStream, n int) (messages uint64) {
	b.Helper()
	if _, err := js.CreateStream(b.Context(), jetstream.StreamConfig{Name: "big"}); err != nil {
		b.Fatal(err)
	}
	var line []byte
	for i := range n {
		line = append(strconv.AppendInt(append(line, 'k'), int64(i), 36), ' ')
		if len(line) > 100_000 || i == n-1 {
			if _, err := js.Publish(b.Context(), "big", line); err != nil {
				b.Fatal(err)
			}
			line, messages = line[:0], messages+1
		}
	}
	return messages
}

// BenchmarkBigState keeps small keys in one shard, and measures on a server what they cost: the heap of the process (the server's
// included), the bytes of the checkpoint, and how long it takes to restore, to export and to import it.
func BenchmarkBigState(b *testing.B) {
	srv := natstest.Run(b)
	js := srv.JetStream(b)
	end := fillKeys(b, js, *bigState)
	run := func(during func(s pipeline.ShardStatus)) {
		var monitor pipeline.Monitor
		ctx, stop := context.WithCancel(b.Context())
		defer stop()
		ended, conn := make(chan error, 1), srv.Conn(b)
		go func() {
			ended <- manyKeys().Run(ctx, pipeline.Config{Conn: conn, Monitor: &monitor, Logger: quiet, DrainTimeout: time.Minute})
		}()
		for tick := time.NewTicker(5 * time.Millisecond); ; <-tick.C {
			if s := monitor.Shards(); len(s) == 1 && s[0].Running && s[0].Committed == end {
				during(s[0])
				break
			}
			select {
			case err := <-ended:
				b.Fatalf("it ended early: %v", err)
			default:
			}
		}
		stop()
		if err := <-ended; err != nil {
			b.Fatal(err)
		}
	}
	var heap float64
	run(func(pipeline.ShardStatus) {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		heap = float64(m.HeapAlloc) / float64(*bigState)
	})
	var restore, export, load time.Duration
	var size int64
	rounds := 0
	for b.Loop() {
		rounds++
		run(func(s pipeline.ShardStatus) { restore, size = restore+s.Restored, s.RestoredBytes })
		begin := time.Now()
		if _, err := pipeline.ExportSavepoint(b.Context(), srv.Conn(b), "big", "", io.Discard); err != nil {
			b.Fatal(err)
		}
		export += time.Since(begin)
		from, to := io.Pipe()
		go func() {
			_, err := pipeline.ExportSavepoint(b.Context(), srv.Conn(b), "big", "", to)
			_ = to.CloseWithError(err) // never fails
		}()
		other := natstest.Run(b)
		copyStream(b, srv.Conn(b), other.Conn(b), "big")
		begin = time.Now()
		if _, err := pipeline.ImportSavepoint(b.Context(), from, pipeline.ImportConfig{Conn: other.Conn(b), Rebase: true, Logger: quiet}); err != nil {
			b.Fatal(err)
		}
		load += time.Since(begin)
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(heap, "heap-B/key")
	b.ReportMetric(float64(size)/1e6, "state-MB")
	b.ReportMetric(restore.Seconds()/float64(rounds), "restore-s")
	b.ReportMetric(export.Seconds()/float64(rounds), "export-s")
	b.ReportMetric(load.Seconds()/float64(rounds), "export+import-s")
}
