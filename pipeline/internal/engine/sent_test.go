package engine_test

import (
	"testing"

	"github.com/calmstream/calmstream/internal/natstest"
	"github.com/calmstream/calmstream/pipeline/internal/engine"
)

// A statement holds for a receiver that has read all that stood in the exchange when it was made, and no earlier: one that
// is only slow would take what it has not read for lost. Senders without a checkpoint have stored nothing for certain.
func TestStatementsReachToTheEndOfTheExchange(t *testing.T) {
	t.Parallel()
	srv := natstest.Run(t)
	conn, js := srv.Conn(t), srv.JetStream(t)
	stream, err := js.CreateStream(t.Context(), engine.ExchangeConfig("sent", 1))
	if err != nil {
		t.Fatal(err)
	}
	p, _ := twoReceivers("sent")
	for range 3 {
		if _, err := js.Publish(t.Context(), "calm.x.sent."+p.Epoch()+".counts.0", []byte("a record")); err != nil {
			t.Fatal(err)
		}
	}
	stage := p.Stages[len(p.Stages)-1]
	created := stream.CachedInfo().Created.UnixNano()
	all, err := engine.SentTo(t.Context(), conn, p, stage, created)
	if err != nil || len(all) != 2 {
		t.Fatal(len(all), err)
	}
	for i, sent := range all {
		if sent.At != 3 {
			t.Errorf("shard %d is told what was sent up to sequence %d, want 3", i, sent.At)
		}
		for producer, next := range sent.Next {
			if next != 0 || sent.Ended[producer] {
				t.Errorf("shard %d is told of %d records of sender %d, which has saved nothing", i, next, producer)
			}
		}
	}
	if _, err := engine.SentTo(t.Context(), conn, p, stage, created+1); err == nil {
		t.Error("something is said about an exchange that was made again")
	}
}
