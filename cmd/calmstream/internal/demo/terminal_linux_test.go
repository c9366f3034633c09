package demo_test

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"strings"
	"syscall"
	"testing"
	"unsafe"

	"github.com/calmstream/calmstream/cmd/calmstream/internal/demo"
)

// openTerminal returns the two ends of a pseudo-terminal: where a person sits, and what a program writes to.
func openTerminal(t *testing.T) (person, program *os.File) {
	t.Helper()
	person, err := os.OpenFile("/dev/ptmx", os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = person.Close() })
	var unlock, number int32
	control(t, person, syscall.TIOCSPTLCK, &unlock)
	control(t, person, syscall.TIOCGPTN, &number)
	program, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	return person, program
}

func control(t *testing.T, f *os.File, request uintptr, value *int32) {
	t.Helper()
	if _, _, errno := syscall.Syscall(syscall.SYS_IOCTL, f.Fd(), request, uintptr(unsafe.Pointer(value))); errno != 0 {
		t.Fatalf("ioctl %x: %v", request, errno)
	}
}

func TestDemoOnTerminal(t *testing.T) {
	t.Setenv("TERM", "xterm")
	t.Setenv("NO_COLOR", "")
	person, program := openTerminal(t)
	seen := make(chan []byte, 1)
	go func() {
		all, _ := io.ReadAll(person) // ends with EIO when the program's end is closed
		seen <- all
	}()
	var stderr bytes.Buffer
	// At twenty events a second the threshold is one click, so that there are alerts wherever the windows begin.
	code := demo.Command(t.Context(), []string{"--for", "1500ms", "--rate", "20"}, program, &stderr)
	_ = program.Close()
	output := string(<-seen)
	if code != 0 {
		t.Fatalf("exit %d, stderr %q", code, &stderr)
	}
	if drawn := strings.Count(output, "calmstream demo"); drawn < 5 {
		t.Errorf("%d pictures in a second and a half", drawn)
	}
	if !strings.Contains(output, "\x1b[33mstable") || !strings.Contains(output, "\x1b[32mfinal") {
		t.Error("the verdicts have no colours")
	}
	screen := strings.Join(terminal(output), "\n")
	if n := strings.Count(screen, "calmstream demo"); n != 1 {
		t.Errorf("%d pictures are left on the screen", n)
	}
	plan, live, summary := strings.Index(screen, "points of order"), strings.Index(screen, "ALERTS"), strings.Index(screen, "an independent count, and so do the alerts")
	if plan < 0 || live < plan || summary < live || !strings.Contains(screen, "the input has ended") {
		t.Errorf("the screen shows:\n%s", screen)
	}
}

func TestTerminalThatCannot(t *testing.T) {
	t.Setenv("TERM", "dumb")
	person, program := openTerminal(t)
	seen := make(chan []byte, 1)
	go func() {
		all, _ := io.ReadAll(person)
		seen <- all
	}()
	var stderr bytes.Buffer
	code := demo.Command(t.Context(), []string{"--for", "300ms"}, program, &stderr)
	_ = program.Close()
	if output := string(<-seen); code != 0 || strings.Contains(output, "\x1b") || !strings.Contains(output, "sealed  final") {
		t.Errorf("exit %d, stderr %q, output %q", code, &stderr, output)
	}
}
