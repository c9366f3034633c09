//go:build unix

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/calmstream/calmstream/benchmarks/internal/contest"
	"github.com/calmstream/calmstream/benchmarks/internal/floor"
	"github.com/calmstream/calmstream/benchmarks/internal/process"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// harness has a server and runs contenders against it.
type harness struct {
	options
	progress io.Writer
	dir      string           // temporary: the server's files, results of contenders
	server   *process.Process // nil if it is somebody else's
	url      string
	nc       *nats.Conn
	js       jetstream.JetStream
	runs     int
	peer     string // the program of the module benchmarks/peers, once it is built
}

// newHarness starts a server, or connects to the one that it is given.
func newHarness(ctx context.Context, o options, progress io.Writer) (h *harness, err error) {
	h = &harness{options: o, progress: progress, url: o.nats}
	defer func() {
		if err != nil {
			h.close()
		}
	}()
	if h.dir, err = os.MkdirTemp("", "bench-*"); err != nil {
		return h, err
	}
	if o.profile != "" {
		if err = os.MkdirAll(o.profile, 0o755); err != nil {
			return h, err
		}
	}
	if h.url == "" {
		if h.server, err = process.Start(ctx, "server", serverVariable+"="+filepath.Join(h.dir, "server")); err != nil {
			return h, err
		}
		h.url = h.server.Ready
	}
	if h.nc, err = nats.Connect(h.url); err != nil {
		return h, err
	}
	if h.js, err = jetstream.New(h.nc); err != nil || !o.peers {
		return h, err
	}
	return h, h.build(ctx)
}

// build builds the contenders of other libraries.
func (h *harness) build(ctx context.Context) error {
	say(h.progress, "building benchmarks/peers\n")
	h.peer = filepath.Join(h.dir, "peers")
	dir, err := exec.CommandContext(ctx, "go", "list", "-m", "-f", "{{.Dir}}", "github.com/calmstream/calmstream").Output()
	if err != nil {
		return err
	}
	out, err := exec.CommandContext(ctx, "go", "-C", filepath.Join(strings.TrimSpace(string(dir)), "benchmarks", "peers"), "build", "-o", h.peer, ".").CombinedOutput()
	if err != nil {
		return fmt.Errorf("building benchmarks/peers: %w\n%s", err, out)
	}
	return nil
}

// close ends the server and removes what is temporary.
func (h *harness) close() {
	if h.nc != nil {
		h.nc.Close()
	}
	if h.server != nil {
		h.server.Kill()
	}
	_ = os.RemoveAll(h.dir) // it is temporary
}

// measure runs all contenders of a workload in turn.
func (h *harness) measure(ctx context.Context, w workload) (*table, error) {
	t := newTable(w, h.peers)
	cases := w.cases(h.scale)
	wants := make([]map[string]string, len(cases))
	var keep []string
	for i, c := range cases {
		wants[i] = w.want(c)
		if w.fill == nil {
			continue
		}
		say(h.progress, "%s: filling %s with %d messages\n", w.name, c.Stream, c.Messages)
		if err := h.fill(ctx, w, c); err != nil {
			return nil, err
		}
		keep = append(keep, c.Stream)
	}
	for round := range h.repeat + 1 {
		var bouts []func() error
		for i, c := range cases {
			if c.rounds > 0 && (round == 0 || round > c.rounds) {
				continue
			}
			for _, e := range t.entries {
				bouts = append(bouts, func() error { return h.bout(ctx, t, w, e, c, wants[i], round, keep) })
			}
		}
		for i := range bouts { // each round begins with another one
			if err := bouts[(i+round)%len(bouts)](); err != nil {
				return nil, err
			}
		}
	}
	return t, h.clean(ctx, nil)
}

// bout runs a contender once. Round 0 warms up.
func (h *harness) bout(ctx context.Context, t *table, w workload, e entry, c testcase, want map[string]string, round int, keep []string) error {
	outcome, err := h.run(ctx, w, e, c, round)
	if err == nil {
		err = contest.Compare(h.results(), e.found(c, want))
	}
	if err != nil {
		return fmt.Errorf("%s: %w", e.name+t.suffix(c), err)
	}
	label := "warm-up"
	if round > 0 {
		label = fmt.Sprintf("%d of %d", round, h.repeat)
		t.add(e, c, outcome)
	}
	say(h.progress, "%s: %-9s %-28s %8.2f s %12s/s  client %6.2f s, server %6.2f s of processor, %5.0f MB\n", w.name, label, e.name+t.suffix(c),
		outcome.Seconds, number(float64(c.Records)/outcome.Seconds), outcome.CPUSeconds, outcome.ServerCPUSeconds, float64(outcome.PeakBytes)/1e6)
	return h.clean(ctx, keep)
}

