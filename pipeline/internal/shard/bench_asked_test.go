package shard_test

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"testing"
	"time"

	"github.com/calmstream/calmstream/internal/plan"
	"github.com/calmstream/calmstream/pipeline"
	"github.com/calmstream/calmstream/pipeline/internal/checkpoint"
	"github.com/calmstream/calmstream/pipeline/internal/shard"
)

// ready is a log whose messages are all there.
type ready struct {
	messages []plan.Message
	at       int
}

var errDrained = errors.New("all is read")

func (b *ready) Next(_ context.Context, _ <-chan struct{}, buf []plan.Message) ([]plan.Message, error) {
	if b.at == len(b.messages) {
		return nil, errDrained
	}
	part := b.messages[b.at:min(b.at+64, len(b.messages))]
	b.at += len(part)
	return append(buf[:0], part...), nil
}

func (b *ready) Position() uint64                     { return uint64(b.at) }
func (b *ready) Lag() uint64                          { return 0 }
func (b *ready) Verify(context.Context, uint64) error { return nil }
func (b *ready) Close() error                         { return nil }

// BenchmarkNobodyAsks runs shards that can be asked, and is not, in turn with shards that cannot: what a record costs either way.
func BenchmarkNobodyAsks(b *testing.B) {
	messages := make([]plan.Message, 1<<16)
	for i := range messages {
		messages[i] = plan.Message{Subject: fmt.Sprintf("key-%012d", (i*7919)%1000), Seq: uint64(i + 1), Time: int64(i), Data: binary.BigEndian.AppendUint64(nil, uint64(i))}
	}
	p := pipeline.New("bench")
	countKept(p)
	cut, err := p.Plan()
	if err != nil {
		b.Fatal(err)
	}
	run := func(asked *shard.Asked) float64 {
		e := &shard.Env{
			ID: checkpoint.ShardID{Stage: "in"}, Plan: cut, Stage: cut.Stages[0], Start: checkpoint.Position{Incarnation: 1}, Asked: asked,
			OpenLog: func(context.Context, checkpoint.Position) (shard.Log, error) { return &ready{messages: messages}, nil },
			Store:   new(checkpoint.Memory), Outlet: &outlet{}, Writer: "one", Every: time.Hour, First: time.Hour, Now: time.Now,
			Logger: slog.New(slog.DiscardHandler), Stats: new(shard.Stats),
		}
		begin := time.Now()
		if err := shard.Run(b.Context(), e); !errors.Is(err, errDrained) {
			b.Fatal(err)
		}
		return float64(time.Since(begin).Nanoseconds()) / float64(len(messages))
	}
	var with, without []float64
	for i := 0; b.Loop(); i++ {
		if i%2 == 0 {
			with, without = append(with, run(new(shard.Asked))), append(without, run(nil))
		} else {
			without, with = append(without, run(nil)), append(with, run(new(shard.Asked)))
		}
	}
	slices.Sort(with)
	slices.Sort(without)
	b.ReportMetric(0, "ns/op") // of both together, which says nothing
	b.ReportMetric(with[len(with)/2], "asked-ns/record")
	b.ReportMetric(without[len(without)/2], "unasked-ns/record")
	b.ReportMetric(with[len(with)/2]/without[len(without)/2], "asked/unasked")
}
