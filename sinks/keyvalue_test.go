package sinks_test

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/calmstream/calmstream/internal/natstest"
	"github.com/calmstream/calmstream/sinks"
	"github.com/calmstream/calmstream/sinks/sinktest"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

func TestKeyValueConforms(t *testing.T) {
	t.Parallel()
	server := natstest.Run(t)
	var number atomic.Int64
	sinktest.Run(t, sinktest.Config{
		New: func(t testing.TB) (sinks.Sink, func() ([]sinks.Record, error)) {
			bucket := fmt.Sprintf("results-%d", number.Add(1))
			js := server.JetStream(t)
			return sinks.KeyValue{Bucket: bucket}, func() ([]sinks.Record, error) { return readStream(js, "KV_"+bucket) }
		},
		Features: sinktest.Features{Durable: true, CreateOnce: true, NeedsPath: true},
		Conn:     func(t testing.TB) *nats.Conn { return server.Conn(t) },
		Missing:  []sinks.Sink{sinks.KeyValue{}, sinks.KeyValue{Bucket: "a.b"}, sinks.KeyValue{Bucket: "b", Replicas: -1}},
	})
}

func TestKeyValueReadsAsBucket(t *testing.T) {
	t.Parallel()
	conn := natstest.Run(t).Conn(t)
	w := open(t, sinks.KeyValue{Bucket: "ads"}, conn)
	if err := w.Write(testContext(t), []sinks.Record{result("1", "e1.global.k_1", "17")}); err != nil {
		t.Fatal(err)
	}
	kv, err := newJetStream(t, conn).KeyValue(testContext(t), "ads")
	if err != nil {
		t.Fatal(err)
	}
	entry, err := kv.Get(testContext(t), "e1.global.k_1")
	if err != nil || string(entry.Value()) != "17" {
		t.Fatalf("the bucket has %v, %v", entry, err)
	}
	status, err := kv.Status(testContext(t))
	if err != nil || status.History() != 1 {
		t.Errorf("the bucket was made as %+v, %v", status, err)
	}
}

func TestKeyValueUsesBucket(t *testing.T) {
	t.Parallel()
	conn := natstest.Run(t).Conn(t)
	config := jetstream.KeyValueConfig{Bucket: "ads", History: 5, Description: "mine", Storage: jetstream.MemoryStorage}
	if _, err := newJetStream(t, conn).CreateKeyValue(testContext(t), config); err != nil {
		t.Fatal(err)
	}
	w := open(t, sinks.KeyValue{Bucket: "ads", Replicas: 3}, conn)
	if err := w.Write(testContext(t), []sinks.Record{result("1", "k", "p")}); err != nil {
		t.Fatal(err)
	}
}

// A delete marker is not a result: the result is made again, and then stands by the same rule.
func TestKeyValueMakesDeletedAgain(t *testing.T) {
	t.Parallel()
	for name, remove := range map[string]func(context.Context, jetstream.KeyValue) error{
		"delete": func(ctx context.Context, kv jetstream.KeyValue) error { return kv.Delete(ctx, "k") },
		"purge":  func(ctx context.Context, kv jetstream.KeyValue) error { return kv.Purge(ctx, "k") },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			conn := natstest.Run(t).Conn(t)
			w := open(t, sinks.KeyValue{Bucket: "ads"}, conn)
			records := []sinks.Record{result("1", "k", "p")}
			if err := w.Write(testContext(t), records); err != nil {
				t.Fatal(err)
			}
			kv, err := newJetStream(t, conn).KeyValue(testContext(t), "ads")
			if err != nil {
				t.Fatal(err)
			}
			if err := remove(testContext(t), kv); err != nil {
				t.Fatal(err)
			}
			for range 2 {
				if err := w.Write(testContext(t), records); err != nil {
					t.Fatal(err)
				}
			}
			entry, err := kv.Get(testContext(t), "k")
			if err != nil || string(entry.Value()) != "p" || entry.Revision() != 3 {
				t.Errorf("after writing again the bucket has %+v, %v", entry, err)
			}
			records[0].Payload = []byte("other")
			if err := w.Write(testContext(t), records); !errors.Is(err, sinks.ErrConflict) {
				t.Errorf("another result gives %v", err)
			}
		})
	}
}

func TestKeyValueRefusesKeys(t *testing.T) {
	t.Parallel()
	conn := natstest.Run(t).Conn(t)
	w := open(t, sinks.KeyValue{Bucket: "ads"}, conn)
	for _, path := range []string{"", ".", "a..b", ".a", "a.", "a b", "a.*", ">", "é", "a:b", "a\n"} {
		err := w.Write(testContext(t), []sinks.Record{result("the-id", path, "p")})
		wantPermanent(t, err, true)
		wantWords(t, err, "bucket ads", `"the-id"`, "Path")
	}
}

func TestKeyValueRefusesBucket(t *testing.T) {
	t.Parallel()
	conn := natstest.Run(t).Conn(t)
	makeStream(t, conn, jetstream.StreamConfig{Name: "KV_ads", Subjects: []string{"$KV.ads.final.>"}, MaxMsgsPerSubject: 1})
	openError(t, sinks.KeyValue{Bucket: "ads"}, conn, "bucket ads", "does not cover")
	openError(t, sinks.KeyValue{Bucket: "ads"}, nil, "no NATS connection")
	closed := natstest.Run(t).Conn(t)
	closed.Close()
	openError(t, sinks.KeyValue{Bucket: "ads"}, closed, "bucket ads", "closed")
	config := jetstream.KeyValueConfig{Bucket: "copy", Mirror: &jetstream.StreamSource{Name: "KV_ads"}}
	if _, err := newJetStream(t, conn).CreateKeyValue(testContext(t), config); err != nil {
		t.Fatal(err)
	}
	openError(t, sinks.KeyValue{Bucket: "copy"}, conn, "mirrors")
}

// Results whose markers the server itself has put in place, because they expired, are made again too.
func TestKeyValueMakesExpiredAgain(t *testing.T) {
	t.Parallel()
	conn := natstest.Run(t).Conn(t)
	js := newJetStream(t, conn)
	config := jetstream.KeyValueConfig{Bucket: "ads", LimitMarkerTTL: time.Hour}
	kv, err := js.CreateKeyValue(testContext(t), config)
	if err != nil {
		t.Fatal(err)
	}
	watch, err := kv.Watch(testContext(t), "k", jetstream.UpdatesOnly())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = watch.Stop() }()
	if _, err := kv.Create(testContext(t), "k", []byte("x"), jetstream.KeyTTL(time.Second)); err != nil {
		t.Fatal(err)
	}
	for entry := range watch.Updates() {
		if entry != nil && entry.Operation() != jetstream.KeyValuePut {
			break
		}
	}
	w := open(t, sinks.KeyValue{Bucket: "ads"}, conn)
	if err := w.Write(testContext(t), []sinks.Record{result("1", "k", "p")}); err != nil {
		t.Fatal(err)
	}
}
