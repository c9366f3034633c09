//go:build unix

package main

import (
	"context"
	"errors"
	"time"

	"github.com/calmstream/calmstream/benchmarks/internal/contest"
	"github.com/calmstream/calmstream/operators"
	"github.com/calmstream/calmstream/pipeline"
	"github.com/nats-io/nats.go"
)

// slidingKey is the key of a record of the workload checkpoint: first each key once, then those of a tenth of them that moves on by its own
// length with every block of records.
func slidingKey(i, keys, block int) uint64 {
	if i < keys {
		return uint64(i)
	}
	i -= keys
	tenth := keys / 10
	return uint64((int(int64(i)*int64(tenth)/int64(block)) + keyOf(i, tenth)) % keys)
}

// Options of the workload.
const (
	blockOption      = "block"
	checkpointOption = "checkpoint_ms"
)

const (
	everySecond = "every second"
	never       = "none"
	// keyBytes is the length of the keys of checkpoint and state.
	keyBytes = 16
)

// checkpoint looks at what checkpoints cost where a tenth of the keys changes in about a second.
func checkpoint() workload {
	key := func(c contest.Job) func(i int) string {
		return func(i int) string { return longKey(slidingKey(i, c.Keys, c.Options[blockOption])) }
	}
	with := func(ms int) contest.Contender {
		return func(ctx context.Context, b *contest.Bout) error {
			b.Options[checkpointOption] = ms
			return checkpointed(ctx, b, key(b.Job))
		}
	}
	return workload{
		name: "checkpoint", about: "count records by keys of 16 bytes, 64 to a message, with 1,000,000 keys of which a tenth changes in a second, with and without checkpoints",
		cases: func(scale float64) []testcase {
			keys := scaled(1_000_000, scale, 1_000)
			records := 40 * keys / longPerMessage * longPerMessage
			return one(contest.Job{
				Stream: "CHECKPOINT", Subjects: []string{"checkpoint.in"}, Messages: records / longPerMessage, Records: records, Keys: keys,
				Options: map[string]int{blockOption: 4 * keys},
			})
		},
		fill: func(c testcase, put func(*nats.Msg) error) error { return fillLong(c.Job, key(c.Job), put) },
		want: func(c testcase) map[string]string {
			d := digestOf(countsOf(c.Records, key(c.Job)))
			return d.found()
		},
		entries: []entry{
			floors()[0],
			{name: everySecond, kind: oursKind, promise: exactlyOnce, run: with(1000)},
			{name: never, kind: oursKind, promise: "state exactly once, but all of it is done again after a crash", run: with(int(time.Hour.Milliseconds()))},
		},
		targets: func(t *table) []target {
			read := func(name string) sample { return t.extra(name, "read_seconds") }
			return []target{
				atLeast("speed with a checkpoint every second, to none", 0.95, quotients(read(never), read(everySecond))),
				atMost("bytes written for a key that changed, to its 16 bytes and an 8-byte count", 1.5, divided(t.extra(everySecond, "bytes_per_change"), keyBytes+8)),
			}
		},
	}
}

// checkpointed counts by long keys, and looks at the checkpoints meanwhile.
func checkpointed(ctx context.Context, b *contest.Bout, key func(i int) string) error {
	var d digest
	var commits []mark
	err := watched(ctx, b, func(p *pipeline.Pipeline) {
		in := pipeline.Read(p, "messages", pipeline.Source[string]{Stream: b.Stream, Decode: pipeline.Text})
		countLong(p, &d, in)
	}, func(s pipeline.ShardStatus) {
		if len(commits) == 0 || commits[len(commits)-1].at != s.Committed {
			commits = append(commits, mark{s.Committed, s.CheckpointBytes})
		}
	})
	b.Found = d.found()
	changed := 0
	for i := 1; i < len(commits); i++ {
		keys := make(map[string]bool)
		from, to := int(commits[i-1].at)*longPerMessage, int(commits[i].at)*longPerMessage
		for r := from; r < min(to, b.Records); r++ {
			keys[key(r)] = true
		}
		changed += len(keys)
	}
	if changed > 0 {
		b.Number("bytes_per_change", float64(commits[len(commits)-1].bytes-commits[0].bytes)/float64(changed))
		b.Number("changes_per_checkpoint", float64(changed)/float64(len(commits)-1))
	}
	return err
}

// mark is how far checkpoints had come, and how much they had written.
type mark struct{ at, bytes uint64 }

// watched is run with a look at the only shard every few milliseconds while it reads.
func watched(ctx context.Context, b *contest.Bout, build func(p *pipeline.Pipeline), look func(s pipeline.ShardStatus)) error {
	nc, err := b.Connect()
	if err != nil {
		return err
	}
	p := pipeline.New(b.Run)
	build(p)
	monitor := new(pipeline.Monitor)
	ended := make(chan error, 1)
	b.Begin()
	go func() {
		ended <- p.Run(ctx, pipeline.Config{Conn: nc, Logger: logger(), Monitor: monitor, CheckpointEvery: time.Duration(b.Options[checkpointOption]) * time.Millisecond})
	}()
	err = follow(monitor, b, ended, look)
	b.End()
	return errors.Join(err, account(b, monitor))
}

// follow looks at the shards until the run has ended, and notes when all messages had been applied.
func follow(monitor *pipeline.Monitor, b *contest.Bout, ended <-chan error, look func(s pipeline.ShardStatus)) error {
	began, read := time.Now(), false
	ticker := time.NewTicker(2 * time.Millisecond)
	defer ticker.Stop()
	for {
		messages := uint64(0)
		shards := monitor.Shards()
		for _, s := range shards {
			messages += s.Messages
		}
		if len(shards) == 1 && !read {
			look(shards[0])
		}
		if !read && messages >= uint64(b.Messages) {
			read = true
			b.Number("read_seconds", time.Since(began).Seconds())
		}
		select {
		case err := <-ended:
			if !read {
				b.Number("read_seconds", time.Since(began).Seconds())
			}
			return err
		case <-ticker.C:
		}
	}
}

// countLong counts the keys of packed messages and adds each count to the digest at the end of the input.
func countLong(p *pipeline.Pipeline, d *digest, in operators.Stream[string]) {
	counted := operators.Count("counts", operators.KeyBy(operators.FlatMap(in, longKeys), "key", func(key string) string { return key }))
	pipeline.Write(p, "counts", operators.Finals(operators.Seal(counted, operators.EndOfInput())), d.sink(), encodeCount[string])
}
