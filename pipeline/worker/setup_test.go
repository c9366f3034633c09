package worker_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/calmstream/calmstream/crdt"
	"github.com/calmstream/calmstream/internal/natstest"
	"github.com/calmstream/calmstream/operators"
	"github.com/calmstream/calmstream/pipeline"
	"github.com/calmstream/calmstream/pipeline/worker"
	"github.com/calmstream/calmstream/sinks"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// patience bounds every wait: only a test that is about to fail waits so long.
const patience = 30 * time.Second

// childName turns this test binary into a worker for the pipelines with the names in this variable.
const childName = "TEST_WORKER_CHILD"

func TestMain(m *testing.M) {
	if names := os.Getenv(childName); names != "" {
		var all []*pipeline.Pipeline
		for name := range strings.SplitSeq(names, ",") {
			all = append(all, count(name))
		}
		worker.Main(all...)
	}
	natstest.Main(m)
}

// count counts equal messages of the stream <name>; the message "bad" is refused.
func count(name string) *pipeline.Pipeline {
	p := pipeline.New(name)
	words := pipeline.Read(p, "words", pipeline.Source[string]{Stream: name, Decode: func(m *pipeline.Message) (string, error) {
		if string(m.Data) == "bad" {
			return "", errors.New("this is a bad message")
		}
		return string(m.Data), nil
	}})
	counts := operators.Count("counts", operators.KeyBy(words, "word", func(w string) string { return w }))
	top := operators.TopK("top", operators.Seal(counts, operators.EndOfInput()), 10, (*crdt.GCounter).Value)
	pipeline.Write(p, "top", top, sinks.Subject{Name: name + ".top", Stream: name + "_TOP"}, pipeline.EncodeJSON)
	pipeline.Write(p, "echo", words, sinks.Subject{Name: name + ".echo", Stream: name + "_ECHO"}, pipeline.EncodeText)
	return p
}

func jetstreamOf(t *testing.T, conn *nats.Conn) jetstream.JetStream {
	t.Helper()
	js, err := jetstream.New(conn)
	if err != nil {
		t.Fatal(err)
	}
	return js
}

func makeInput(t *testing.T, js jetstream.JetStream, name string) {
	t.Helper()
	if _, err := js.CreateStream(t.Context(), jetstream.StreamConfig{Name: name, Subjects: []string{name + ".in"}}); err != nil {
		t.Fatal(err)
	}
}

func publish(t *testing.T, js jetstream.JetStream, name string, words ...string) {
	t.Helper()
	for _, w := range words {
		if _, err := js.Publish(t.Context(), name+".in", []byte(w)); err != nil {
			t.Fatal(err)
		}
	}
}

func publishEnd(t *testing.T, js jetstream.JetStream, name string) {
	t.Helper()
	m := nats.NewMsg(name + ".in")
	m.Header.Set("Calm-Seal", "end")
	if _, err := js.PublishMsg(t.Context(), m); err != nil {
		t.Fatal(err)
	}
}

// output collects what a worker writes.
type output struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.String()
}

// eventually waits until a condition holds.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for !holds() {
		select {
		case <-tick.C:
		case <-deadline.C:
			t.Fatalf("not within %s: %s", patience, what)
		}
	}
}

var answering = regexp.MustCompile(`msg="answering HTTP" address=(\S+)`)

// address waits until a worker answers HTTP and returns where.
func (o *output) address(t *testing.T) string {
	t.Helper()
	var found []string
	eventually(t, "a worker that answers HTTP; it said:\n"+o.String(), func() bool {
		found = answering.FindStringSubmatch(o.String())
		return found != nil
	})
	return "http://" + found[1]
}

// get returns the status and the body of a page; status 0 if nobody answers.
func get(url string) (status int, body string) {
	client := http.Client{Timeout: patience}
	answer, err := client.Get(url)
	if err != nil {
		return 0, err.Error()
	}
	defer answer.Body.Close()
	data, err := io.ReadAll(answer.Body)
	if err != nil {
		return 0, err.Error()
	}
	return answer.StatusCode, string(data)
}

// running is a worker in this process.
type running struct {
	out, log output
	stop     context.CancelFunc
	status   chan int
}

// start runs a worker with HTTP on a free port, and stops it at the end of the test.
func start(t *testing.T, pipelines []*pipeline.Pipeline, args ...string) *running {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	r := &running{stop: stop, status: make(chan int, 1)}
	process := worker.Process{Args: append([]string{"--http", "127.0.0.1:0"}, args...), Stdout: &r.out, Stderr: &r.log}
	done := make(chan struct{})
	go func() {
		defer close(done)
		r.status <- worker.Run(ctx, process, pipelines...)
	}()
	t.Cleanup(func() {
		stop()
		<-done
		if t.Failed() {
			t.Logf("the worker said:\n%s", r.log.String())
		}
	})
	return r
}

// ended waits for the end of the worker.
func (r *running) ended(t *testing.T, want int) {
	t.Helper()
	select {
	case got := <-r.status:
		if got != want {
			t.Fatalf("status %d, want %d; the log:\n%s", got, want, r.log.String())
		}
	case <-time.After(patience):
		t.Fatalf("the worker has not ended; the log:\n%s", r.log.String())
	}
}

func (r *running) ready(t *testing.T) {
	t.Helper()
	waitReady(t, r.log.address(t))
}

func waitReady(t *testing.T, address string) {
	t.Helper()
	eventually(t, "ready at "+address, func() bool {
		status, _ := get(address + "/readyz")
		return status == http.StatusOK
	})
}

// quick runs a worker that ends by itself and returns its status and what it wrote.
func quick(t *testing.T, env map[string]string, pipelines []*pipeline.Pipeline, args ...string) (status int, stdout, stderr string) {
	t.Helper()
	var out, log bytes.Buffer
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	status = worker.Run(ctx, worker.Process{
		Name: "test", Args: args, Stdout: &out, Stderr: &log,
		Getenv: func(name string) string { return env[name] },
	}, pipelines...)
	if ctx.Err() != nil {
		t.Fatalf("the worker did not end by itself; the log:\n%s", log.String())
	}
	return status, out.String(), log.String()
}

func numbered(n int) (words []string) {
	for i := range n {
		words = append(words, fmt.Sprintf("w%d", i%7))
	}
	return words
}
