//go:build unix

package main

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"time"

	"github.com/calmstream/calmstream/benchmarks/internal/contest"
	"github.com/calmstream/calmstream/benchmarks/internal/floor"
	"github.com/calmstream/calmstream/pipeline"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// state looks at what large states cost: memory, the bytes of a checkpoint, and how long it takes to take them back.
func state() workload {
	label := func(keys int) string { return number(float64(keys)) + " keys" }
	var million int
	return workload{
		name: "state", about: "keep counts of keys of 16 bytes, and begin again from the checkpoint",
		cases: func(scale float64) (cases []testcase) {
			million = scaled(1_000_000, scale, 1_000)
			for _, keys := range []int{million / 100, million / 10, million, 10 * million} {
				c := testcase{label: label(keys), Job: contest.Job{Stream: "STATE", Records: keys, Keys: keys, Messages: (keys + longPerMessage - 1) / longPerMessage}}
				if keys > million {
					c.rounds = 1
				}
				cases = append(cases, c)
			}
			return cases
		},
		want: func(c testcase) map[string]string {
			var d digest
			for i := range c.Records {
				d.add(longKey(uint64(i)), "1")
			}
			return d.found()
		},
		entries: []entry{{name: calmName, kind: oursKind, promise: exactlyOnce, run: stateRun}},
		targets: func(t *table) []target {
			name := calmName + ", " + label(million)
			return []target{
				atMost("restore of "+label(million)+", seconds", 2, t.extra(name, "restore_seconds")),
				atMost("heap for each of "+label(million)+" of 16 bytes with a counter, bytes", 120, t.extra(name, "heap_per_key")),
			}
		},
	}
}

// stateRun counts each key once, stops, begins again from the checkpoint, ends the input and looks at the counts.
func stateRun(ctx context.Context, b *contest.Bout) error {
	nc, err := b.Connect()
	if err != nil {
		return err
	}
	b.Stream = b.Run + "-in"
	b.Subjects = []string{b.Run + ".in"}
	js, err := jetstream.New(nc)
	if err != nil {
		return err
	}
	if _, err := js.CreateStream(ctx, jetstream.StreamConfig{Name: b.Stream, Subjects: b.Subjects}); err != nil {
		return err
	}
	p, err := floor.NewPublisher(nc)
	if err != nil {
		return err
	}
	if err := errors.Join(fillLong(b.Job, func(i int) string { return longKey(uint64(i)) }, p.Publish), p.Flush(ctx)); err != nil {
		return err
	}
	before := heap()
	b.Begin()
	committed := func(s pipeline.ShardStatus) bool { return s.Committed >= uint64(b.Messages) }
	if err := stateLeg(ctx, b, nc, new(digest), committed, func(s pipeline.ShardStatus) {
		b.End()
		b.Number("heap_per_key", (heap()-before)/float64(b.Keys))
		b.Number("written_per_key", float64(s.CheckpointBytes)/float64(b.Keys))
	}); err != nil {
		return err
	}
	end := nats.NewMsg(b.Subjects[0])
	end.Header.Set("Calm-Seal", "end")
	if _, err := js.PublishMsg(ctx, end); err != nil {
		return err
	}
	var d digest
	if err := stateLeg(ctx, b, nc, &d, func(s pipeline.ShardStatus) bool { return s.Done }, func(s pipeline.ShardStatus) {
		b.Number("restore_seconds", s.Restored.Seconds())
		b.Number("restored_per_key", float64(s.RestoredBytes)/float64(b.Keys))
		if s.Resumed < uint64(b.Messages) {
			d.add("not from the checkpoint", fmt.Sprint(s.Resumed))
		}
	}); err != nil {
		return err
	}
	b.Found = d.found()
	return nil
}

// heap is the memory that is in use.
func heap() float64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return float64(m.HeapAlloc)
}

// stateLeg runs the pipeline until something is reached, looks at it then, and stops.
func stateLeg(ctx context.Context, b *contest.Bout, nc *nats.Conn, d *digest, reached func(s pipeline.ShardStatus) bool, look func(s pipeline.ShardStatus)) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	p := pipeline.New(b.Run)
	countLong(p, d, pipeline.Read(p, "messages", pipeline.Source[string]{Stream: b.Stream, Decode: pipeline.Text}))
	monitor := new(pipeline.Monitor)
	ended := make(chan error, 1)
	go func() {
		ended <- p.Run(ctx, pipeline.Config{Conn: nc, Logger: logger(), Monitor: monitor, DrainTimeout: time.Minute})
	}()
	ticker := time.NewTicker(5 * time.Millisecond)
	defer ticker.Stop()
	for looked := false; ; {
		if shards := monitor.Shards(); !looked && len(shards) == 1 && reached(shards[0]) {
			look(shards[0])
			looked = true
			stop()
		}
		select {
		case err := <-ended:
			if err == nil && !looked { // it has ended between two looks
				if shards := monitor.Shards(); len(shards) == 1 && reached(shards[0]) {
					look(shards[0])
					return nil
				}
				return errors.New("the pipeline has ended too early")
			}
			return err
		case <-ticker.C:
		}
	}
}
