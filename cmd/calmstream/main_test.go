package main_test

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/calmstream/calmstream/cmd/calmstream/internal/cli"
	"github.com/calmstream/calmstream/internal/natstest"
)

// asTool turns this test binary into the tool: the tests start real processes and build nothing.
const asTool = "CALMSTREAM_TEST_AS_TOOL"

func TestMain(m *testing.M) {
	if os.Getenv(asTool) != "" {
		os.Exit(cli.Main(os.Args[1:], os.Stdout, os.Stderr))
	}
	natstest.Main(m)
}

// patience is how long a process may take. Only a test that is about to fail waits so long.
const patience = 90 * time.Second

// process is a tool that runs.
type process struct {
	t       *testing.T
	command *exec.Cmd
	stdout  bytes.Buffer // to be read after wait
	stderr  shared
	temp    string // where it makes its temporary directories
	ended   chan struct{}
}

// shared is a buffer that one writes and another reads.
type shared struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (s *shared) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.buf.Write(p)
}

func (s *shared) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.buf.String()
}

// start runs the tool. stdin may be nil.
func start(t *testing.T, stdin io.Reader, args ...string) *process {
	t.Helper()
	p := prepare(t, stdin, args...)
	p.run()
	return p
}

// prepare is start without the start.
func prepare(t *testing.T, stdin io.Reader, args ...string) *process {
	t.Helper()
	p := &process{t: t, command: exec.Command(os.Args[0], args...), temp: t.TempDir(), ended: make(chan struct{})}
	p.command.Env = append(os.Environ(), asTool+"=1", "TMPDIR="+p.temp)
	p.command.Stdin, p.command.Stdout, p.command.Stderr = stdin, &p.stdout, &p.stderr
	return p
}

// run starts the command, and makes sure that it ends with the test.
func (p *process) run() {
	p.t.Helper()
	if err := p.command.Start(); err != nil {
		p.t.Fatal(err)
	}
	go func() {
		defer close(p.ended)
		_ = p.command.Wait() // the state of the process says more
	}()
	p.t.Cleanup(func() {
		_ = p.command.Process.Kill() // it fails where the process has ended
		<-p.ended
	})
}

// wait returns the exit status: -1 after a signal that the process has not caught.
func (p *process) wait() int {
	p.t.Helper()
	select {
	case <-p.ended:
	case <-time.After(patience):
		p.t.Fatalf("%q has not ended after %v; it said:\n%s", p.command.Args[1:], patience, p.stderr.String())
	}
	if said := p.stderr.String(); strings.Contains(said, "goroutine ") || strings.Contains(said, "panic") {
		p.t.Errorf("%q left a stack trace:\n%s", p.command.Args[1:], said)
	}
	return p.command.ProcessState.ExitCode()
}

// tool runs the tool to its end.
func tool(t *testing.T, stdin io.Reader, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	p := start(t, stdin, args...)
	code = p.wait()
	if left, err := os.ReadDir(p.temp); err != nil || len(left) > 0 {
		t.Errorf("%q left %v in the temporary directory (%v)", args, left, err)
	}
	return code, p.stdout.String(), p.stderr.String()
}

// count runs the word count and returns what it prints.
func count(t *testing.T, stdin io.Reader, args ...string) string {
	t.Helper()
	code, stdout, stderr := tool(t, stdin, append([]string{"run", "wordcount"}, args...)...)
	if code != 0 {
		t.Fatalf("%q ended with %d:\n%s", args, code, stderr)
	}
	return stdout
}

// refused runs the word count, which must fail with one sentence that contains all of want, and print nothing.
func refused(t *testing.T, stdin io.Reader, args []string, want ...string) {
	t.Helper()
	code, stdout, stderr := tool(t, stdin, append([]string{"run", "wordcount"}, args...)...)
	if code != 1 || stdout != "" {
		t.Errorf("%q ended with %d, not 1, and printed %d bytes", args, code, len(stdout))
	}
	sentences := sentences(stderr)
	if len(sentences) != 1 || !strings.HasPrefix(sentences[0], "calmstream: ") {
		t.Fatalf("%q: want one sentence on standard error, got:\n%s", args, stderr)
	}
	for _, text := range want {
		if !strings.Contains(sentences[0], text) {
			t.Errorf("%q: want %q in: %s", args, text, sentences[0])
		}
	}
	if inside := insider.FindString(sentences[0]); inside != "" {
		t.Errorf("%q: who runs the tool cannot know what %q is: %s", args, inside, sentences[0])
	}
}

// sentences are the lines of standard error that say why the tool ended. A warning is none of them: the log has one
// when a machine that is busy is late, whatever the end.
func sentences(stderr string) (lines []string) {
	for line := range strings.Lines(stderr) {
		if !strings.Contains(line, "resumed at position") && !strings.Contains(line, " level=WARN ") {
			lines = append(lines, line)
		}
	}
	return lines
}

// insider finds what only a reader of the program knows: names of packages and of their fields.
var insider = regexp.MustCompile(`[:(] ?(store|feed|wordcount|embedded|pipeline|engine|source|sinks|shard): |\b(Config|Env)\.|\bVersion\b`)

// file writes text into a file of its own and returns its path.
func file(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "input.txt")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// same compares outputs and names the first line that differs.
func same(t *testing.T, got, want string) {
	t.Helper()
	if got == want {
		return
	}
	gots, wants := strings.Split(got, "\n"), strings.Split(want, "\n")
	for i := range min(len(gots), len(wants)) {
		if gots[i] != wants[i] {
			t.Fatalf("line %d of %d: got %q, want %q of %d", i+1, len(gots), cut(gots[i]), cut(wants[i]), len(wants))
		}
	}
	t.Fatalf("got %d lines, want %d", len(gots), len(wants))
}

func cut(line string) string {
	if len(line) > 100 {
		return fmt.Sprintf("%s... (%d bytes)", line[:100], len(line))
	}
	return line
}

// await asks until it is so.
func await(t *testing.T, what string, so func() bool) {
	t.Helper()
	ticker := time.NewTicker(5 * time.Millisecond)
	defer ticker.Stop()
	for until := time.Now().Add(patience); !so(); <-ticker.C {
		if time.Now().After(until) {
			t.Fatalf("waited %v in vain for %s", patience, what)
		}
	}
}
