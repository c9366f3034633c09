//go:build unix

package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/calmstream/calmstream/benchmarks/internal/contest"
	"github.com/calmstream/calmstream/benchmarks/internal/floor"
	"github.com/calmstream/calmstream/benchmarks/internal/process"
	"github.com/calmstream/calmstream/crdt"
	"github.com/calmstream/calmstream/operators"
	"github.com/calmstream/calmstream/pipeline"
	"github.com/calmstream/calmstream/sinks"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

const (
	// relayVariable makes this process one that turns ids into results: "relay URL RUN" or "calmstream URL RUN".
	relayVariable = "BENCH_RELAY"
	rateOption    = "rate"
	relayName     = "relay"
	flatOutName   = "relay, flat out"
)

// latency is the time from when a message is to be sent to its result, at an even pace that nothing slows down.
func latency() workload {
	paced := func(role string) contest.Contender {
		return func(ctx context.Context, b *contest.Bout) error {
			return roundTrip(ctx, b, role, b.Options[rateOption])
		}
	}
	return workload{
		name: "latency", about: "send 10,000 ids a second, each from the time when it is due, and wait for the result of each: the stable answer of a threshold, or what a bare relay (consume, then publish) sends on",
		cases: func(scale float64) []testcase {
			n := scaled(80_000, scale, 1_000)
			return one(contest.Job{Messages: n, Records: n, Keys: n, Options: map[string]int{rateOption: 10_000}})
		},
		want: func(c testcase) map[string]string { return map[string]string{"ids": strconv.Itoa(c.Records)} },
		entries: []entry{
			{name: relayName, kind: floorKind, promise: "none: what was in memory is lost or doubled", run: paced(relayName)},
			{name: flatOutName, kind: floorKind, promise: "as the relay, as many ids as it takes: the load is a part of this", run: func(ctx context.Context, b *contest.Bout) error {
				return roundTrip(ctx, b, relayName, 0)
			}},
			{name: calmName, kind: oursKind, promise: exactlyOnce + "; each result once", run: paced(calmName)},
		},
		targets: func(t *table) []target {
			of := func(what string) sample { return quotients(t.extra(calmName, what), t.extra(relayName, what)) }
			return []target{
				atMost("latency of a stable result at the median, to that of a bare relay", 1.25, of("p50_ms")),
				atMost("the same at the 99th percentile", 2, of("p99_ms")),
			}
		},
	}
}

// roundTrip sends ids, as many a second as it is told or as many as it can, and takes the time until the result of each.
func roundTrip(ctx context.Context, b *contest.Bout, role string, rate int) (err error) {
	nc, err := b.Connect()
	if err != nil {
		return err
	}
	js, err := jetstream.New(nc)
	if err != nil {
		return err
	}
	for _, s := range []string{"in", "out"} {
		if _, err := js.CreateStream(ctx, jetstream.StreamConfig{Name: b.Run + "-" + s, Subjects: []string{b.Run + "." + s + ".>"}}); err != nil {
			return err
		}
	}
	r := &returns{came: make([]time.Time, b.Records), all: make(chan struct{})}
	if _, err := nc.Subscribe(b.Run+".out.>", r.note); err != nil {
		return err
	}
	if err := nc.Flush(); err != nil {
		return err
	}
	child, err := process.Start(ctx, role, fmt.Sprintf("%s=%s %s %s", relayVariable, role, b.URL, b.Run))
	if err != nil {
		return err
	}
	defer child.Kill()
	p, err := floor.NewPublisher(nc)
	if err != nil {
		return err
	}
	b.Begin()
	due, err := send(ctx, p, b, rate)
	if err != nil {
		return err
	}
	waiting, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	select {
	case <-r.all:
	case <-waiting.Done():
		return fmt.Errorf("not all results came: %w", errors.Join(waiting.Err(), r.failed()))
	}
	b.End()
	b.Found["ids"] = strconv.Itoa(r.count)
	r.percentiles(b, due)
	return errors.Join(r.failed(), child.Signal(syscall.SIGTERM), child.Finish(waiting))
}

