package worker_test

import (
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/calmstream/calmstream/internal/natstest"
	"github.com/calmstream/calmstream/operators"
	"github.com/nats-io/nats.go/jetstream"
)

// process is a worker in a process of its own.
type process struct {
	cmd    *exec.Cmd
	log    output
	exited chan struct{}
}

// spawn starts a worker process for the pipeline, which does not outlive the test.
func spawn(t *testing.T, name string, args ...string) *process {
	t.Helper()
	p := &process{cmd: exec.Command(os.Args[0], args...), exited: make(chan struct{})}
	p.cmd.Env = append(os.Environ(), childName+"="+name, "CALM_HTTP=127.0.0.1:0")
	p.cmd.Stderr = &p.log
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(p.exited)
		_ = p.cmd.Wait() // the status is in ProcessState
	}()
	t.Cleanup(func() {
		_ = p.cmd.Process.Kill() // it has ended where all went well
		<-p.exited
		if t.Failed() {
			t.Logf("the process said:\n%s", p.log.String())
		}
	})
	return p
}

func (p *process) signal(t *testing.T, s os.Signal) {
	t.Helper()
	if err := p.cmd.Process.Signal(s); err != nil {
		t.Fatal(err)
	}
}

// ended waits for the end and returns the status; -1 after SIGKILL.
func (p *process) ended(t *testing.T) int {
	t.Helper()
	select {
	case <-p.exited:
		return p.cmd.ProcessState.ExitCode()
	case <-time.After(patience):
		t.Fatalf("the process has not ended; it said:\n%s", p.log.String())
		return 0
	}
}

// A worker that is told to end takes a last checkpoint, one that is killed does not; both times the next one goes on
// without a gap and without counting anything twice.
func TestDrainKillAndResume(t *testing.T) {
	t.Parallel()
	srv := natstest.Run(t)
	js := srv.JetStream(t)
	const name = "drain"
	makeInput(t, js, name)
	// After the first checkpoint there is none until the worker is told to end.
	args := []string{"--nats", srv.URL(), "--checkpoint-every", "1h"}
	at := func(p *process, want float64) *exposition {
		t.Helper()
		address := p.log.address(t)
		var e *exposition
		waitReady(t, address)
		eventually(t, "the messages are read", func() bool {
			e = scrape(t, address)
			return e.of("calm_position", name) == want
		})
		return e
	}
	first := spawn(t, name, args...)
	waitReady(t, first.log.address(t))
	publish(t, js, name, "w0")
	eventually(t, "the first checkpoint", func() bool { return scrape(t, first.log.address(t)).of("calm_committed_position", name) == 1 })
	publish(t, js, name, numbered(1000)...)
	if e := at(first, 1001); e.of("calm_committed_position", name) != 1 {
		t.Errorf("there was a checkpoint at %v: the test proves nothing", e.of("calm_committed_position", name))
	}
	first.signal(t, syscall.SIGTERM)
	if status := first.ended(t); status != 0 {
		t.Errorf("status %d after SIGTERM, want 0", status)
	}
	if log := first.log.String(); !strings.Contains(log, `reason="signal terminated"`) || !strings.Contains(log, `msg="the pipeline has drained" pipeline=`+name) {
		t.Errorf("the log tells nothing of the drain:\n%s", log)
	}

	second := spawn(t, name, args...)
	if e := at(second, 1001); e.of("calm_resumed_position", name) != 1001 || e.of("calm_messages_total", name) != 0 {
		t.Errorf("resumed at %v and read %v messages, want 1001 and 0: the drain saved nothing", e.of("calm_resumed_position", name), e.of("calm_messages_total", name))
	}
	publish(t, js, name, numbered(500)...)
	at(second, 1501)
	second.signal(t, syscall.SIGKILL)
	if status := second.ended(t); status != -1 {
		t.Errorf("status %d after SIGKILL", status)
	}

	third := spawn(t, name, args...)
	publishEnd(t, js, name)
	if status := third.ended(t); status != 0 {
		t.Errorf("status %d at the end of the input, want 0", status)
	}
	ranking := rankingOf(t, js, name)
	want := map[string]uint64{"w0": 1}
	for _, w := range append(numbered(1000), numbered(500)...) {
		want[w]++
	}
	for _, r := range ranking {
		if want[r.Key] != r.Score {
			t.Errorf("%s was counted %d times, want %d", r.Key, r.Score, want[r.Key])
		}
	}
	if len(ranking) != len(want) {
		t.Errorf("%d keys, want %d", len(ranking), len(want))
	}
}