func (h *harness) results() string { return filepath.Join(h.dir, "results") }

// run starts the contender and returns what it says.
func (h *harness) run(ctx context.Context, w workload, e entry, c testcase, round int) (o contest.Outcome, err error) {
	h.runs++
	job := c.Job
	job.Contender, job.URL, job.Results = w.name+"/"+e.name, h.url, h.results()
	job.Run = fmt.Sprintf("bench-%s-%d", w.name, h.runs)
	if h.profile != "" && round > 0 {
		job.Profile = filepath.Join(h.profile, strings.ReplaceAll(fmt.Sprintf("%s-%s%s-%d.pprof", w.name, e.name, c.label, round), " ", "-"))
	}
	text, err := json.Marshal(job)
	if err != nil {
		return o, err
	}
	program := h.peer
	if !e.peer {
		if program, err = os.Executable(); err != nil {
			return o, err
		}
	}
	command := exec.CommandContext(ctx, program)
	command.Env = append(os.Environ(), contest.Variable+"="+string(text))
	var out bytes.Buffer
	var errs process.Tail
	command.Stdout, command.Stderr = &out, &errs
	before := h.serverCPU()
	if err := command.Run(); err != nil {
		return o, fmt.Errorf("%w\n%s", err, errs.String())
	}
	if err := json.Unmarshal(out.Bytes(), &o); err != nil {
		return o, fmt.Errorf("what it says: %w\n%s", err, errs.String())
	}
	if before >= 0 {
		o.ServerCPUSeconds = h.serverCPU() - before
	}
	return o, nil
}

// fill makes the input of a case, with an end marker for each shard behind it.
func (h *harness) fill(ctx context.Context, w workload, c testcase) error {
	if _, err := h.js.CreateOrUpdateStream(ctx, jetstream.StreamConfig{Name: c.Stream, Subjects: c.Subjects}); err != nil {
		return err
	}
	p, err := floor.NewPublisher(h.nc)
	if err != nil {
		return err
	}
	if err := w.fill(c, p.Publish); err != nil {
		return err
	}
	if err := p.Flush(ctx); err != nil {
		return err
	}
	for _, s := range c.Subjects {
		end := nats.NewMsg(strings.ReplaceAll(s, "*", "end"))
		end.Header.Set("Calm-Seal", "end")
		if _, err := h.js.PublishMsg(ctx, end); err != nil {
			return err
		}
	}
	s, err := h.js.Stream(ctx, c.Stream)
	if err != nil {
		return err
	}
	if n := s.CachedInfo().State.Msgs; n != uint64(c.Messages+len(c.Subjects)) {
		return fmt.Errorf("%d messages are stored, want %d", n, c.Messages+len(c.Subjects))
	}
	return nil
}

// clean deletes what contenders have left on the server: all streams of benchmarks but those to keep.
func (h *harness) clean(ctx context.Context, keep []string) error {
	kept := make(map[string]bool)
	for _, name := range keep {
		kept[name] = true
	}
	names := h.js.StreamNames(ctx)
	var errs []error
	for name := range names.Name() {
		if !kept[name] && (h.server != nil || strings.Contains(name, "bench-")) {
			errs = append(errs, h.js.DeleteStream(ctx, name))
		}
	}
	return errors.Join(append(errs, names.Err())...)
}

// serverCPU is the processor's time of the server, -1 if it cannot be known.
func (h *harness) serverCPU() float64 {
	if h.server == nil {
		return -1
	}
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", h.server.ID()))
	if err != nil {
		return -1
	}
	_, fields, _ := strings.Cut(string(stat), ") ") // the name before may contain anything
	words := strings.Fields(fields)
	if len(words) < 13 {
		return -1
	}
	var user, system int64
	if n, _ := fmt.Sscan(words[11]+" "+words[12], &user, &system); n != 2 {
		return -1
	}
	return (time.Duration(user+system) * 10 * time.Millisecond).Seconds() // in ticks, of which Linux reports 100 a second everywhere
}
