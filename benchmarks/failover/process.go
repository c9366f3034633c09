//go:build unix

package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"sync"
	"syscall"

	"github.com/calmstream/calmstream/pipeline/embedded"
)

// The environment says what a process is: the harness starts itself again.
const (
	roleVariable  = "FAILOVER_ROLE" // "server DIR" or "worker URL NAME SHARDS STANDBYS"
	serverRole    = "server"
	workerRole    = "worker"
	ready         = "ready "
	shownOfErrors = 64 << 10
)

// play runs a role and returns the status for the process.
func play(role string) int {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	words := strings.Fields(role)
	var err error
	switch words[0] {
	case serverRole:
		err = serve(ctx, words[1])
	case workerRole:
		err = work(ctx, words[1:])
	default:
		err = fmt.Errorf("no such role: %s", role)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// serve runs a NATS server until it is told to stop.
func serve(ctx context.Context, dir string) error {
	s, err := embedded.Start(ctx, embedded.Config{Dir: dir, Listen: "127.0.0.1:0", Logger: slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))})
	if err != nil {
		return err
	}
	defer s.Close()
	fmt.Println(ready + s.URL())
	<-ctx.Done()
	return nil
}

// process is a server or a worker.
type process struct {
	name    string
	command *exec.Cmd
	ready   string // what it said when it was ready
	errs    tail
	ended   chan struct{}
	err     error // once it has ended
}

// start begins a process and waits until it says that it is ready.
func start(ctx context.Context, role string) (*process, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	p := &process{name: strings.Join(strings.Fields(role)[:1], ""), command: exec.Command(self), ended: make(chan struct{})}
	p.command.Env = append(os.Environ(), roleVariable+"="+role)
	p.command.Stderr = &p.errs
	out, err := p.command.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := p.command.Start(); err != nil {
		return nil, err
	}
	said := make(chan string, 1)
	go func() {
		defer close(p.ended)
		lines := bufio.NewScanner(out)
		if lines.Scan() {
			said <- strings.TrimPrefix(lines.Text(), ready)
		}
		_, _ = io.Copy(io.Discard, out) // until it ends
		p.err = p.command.Wait()
	}()
	select {
	case p.ready = <-said:
		return p, nil
	case <-p.ended:
		return nil, fmt.Errorf("the %s has ended before it was ready: %w\n%s", p.name, p.err, p.errs.String())
	case <-ctx.Done():
		p.kill()
		return nil, ctx.Err()
	}
}

func (p *process) signal(s syscall.Signal) error {
	if err := p.command.Process.Signal(s); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("%v to the %s: %w", s, p.name, err)
	}
	return nil
}

// kill ends the process without a word, and waits until it has.
func (p *process) kill() {
	_ = p.command.Process.Kill() // it may have ended
	<-p.ended
}

// finish waits until the process ends by itself.
func (p *process) finish(ctx context.Context) error {
	select {
	case <-p.ended:
	case <-ctx.Done():
		return fmt.Errorf("the %s does not end: %w\n%s", p.name, ctx.Err(), p.errs.String())
	}
	if p.err != nil {
		return fmt.Errorf("the %s: %w\n%s", p.name, p.err, p.errs.String())
	}
	return nil
}

// tail keeps the end of what is written to it.
type tail struct {
	mu  sync.Mutex
	buf []byte
}

func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.buf = append(t.buf, p...)
	if n := len(t.buf); n > 2*shownOfErrors {
		t.buf = bytes.Clone(t.buf[n-shownOfErrors:])
	}
	return len(p), nil
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(t.buf)
}
