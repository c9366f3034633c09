//go:build unix

package main

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/calmstream/calmstream/benchmarks/internal/contest"
	"github.com/calmstream/calmstream/operators"
	"github.com/calmstream/calmstream/pipeline"
	"github.com/nats-io/nats.go"
)

// Names of ours. The decoders of pipeline/codecs are measured in benchmarks/peers, since those are another module too.
const (
	calmName     = "calmstream"
	jsonV2Name   = calmName + ", json v2"
	jsonScanName = calmName + ", json scan"
)

// subject counts messages by a token of their subject.
func subject() workload {
	prefix := "subject."
	return workload{
		name: "subject", about: "count messages of 128 bytes by a token of their subject, 1,000 keys",
		cases: func(scale float64) []testcase {
			n := scaled(1_500_000, scale, 2_000)
			return one(contest.Job{Stream: "SUBJECT", Subjects: []string{"subject.*"}, Messages: n, Records: n, Keys: 1_000})
		},
		fill: func(c testcase, put func(*nats.Msg) error) error {
			data := []byte(strings.Repeat("x", 128))
			for i := range c.Messages {
				if err := put(&nats.Msg{Subject: fmt.Sprintf("%skey-%04d", prefix, keyOf(i, c.Keys)), Data: data}); err != nil {
					return err
				}
			}
			return nil
		},
		want: func(c testcase) map[string]string {
			return countsOf(c.Records, func(i int) string { return fmt.Sprintf("key-%04d", keyOf(i, c.Keys)) })
		},
		entries: append(floors(),
			entry{name: "loop", kind: floorKind, promise: "none: a map, lost when the process ends", run: func(ctx context.Context, b *contest.Bout) error {
				return countLoop(ctx, b, func(m *nats.Msg, count func(string)) { count(m.Subject[len(prefix):]) })
			}},
			entry{name: calmName, kind: oursKind, promise: exactlyOnce, run: func(ctx context.Context, b *contest.Bout) error {
				return run(ctx, b, func(p *pipeline.Pipeline, c *collector) {
					in := pipeline.Read(p, "messages", pipeline.Source[string]{Stream: b.Stream, Decode: func(m *pipeline.Message) (string, error) {
						return m.Subject[len(prefix):], nil
					}})
					countKeys(p, c, in, func(key string) string { return key })
				})
			}},
		),
		targets: func(t *table) []target {
			return []target{
				atLeast("keyed count, key from the subject, to the bare pull reader", 0.90, t.ratio(calmName, bareName)),
				atLeast("the same, to a loop on the ordered consumer that does nothing", 1.00, t.ratio(calmName, orderedName)),
			}
		},
	}
}

// jsonEvents counts JSON events by a field.
func jsonEvents() workload {
	whole := func(data []byte) (string, error) {
		var e contest.Event
		err := json.Unmarshal(data, &e)
		return e.Ad, err
	}
	return workload{
		name: "json", about: "count JSON events of 150 bytes by a field, 1,000 keys",
		cases: func(scale float64) []testcase {
			n := scaled(1_000_000, scale, 2_000)
			return one(contest.Job{Stream: "JSON", Subjects: []string{"json.events"}, Messages: n, Records: n, Keys: 1_000})
		},
		fill: func(c testcase, put func(*nats.Msg) error) error {
			for i := range c.Messages {
				if err := put(&nats.Msg{Subject: c.Subjects[0], Data: appendEvent(nil, i, c.Keys)}); err != nil {
					return err
				}
			}
			return nil
		},
		want: func(c testcase) map[string]string {
			return countsOf(c.Records, func(i int) string { return fmt.Sprintf("ad-%05d", keyOf(i, c.Keys)) })
		},
		entries: append(floors(),
			entry{name: "loop", kind: floorKind, promise: "none: encoding/json and a map, lost when the process ends", run: func(ctx context.Context, b *contest.Bout) error {
				var failed error
				err := countLoop(ctx, b, func(m *nats.Msg, count func(string)) {
					ad, err := whole(m.Data)
					if err != nil {
						failed = err
					}
					count(ad)
				})
				if err == nil {
					err = failed
				}
				return err
			}},
			entry{name: calmName, kind: oursKind, promise: exactlyOnce + "; pipeline.JSON", run: func(ctx context.Context, b *contest.Bout) error {
				return run(ctx, b, func(p *pipeline.Pipeline, c *collector) {
					in := pipeline.Read(p, "events", pipeline.Source[contest.Event]{Stream: b.Stream, Decode: pipeline.JSON[contest.Event]})
					countKeys(p, c, in, func(e contest.Event) string { return e.Ad })
				})
			}},
			peer("nats.go consumer", "at least once: counts are in memory, a crash loses them and what comes again counts twice"),
			peer("watermill", "at least once, as nats.go consumer"),
			peer("go-streams", "at most once: acknowledged before it is counted; counts are in memory"),
			entry{name: jsonV2Name, kind: oursKind, promise: exactlyOnce + "; pipeline/codecs/jsonv2", peer: true},
			entry{name: jsonScanName, kind: oursKind, promise: exactlyOnce + "; pipeline/codecs/jsonscan", peer: true},
		),
		targets: jsonTargets,
	}
}