// rankingOf reads the only ranking of a pipeline.
func rankingOf(t *testing.T, js jetstream.JetStream, name string) (ranking []operators.Ranked[string, uint64]) {
	t.Helper()
	stream, err := js.Stream(t.Context(), name+"_TOP")
	if err != nil {
		t.Fatal(err)
	}
	if n := stream.CachedInfo().State.Msgs; n != 1 {
		t.Fatalf("%d rankings, want 1", n)
	}
	m, err := stream.GetMsg(t.Context(), stream.CachedInfo().State.FirstSeq)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(m.Data, &ranking); err != nil {
		t.Fatal(err)
	}
	return ranking
}

// The drain cannot end without a server. A second signal ends the process all the same, at once.
func TestASecondSignal(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		signal syscall.Signal
		want   int
	}{{syscall.SIGTERM, 143}, {syscall.SIGINT, 130}} {
		t.Run(c.signal.String(), func(t *testing.T) {
			t.Parallel()
			srv := natstest.Run(t)
			js := srv.JetStream(t)
			makeInput(t, js, "twice")
			p := spawn(t, "twice", "--nats", srv.URL(), "--checkpoint-every", "1h", "--drain-timeout", "1h")
			waitReady(t, p.log.address(t))
			publish(t, js, "twice", "a")
			address := p.log.address(t)
			eventually(t, "the first checkpoint", func() bool { return scrape(t, address).of("calm_committed_position", "twice") == 1 })
			publish(t, js, "twice", "b")
			eventually(t, "something to save", func() bool { return scrape(t, address).of("calm_position", "twice") == 2 })
			srv.Shutdown()
			p.signal(t, c.signal)
			unready(t, address, "the worker is draining")
			p.signal(t, c.signal)
			if status := p.ended(t); status != c.want {
				t.Errorf("status %d, want %d", status, c.want)
			}
		})
	}
}

// A drain that takes too long is a failure, and is told as one.
func TestADrainThatTakesTooLong(t *testing.T) {
	t.Parallel()
	srv := natstest.Run(t)
	js := srv.JetStream(t)
	makeInput(t, js, "slow")
	p := spawn(t, "slow", "--nats", srv.URL(), "--checkpoint-every", "1h", "--drain-timeout", "100ms")
	address := p.log.address(t)
	waitReady(t, address)
	publish(t, js, "slow", "a")
	eventually(t, "the first checkpoint", func() bool { return scrape(t, address).of("calm_committed_position", "slow") == 1 })
	publish(t, js, "slow", "b")
	eventually(t, "something to save", func() bool { return scrape(t, address).of("calm_position", "slow") == 2 })
	srv.Shutdown()
	p.signal(t, syscall.SIGTERM)
	if status := p.ended(t); status != 1 {
		t.Errorf("status %d, want 1", status)
	}
	if log := p.log.String(); !strings.Contains(log, "was not finished within 100ms") {
		t.Errorf("the log does not tell why:\n%s", log)
	}
}

// The process gives its arguments and its environment to Run.
func TestMainReadsTheProcess(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, os.Args[0], "--explain")
	cmd.Env = append(os.Environ(), childName+"=one,two")
	out, err := cmd.Output()
	if err != nil || !strings.Contains(string(out), "pipeline two,") {
		t.Errorf("%v: %s", err, out)
	}
	cmd = exec.CommandContext(ctx, os.Args[0])
	cmd.Env = append(os.Environ(), childName+"=one", "CALM_REPLICAS=9")
	if _, err := cmd.Output(); cmd.ProcessState.ExitCode() != 2 {
		t.Errorf("a wrong flag in the environment: %v", err)
	}
}
