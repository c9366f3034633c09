//go:build unix

package contest

import (
	"bufio"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"runtime/pprof"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/nats-io/nats.go"
)

// Variable is the environment variable of the job.
const Variable = "BENCH_JOB"

// Job says what a contender is to do.
type Job struct {
	Contender string
	// URL is that of the server, Stream the input, with Subjects where it has shards.
	URL, Stream string
	Subjects    []string
	// Run is a name that no other run has.
	Run string
	// Messages and Records are how many the input has, Keys how many different keys.
	Messages, Records, Keys int
	// Options are numbers that only some workloads have.
	Options map[string]int
	// Results is the file for what was found, Profile that for a profile of the processor's time, if it is not empty.
	Results, Profile string
}

// Outcome is what a run took.
type Outcome struct {
	Seconds float64 `json:"seconds"`
	// CPUSeconds is the processor's time of the contender, ServerCPUSeconds that of the server meanwhile; -1 if it is not known.
	CPUSeconds       float64 `json:"cpu_seconds"`
	ServerCPUSeconds float64 `json:"server_cpu_seconds"`
	PeakBytes        uint64  `json:"peak_bytes"`
	Allocations      uint64  `json:"allocations"`
	AllocatedBytes   uint64  `json:"allocated_bytes"`
	// Extra are numbers that only some workloads have.
	Extra map[string]float64 `json:"extra,omitempty"`
}

// Contender does a job. What it does before Begin and behind End is not measured.
type Contender func(ctx context.Context, b *Bout) error

// Bout is one run of a contender.
type Bout struct {
	Job
	Outcome
	// Found is what the contender found, to be compared with what the harness knows.
	Found map[string]string

	conns  []*nats.Conn
	began  time.Time
	cpu    float64
	memory runtime.MemStats
	ended  bool
}

// Connect opens a connection that lasts as long as the bout.
func (b *Bout) Connect(opts ...nats.Option) (*nats.Conn, error) {
	nc, err := nats.Connect(b.URL, append([]nats.Option{nats.MaxReconnects(-1)}, opts...)...)
	if err == nil {
		b.conns = append(b.conns, nc)
	}
	return nc, err
}

// Begin starts the measurement.
func (b *Bout) Begin() {
	runtime.GC()
	runtime.ReadMemStats(&b.memory)
	b.cpu = cpuSeconds()
	b.began = time.Now()
}

// End ends the measurement.
func (b *Bout) End() {
	b.Seconds = time.Since(b.began).Seconds()
	b.CPUSeconds = cpuSeconds() - b.cpu
	var now runtime.MemStats
	runtime.ReadMemStats(&now)
	b.Allocations = now.Mallocs - b.memory.Mallocs
	b.AllocatedBytes = now.TotalAlloc - b.memory.TotalAlloc
	b.PeakBytes = peak()
	b.ended = true
}

// Count notes a number that was found.
func (b *Bout) Count(key string, n uint64) { b.Found[key] = strconv.FormatUint(n, 10) }

// Counts notes numbers that were found.
func (b *Bout) Counts(counts map[string]uint64) {
	for key, n := range counts {
		b.Count(key, n)
	}
}

// Number notes a number for the report.
func (b *Bout) Number(name string, n float64) { b.Extra[name] = n }

// Main does the job in the environment and returns the status for the process.
func Main(contenders map[string]Contender) int {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer stop()
	if err := play(ctx, contenders, os.Getenv(Variable)); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

func play(ctx context.Context, contenders map[string]Contender, text string) (err error) {
	b := &Bout{Found: make(map[string]string), Outcome: Outcome{ServerCPUSeconds: -1, Extra: make(map[string]float64)}}
	if err := json.Unmarshal([]byte(text), &b.Job); err != nil {
		return fmt.Errorf("the job: %w", err)
	}
	run, there := contenders[b.Contender]
	if !there {
		return fmt.Errorf("no such contender: %s", b.Contender)
	}
	defer func() {
		for _, nc := range b.conns {
			nc.Close()
		}
	}()
	if b.Profile != "" {
		f, err := os.Create(b.Profile)
		if err != nil {
			return err
		}
		if err := pprof.StartCPUProfile(f); err != nil {
			return err
		}
		defer func() {
			pprof.StopCPUProfile()
			err = errors.Join(err, f.Close())
		}()
	}
	if err := run(ctx, b); err != nil {
		return fmt.Errorf("%s: %w", b.Contender, err)
	}
	if !b.ended {
		return fmt.Errorf("%s has not ended its measurement", b.Contender)
	}
	if err := WriteResults(b.Results, b.Found); err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(b.Outcome)
}

// cpuSeconds is the processor's time that this process has used.
func cpuSeconds() float64 {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return -1
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano()).Seconds()
}

// peak is the most memory that this process has had. The operating system's own number would begin with that of the process that started this
// one, so the one of the kernel's table is taken where there is one.
func peak() uint64 {
	status, err := os.ReadFile("/proc/self/status")
	if err == nil {
		for line := range strings.Lines(string(status)) {
			var kb uint64
			if n, _ := fmt.Sscanf(line, "VmHWM: %d kB", &kb); n == 1 {
				return kb << 10
			}
		}
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.Sys
}

// WriteResults writes what was found, by key.
func WriteResults(name string, found map[string]string) error {
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	w := bufio.NewWriter(f)
	for key, value := range found {
		if _, err := fmt.Fprintf(w, "%q %q\n", key, value); err != nil {
			return errors.Join(err, f.Close())
		}
	}
	return errors.Join(w.Flush(), f.Close())
}

// Compare reads what was found and returns an error that names the first differences from what there should be.
func Compare(name string, want map[string]string) error {
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }() // it was only read
	var wrong []string
	found := make(map[string]bool, len(want))
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		var key, value string
		if _, err := fmt.Sscanf(lines.Text(), "%q %q", &key, &value); err != nil {
			return fmt.Errorf("the results: %w", err)
		}
		found[key] = true
		if expected, there := want[key]; !there {
			wrong = append(wrong, fmt.Sprintf("%s: %s was found, where nothing should be", key, value))
		} else if value != expected {
			wrong = append(wrong, fmt.Sprintf("%s: %s was found, %s expected", key, value, expected))
		}
	}
	if err := lines.Err(); err != nil {
		return err
	}
	for key, expected := range want {
		if !found[key] {
			wrong = append(wrong, fmt.Sprintf("%s: nothing was found, %s expected", key, expected))
		}
	}
	if len(wrong) == 0 {
		return nil
	}
	slices.SortFunc(wrong, cmp.Compare[string])
	return fmt.Errorf("%d wrong results:\n\t%s", len(wrong), strings.Join(wrong[:min(len(wrong), 10)], "\n\t"))
}
