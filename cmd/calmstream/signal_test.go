package main_test

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/calmstream/calmstream/internal/natstest"
	"github.com/nats-io/nats.go/jetstream"
)

// openEnded runs the word count over text on standard input, which does not end, until there is a checkpoint.
func openEnded(t *testing.T, srv *natstest.Server, text string) (p *process, stdin *os.File) {
	t.Helper()
	from, stdin, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = stdin.Close() })
	p = start(t, from, "run", "wordcount", "--input", "-", "--nats", srv.URL())
	_ = from.Close() // the process has its own
	if _, err := io.WriteString(stdin, text); err != nil {
		t.Fatal(err)
	}
	js := srv.JetStream(t)
	await(t, "a checkpoint", func() bool {
		stream, err := js.Stream(t.Context(), "KV_calm_wordcount")
		if err != nil {
			return false
		}
		info, err := stream.Info(t.Context(), jetstream.WithSubjectFilter("$KV.calm_wordcount.>"))
		if err != nil {
			return false
		}
		for subject := range info.State.Subjects {
			if strings.Contains(subject, ".chunks.") {
				return true
			}
		}
		return false
	})
	return p, stdin
}

// stopHalfway runs the word count over text, and stops it after a checkpoint and before the end.
func stopHalfway(t *testing.T, srv *natstest.Server, text string) {
	t.Helper()
	p, _ := openEnded(t, srv, text)
	stop(t, p, syscall.SIGTERM)
	if code := p.wait(); code != 143 {
		t.Fatalf("it ended with %d, not 143:\n%s", code, p.stderr.String())
	}
}

// stop sends a signal. A process that has just ended by itself shows in its status.
func stop(t *testing.T, p *process, by syscall.Signal) {
	t.Helper()
	if err := p.command.Process.Signal(by); err != nil && !errors.Is(err, os.ErrProcessDone) {
		t.Fatal(err)
	}
}

func TestASignalStopsInGoodOrder(t *testing.T) {
	t.Parallel()
	srv := natstest.Run(t)
	text := goSource(t, true, 700_000)
	for signal, status := range map[syscall.Signal]int{syscall.SIGINT: 130, syscall.SIGTERM: 143} {
		p, _ := openEnded(t, srv, text)
		stop(t, p, signal)
		if code := p.wait(); code != status || p.stdout.Len() > 0 || !strings.Contains(p.stderr.String(), "the same command goes on from here") {
			t.Errorf("after %v it ended with %d, printed %d bytes and said: %s", signal, code, p.stdout.Len(), p.stderr.String())
		}
	}
	code, stdout, stderr := tool(t, strings.NewReader(text+" end"), "run", "wordcount", "--input", "-", "--nats", srv.URL())
	if code != 0 || len(resumed(t, stderr)) == 0 {
		t.Errorf("it ended with %d and did not go on from a checkpoint:\n%s", code, stderr)
	}
	same(t, stdout, modelled(text+" end"))
}

func TestASignalInATemporaryDirectory(t *testing.T) {
	t.Parallel()
	from, stdin, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = stdin.Close() }()
	p := start(t, from, "run", "wordcount", "--input", "-")
	_ = from.Close()
	await(t, "the stream of the input", func() bool {
		streams, err := filepath.Glob(filepath.Join(p.temp, "*", "jetstream", "*", "streams", "WC_IN_wordcount"))
		return err == nil && len(streams) > 0
	})
	stop(t, p, syscall.SIGINT)
	if code := p.wait(); code != 130 || !strings.Contains(p.stderr.String(), "temporary directory and is gone") {
		t.Errorf("it ended with %d and said: %s", code, p.stderr.String())
	}
	if entries, err := os.ReadDir(p.temp); err != nil || len(entries) > 0 {
		t.Errorf("the temporary directory still holds %v (%v)", entries, err)
	}
}

func TestAReaderThatIsGone(t *testing.T) {
	t.Parallel()
	reader, writer, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	_ = reader.Close()
	p := prepare(t, nil, "run", "wordcount", "--input", file(t, "words"))
	p.command.Stdout = writer
	p.run()
	_ = writer.Close() // the process has its own
	if code := p.wait(); code != 1 || !strings.HasPrefix(p.stderr.String(), "calmstream: the output could not be written") {
		t.Errorf("it ended with %d and said: %s", code, p.stderr.String())
	}
	if entries, err := os.ReadDir(p.temp); err != nil || len(entries) > 0 {
		t.Errorf("the temporary directory still holds %v (%v)", entries, err)
	}
}