// send sends the ids and returns when each was due.
func send(ctx context.Context, p *floor.Publisher, b *contest.Bout, rate int) (due []time.Time, err error) {
	began := time.Now()
	ticker := time.NewTicker(time.Millisecond)
	defer ticker.Stop()
	for i := range b.Records {
		at := time.Now()
		if rate > 0 {
			at = began.Add(time.Duration(i) * time.Second / time.Duration(rate))
			for at.After(time.Now()) {
				select {
				case <-ticker.C:
				case <-ctx.Done():
					return nil, ctx.Err()
				}
			}
		}
		due = append(due, at)
		if err := p.Publish(&nats.Msg{Subject: b.Run + ".in.ids", Data: []byte(strconv.Itoa(i))}); err != nil {
			return nil, err
		}
	}
	return due, p.Flush(ctx)
}

// returns notes when the result of each id has come.
type returns struct {
	mu    sync.Mutex
	came  []time.Time
	count int // different ids
	all   chan struct{}
	err   error
}

func (r *returns) note(m *nats.Msg) {
	now := time.Now()
	r.mu.Lock()
	defer r.mu.Unlock()
	id, err := strconv.Atoi(string(m.Data))
	switch {
	case err != nil || id < 0 || id >= len(r.came):
		r.err = fmt.Errorf("the result %q is no id", m.Data)
	case !r.came[id].IsZero():
		r.err = fmt.Errorf("id %d has come twice", id)
	default:
		r.came[id] = now
		if r.count++; r.count == len(r.came) {
			close(r.all)
		}
	}
}

func (r *returns) failed() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.err
}

// percentiles notes them. The first fifth warms up.
func (r *returns) percentiles(b *contest.Bout, due []time.Time) {
	var took []float64
	for i := len(due) / 5; i < len(due); i++ {
		took = append(took, float64(r.came[i].Sub(due[i]))/float64(time.Millisecond))
	}
	slices.Sort(took)
	for name, q := range map[string]float64{"p50_ms": 0.5, "p99_ms": 0.99, "p99.9_ms": 0.999, "most_ms": 1} {
		b.Number(name, took[int(q*float64(len(took)-1))])
	}
}

// relay runs the process between ids and results until it is told to stop.
func relay(ctx context.Context, words []string) error {
	if len(words) != 3 {
		return fmt.Errorf("a relay has three words, not %d", len(words))
	}
	nc, err := nats.Connect(words[1], nats.MaxReconnects(-1))
	if err != nil {
		return err
	}
	defer nc.Close()
	if words[0] == calmName {
		return relayCalm(ctx, nc, words[2])
	}
	p, err := floor.NewPublisher(nc)
	if err != nil {
		return err
	}
	fmt.Println(process.Ready)
	var failed error
	err = floor.Pull(ctx, nc, words[2]+"-in", 1<<40, func(m *nats.Msg) {
		failed = errors.Join(failed, p.Publish(&nats.Msg{Subject: words[2] + ".out.ids", Data: m.Data}))
	})
	if ctx.Err() != nil {
		err = nil // it was told to stop
	}
	return errors.Join(err, failed)
}

// relayCalm answers each id when its count reaches one.
func relayCalm(ctx context.Context, nc *nats.Conn, run string) error {
	p := pipeline.New(run)
	ids := pipeline.Read(p, "ids", pipeline.Source[string]{Stream: run + "-in", Decode: pipeline.Text})
	seen := operators.Count("seen", operators.KeyBy(ids, "id", strings.Clone))
	pipeline.Write(p, "seen", operators.Threshold(seen, crdt.AtLeast(1)), sinks.Subject{Name: run + ".out", Stream: run + "-out"}, pipeline.EncodeText)
	monitor := new(pipeline.Monitor)
	ended := make(chan error, 1)
	go func() { ended <- p.Run(ctx, pipeline.Config{Conn: nc, Logger: logger(), Monitor: monitor}) }()
	ticker := time.NewTicker(5 * time.Millisecond)
	defer ticker.Stop()
	for !monitor.Running() {
		select {
		case err := <-ended:
			return err
		case <-ticker.C:
		}
	}
	fmt.Println(process.Ready)
	return <-ended
}
