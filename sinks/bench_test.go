package sinks_test

import (
	"fmt"
	"testing"

	"github.com/calmstream/calmstream/internal/natstest"
	"github.com/calmstream/calmstream/sinks"
	"github.com/nats-io/nats.go"
)

const batchSize = 10_000

// batch returns records of 128 bytes that are about keys of their own.
func batch(first int, path bool) []sinks.Record {
	all := make([]sinks.Record, batchSize)
	payload := make([]byte, 128)
	for i := range all {
		all[i] = result(fmt.Sprintf("fp/s/%d", first+i), "", string(payload))
		if path {
			all[i].Path = fmt.Sprintf("e1.global.k%d", first+i)
		}
	}
	return all
}

func benchmark(b *testing.B, sink sinks.Sink, path, again bool) {
	w := open(b, sink, natstest.Run(b).Conn(b, nats.NoReconnect()))
	records := batch(0, path)
	if again {
		if err := w.Write(testContext(b), records); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportAllocs()
	n := 0
	for b.Loop() {
		if !again {
			b.StopTimer()
			n++
			records = batch(n*batchSize, path)
			b.StartTimer()
		}
		if err := w.Write(testContext(b), records); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N)*batchSize/b.Elapsed().Seconds(), "records/s")
}

func BenchmarkSubjectCreate(b *testing.B) {
	benchmark(b, sinks.Subject{Name: "r", Stream: "R"}, true, false)
}

func BenchmarkSubjectCreateAgain(b *testing.B) {
	benchmark(b, sinks.Subject{Name: "r", Stream: "R"}, true, true)
}

func BenchmarkSubjectWithoutPath(b *testing.B) {
	benchmark(b, sinks.Subject{Name: "r", Stream: "R"}, false, false)
}

func BenchmarkKeyValueCreate(b *testing.B) {
	benchmark(b, sinks.KeyValue{Bucket: "r"}, true, false)
}
