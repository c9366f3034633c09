package sinks_test

import (
	"encoding/json"
	"fmt"
	"strconv"
	"testing"
	"time"

	"github.com/calmstream/calmstream/internal/natstest"
	"github.com/calmstream/calmstream/sinks"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

const (
	viewKeys = 10_000
	// perBatch is how many values a batch of the server takes beside its fence.
	perBatch = 999
)

// nextBounds gives each of the keys its next version, with a value of 128 bytes.
func nextBounds(records []sinks.Record, version uint64) {
	for i := range records {
		r := &records[i]
		r.ID, r.Version = fmt.Sprintf("e1/w/global/k%d/v%d", i, version), version
	}
}

// BenchmarkView replaces the values of 10,000 keys: by the sink, which does it key by key, and in batches that a fence keeps from zombies.
// Either writes each set of versions in turn with the other one.
func BenchmarkView(b *testing.B) {
	conn := natstest.Run(b).Conn(b)
	w := open(b, sinks.View{Bucket: "keys"}, conn)
	js := newJetStream(b, conn)
	if _, err := js.CreateStream(testContext(b), jetstream.StreamConfig{
		Name: "KV_batches", Subjects: []string{"$KV.batches.>"}, MaxMsgsPerSubject: 1, Discard: jetstream.DiscardNew,
		DenyDelete: true, AllowRollup: true, AllowAtomicPublish: true,
	}); err != nil {
		b.Fatal(err)
	}
	records := make([]sinks.Record, viewKeys)
	for i := range records {
		records[i] = bound(0, fmt.Sprintf("e1.global.k%d", i), string(make([]byte, 128)))
	}
	var single, batched time.Duration
	f := &fencedBatches{conn: conn}
	version := uint64(0)
	for b.Loop() {
		version++
		nextBounds(records, version)
		begin := time.Now()
		if err := w.Write(testContext(b), records); err != nil {
			b.Fatal(err)
		}
		between := time.Now()
		for from := 0; from < len(records); from += perBatch {
			if err := f.write(records[from:min(from+perBatch, len(records))]); err != nil {
				b.Fatal(err)
			}
		}
		single, batched = single+between.Sub(begin), batched+time.Since(between)
	}
	n := float64(b.N) * viewKeys
	b.ReportMetric(n/single.Seconds(), "view-values/s")
	b.ReportMetric(n/batched.Seconds(), "batched-values/s")
	b.ReportMetric(batched.Seconds()/single.Seconds(), "batched/view")
}

// fencedBatches writes values in atomic batches whose first message replaces the fence that the last one has left.
type fencedBatches struct {
	conn         *nats.Conn
	fence, count uint64
}

func (f *fencedBatches) write(records []sinks.Record) error {
	f.count++
	m := nats.NewMsg("$KV.batches.fence")
	m.Header.Set("Nats-Batch-Id", strconv.FormatUint(f.count, 10))
	m.Header.Set("Nats-Batch-Sequence", "1")
	m.Header.Set(nats.ExpectedLastSubjSeqHdr, strconv.FormatUint(f.fence, 10))
	if err := f.conn.PublishMsg(m); err != nil {
		return err
	}
	for i := range records {
		m := nats.NewMsg("$KV.batches." + records[i].Path)
		sinks.Describe(m.Header, &records[i])
		m.Header.Set("Nats-Batch-Id", strconv.FormatUint(f.count, 10))
		m.Header.Set("Nats-Batch-Sequence", strconv.Itoa(i+2))
		m.Data = records[i].Payload
		if i < len(records)-1 {
			if err := f.conn.PublishMsg(m); err != nil {
				return err
			}
			continue
		}
		m.Header.Set("Nats-Batch-Commit", "1")
		reply, err := f.conn.RequestMsg(m, time.Minute)
		if err != nil {
			return err
		}
		var ack struct {
			Error    *struct{ Description string }
			Sequence uint64 `json:"seq"`
		}
		if err := json.Unmarshal(reply.Data, &ack); err != nil || ack.Error != nil {
			return fmt.Errorf("the server says %s, %w", reply.Data, err)
		}
		f.fence = ack.Sequence - uint64(len(records))
	}
	return nil
}
