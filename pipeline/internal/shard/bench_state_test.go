package shard_test

import (
	"fmt"
	"runtime"
	"testing"
	"time"

	"github.com/calmstream/calmstream/internal/plan"
	"github.com/calmstream/calmstream/pipeline/internal/shard"
)

// counted returns a machine that has counted one record of each of n keys of 16 bytes, and what it holds of memory for each key.
func counted(t testing.TB, n int) (m *shard.Machine, bytesPerKey float64) {
	t.Helper()
	m = machineOf(t, countKept)
	before := liveBytes()
	batch := make([]plan.Message, 0, 512)
	for i := range n {
		batch = append(batch, plan.Message{Subject: keyOf(i), Seq: uint64(i + 1), Time: int64(i), Data: []byte("12345671")})
		if len(batch) == cap(batch) || i == n-1 {
			apply(t, m, batch)
			batch = batch[:0]
		}
	}
	clear(batch[:cap(batch)])
	return m, float64(liveBytes()-before) / float64(n)
}

func keyOf(i int) string { return fmt.Sprintf("key-%012d", i) }

func liveBytes() int64 {
	runtime.GC()
	runtime.GC()
	var s runtime.MemStats
	runtime.ReadMemStats(&s)
	return int64(s.HeapAlloc)
}

// BenchmarkState measures what the state of a million counted keys costs: memory, the whole of it in a checkpoint, the changes of
// a thousand keys in another, and taking both back.
func BenchmarkState(b *testing.B) {
	const keys = 1_000_000
	m, perKey := counted(b, keys)
	var full, delta, restore time.Duration
	var fullBytes, deltaBytes int64
	rounds := 0
	for b.Loop() {
		rounds++
		begin := time.Now()
		base, err := m.Snapshot("base", true)
		if err != nil {
			b.Fatal(err)
		}
		full += time.Since(begin)
		m.Settle(true)
		batch := make([]plan.Message, 1000)
		for i := range batch {
			batch[i] = plan.Message{Subject: keyOf(i * 997), Seq: uint64(keys + rounds*1000 + i), Time: int64(keys), Data: []byte("12345671")}
		}
		apply(b, m, batch)
		begin = time.Now()
		change, err := m.Snapshot("change", false)
		if err != nil {
			b.Fatal(err)
		}
		delta += time.Since(begin)
		m.Settle(true)
		meta := m.Meta()
		begin = time.Now()
		other := machineOf(b, countKept)
		if err := other.RestoreMeta(meta); err != nil {
			b.Fatal(err)
		}
		for _, chunk := range append(base.Chunks, change.Chunks...) {
			if err := other.RestoreChunk(chunk); err != nil {
				b.Fatal(err)
			}
		}
		restore += time.Since(begin)
		fullBytes, deltaBytes = base.Ref.Bytes, change.Ref.Bytes
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(perKey, "bytes/key")
	b.ReportMetric(full.Seconds()*1e3/float64(rounds), "full-ms")
	b.ReportMetric(float64(fullBytes), "full-bytes")
	b.ReportMetric(delta.Seconds()*1e3/float64(rounds), "delta-ms")
	b.ReportMetric(float64(deltaBytes), "delta-bytes")
	b.ReportMetric(restore.Seconds()*1e3/float64(rounds), "restore-ms")
	runtime.KeepAlive(m)
}

// A counted key of 16 bytes holds at most 120 bytes, all of it, wherever the growth of the state is, and before any checkpoint.
func TestMemoryOfAKey(t *testing.T) { //nolint:paralleltest // it measures the heap
	for _, n := range []int{100_000, 200_000, 393_217, 500_000} { // the third has just doubled the index
		m, perKey := counted(t, n)
		t.Logf("%d keys: %.1f bytes each", n, perKey)
		if perKey > 120 {
			t.Errorf("%d keys: %.1f bytes each, want at most 120", n, perKey)
		}
		runtime.KeepAlive(m)
	}
}
