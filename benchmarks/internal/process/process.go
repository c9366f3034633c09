//go:build unix

package process

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
	"strings"
	"sync"
	"syscall"

	"github.com/calmstream/calmstream/pipeline/embedded"
)

// Ready begins the line on which a process says that it is ready, and where.
const Ready = "ready "

const shownOfErrors = 64 << 10

// Serve runs a NATS server with its files in dir until ctx ends, and says where it is.
func Serve(ctx context.Context, dir string) error {
	s, err := embedded.Start(ctx, embedded.Config{Dir: dir, Listen: "127.0.0.1:0", Logger: slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))})
	if err != nil {
		return err
	}
	defer s.Close()
	fmt.Println(Ready + s.URL())
	<-ctx.Done()
	return nil
}

// Process is one that was started.
type Process struct {
	// Name is for errors.
	Name string
	// Ready is what it said when it was ready.
	Ready string

	command *exec.Cmd
	errs    Tail
	ended   chan struct{}
	err     error // once it has ended
}

// Start begins this program again, with more in its environment, and waits until it says that it is ready.
func Start(ctx context.Context, name string, environ ...string) (*Process, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	p := &Process{Name: name, command: exec.Command(self), ended: make(chan struct{})}
	p.command.Env = append(os.Environ(), environ...)
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
			said <- strings.TrimPrefix(lines.Text(), Ready)
		}
		_, _ = io.Copy(io.Discard, out) // until it ends
		p.err = p.command.Wait()
	}()
	select {
	case p.Ready = <-said:
		return p, nil
	case <-p.ended:
		return nil, fmt.Errorf("the %s has ended before it was ready: %w\n%s", p.Name, p.err, p.errs.String())
	case <-ctx.Done():
		p.Kill()
		return nil, ctx.Err()
	}
}

// ID is the number by which the operating system knows the process.
func (p *Process) ID() int { return p.command.Process.Pid }

// Signal sends a signal; that the process has ended is no error.
func (p *Process) Signal(s syscall.Signal) error {
	if err := p.command.Process.Signal(s); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("%v to the %s: %w", s, p.Name, err)
	}
	return nil
}

// Kill ends the process without a word, and waits until it has.
func (p *Process) Kill() {
	_ = p.command.Process.Kill() // it may have ended
	<-p.ended
}

// Finish waits until the process ends by itself.
func (p *Process) Finish(ctx context.Context) error {
	select {
	case <-p.ended:
	case <-ctx.Done():
		return fmt.Errorf("the %s does not end: %w\n%s", p.Name, ctx.Err(), p.errs.String())
	}
	if p.err != nil {
		return fmt.Errorf("the %s: %w\n%s", p.Name, p.err, p.errs.String())
	}
	return nil
}

// Tail keeps the end of what is written to it.
type Tail struct {
	mu  sync.Mutex
	buf []byte
}

// Write takes all of p.
func (t *Tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.buf = append(t.buf, p...)
	if n := len(t.buf); n > 2*shownOfErrors {
		t.buf = bytes.Clone(t.buf[n-shownOfErrors:])
	}
	return len(p), nil
}

// String returns what is left.
func (t *Tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(t.buf)
}