// peer is a contender of benchmarks/peers.
func peer(name, promise string) entry {
	return entry{name: name, kind: peerKind, promise: promise, peer: true}
}

func jsonTargets(t *table) []target {
	best := calmName
	for _, name := range []string{jsonV2Name, jsonScanName} {
		if t.row(name) != nil && t.rate(name).median() > t.rate(best).median() {
			best = name
		}
	}
	targets := []target{atLeast("keyed count of 150-byte JSON events ("+best+"), to the bare pull reader", 0.75, t.ratio(best, bareName))}
	for _, name := range []string{"watermill", "go-streams"} {
		if t.row(name) != nil {
			targets = append(targets, atLeast("the same, to "+name, 3, t.ratio(best, name)))
		}
	}
	return targets
}

// packed counts records of which many come in a message.
func packed() workload {
	return workload{
		name: "packed", about: "count records of 8 bytes, 512 to a message, 1,000 keys",
		cases: func(scale float64) []testcase {
			return one(packedJob("PACKED", 1, scaled(40_000_000, scale, 100_000), 1_000))
		},
		fill: fillPacked, want: wantPacked,
		entries: append(floors(), packedLoop(), packedCalm()),
		targets: func(t *table) []target {
			return []target{atLeast("packed input, 512 records a message, records/s", 3e6, t.rate(calmName))}
		},
	}
}

// exchange counts records of several shards, each of which has all keys.
func exchange() workload {
	return workload{
		name: "exchange", about: "count records of 8 bytes, 512 to a message, from four shards through an exchange to four, 100,000 keys",
		cases: func(scale float64) []testcase {
			return one(packedJob("EXCHANGE", 4, scaled(10_000_000, scale, 100_000), 100_000))
		},
		fill: fillPacked, want: wantPacked,
		entries: append(floors(), packedLoop(), packedCalm()),
		targets: func(t *table) []target {
			return []target{atLeast("through an exchange, from packed input, records/s", 1e6, t.rate(calmName))}
		},
	}
}

// packedJob is a job whose input is packed.
func packedJob(stream string, shards, records, keys int) contest.Job {
	records -= records % perMessage
	job := contest.Job{Stream: stream, Messages: records / perMessage, Records: records, Keys: keys}
	for i := range shards {
		job.Subjects = append(job.Subjects, fmt.Sprintf("%s.%d", strings.ToLower(stream), i))
	}
	return job
}

// packedLoop counts with a map.
func packedLoop() entry {
	return entry{name: "loop", kind: floorKind, promise: "none: a map, lost when the process ends", run: func(ctx context.Context, b *contest.Bout) error {
		counts := make(map[uint64]uint64)
		err := loop(ctx, b, func(m *nats.Msg) {
			for key := range unpack(m.Data) {
				counts[key]++
			}
		})
		clear(b.Found)
		for key, n := range counts {
			b.Count(packedName(key), n)
		}
		return err
	}}
}

// packedCalm counts with a pipeline.
func packedCalm() entry {
	return entry{name: calmName, kind: oursKind, promise: exactlyOnce, run: func(ctx context.Context, b *contest.Bout) error {
		return run(ctx, b, func(p *pipeline.Pipeline, c *collector) { countPacked(p, c, b) })
	}}
}

// countPacked is the pipeline of packedCalm.
func countPacked(p *pipeline.Pipeline, c *collector, b *contest.Bout) {
	from := pipeline.Source[[]byte]{Stream: b.Stream, Decode: pipeline.Bytes}
	if len(b.Subjects) > 1 {
		from.Subjects = b.Subjects
	}
	in := pipeline.Read(p, "messages", from)
	countKeys(p, c, operators.FlatMap(in, unpack), func(key uint64) uint64 { return key })
}
