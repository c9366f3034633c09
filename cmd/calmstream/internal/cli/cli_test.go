package cli_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/calmstream/calmstream/cmd/calmstream/internal/cli"
)

// screen is what a terminal shows of what is written to it: control characters do what they do there.
func screen(written string) []string {
	lines := []string{""}
	written = strings.ReplaceAll(written, "\r\x1b[K", "\x00")
	for _, c := range written {
		last := len(lines) - 1
		switch c {
		case '\n':
			lines = append(lines, "")
		case 0:
			lines[last] = ""
		default:
			lines[last] += string(c)
		}
	}
	return lines
}

func input(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "input.txt")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestATerminalShowsProgressAndKeepsNothingOfIt(t *testing.T) {
	t.Parallel()
	var stdout, stderr bytes.Buffer
	code := cli.Dispatch(t.Context(), []string{"run", "wordcount", "--input", input(t, "one word, one line")}, &stdout, &stderr, true)
	if code != 0 || stdout.String() != "      2 one\n      1 line\n      1 word\n" {
		t.Errorf("it ended with %d and printed %q", code, stdout.String())
	}
	if !strings.Contains(stderr.String(), "read ") {
		t.Errorf("no progress was shown: %q", stderr.String())
	}
	if left := screen(stderr.String()); len(left) != 1 || left[0] != "" {
		t.Errorf("the terminal still shows %q", left)
	}
}

func TestLinesThatStayAreNotBrokenByProgress(t *testing.T) {
	t.Parallel()
	dir, text := t.TempDir(), strings.Repeat("word ", 100_000)
	args := []string{"run", "wordcount", "--store", dir, "--verbose", "--input", input(t, text)}
	for range 2 {
		var stdout, stderr bytes.Buffer
		if code := cli.Dispatch(t.Context(), args, &stdout, &stderr, true); code != 0 || stdout.String() != " 100000 word\n" {
			t.Fatalf("it ended with %d and printed %q", code, stdout.String())
		}
		for _, line := range screen(stderr.String()) {
			if line != "" && !strings.HasPrefix(line, "calmstream: stage ") && !strings.HasPrefix(line, "time=") {
				t.Errorf("a broken line: %q", line)
			}
		}
	}
}

// deadEnd takes a few bytes and fails then, as a full disk does.
type deadEnd struct{ room int }

func (d *deadEnd) Write(p []byte) (int, error) {
	n := min(d.room, len(p))
	d.room -= n
	if n < len(p) {
		return n, errors.New("the disk is full")
	}
	return n, nil
}

func TestOutputThatCannotBeWrittenIsAnError(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{{"run", "wordcount", "--input", input(t, "words")}, {"explain", "wordcount"}, {"help"}, {"version"}} {
		var stderr bytes.Buffer
		code := cli.Dispatch(t.Context(), args, &deadEnd{room: 3}, &stderr, false)
		if code != 1 || stderr.String() != "calmstream: the output could not be written: the disk is full\n" {
			t.Errorf("%q ended with %d and said %q", args, code, stderr.String())
		}
	}
}

func TestStandardErrorThatIsGoneIsNoReasonToStop(t *testing.T) {
	t.Parallel()
	var stdout bytes.Buffer
	args := []string{"run", "wordcount", "--verbose", "--input", input(t, "words")}
	if code := cli.Dispatch(t.Context(), args, &stdout, &deadEnd{}, true); code != 0 || stdout.String() != "      1 words\n" {
		t.Errorf("it ended with %d and printed %q", code, stdout.String())
	}
}

func TestAnInterruptBeforeTheBeginning(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(cli.ErrInterrupt)
	var stderr bytes.Buffer
	code := cli.Dispatch(ctx, []string{"run", "wordcount", "--input", input(t, "words")}, io.Discard, &stderr, false)
	if code != 130 || stderr.String() != "calmstream: stopped by SIGINT before anything was done\n" {
		t.Errorf("it ended with %d and said %q", code, stderr.String())
	}
}
