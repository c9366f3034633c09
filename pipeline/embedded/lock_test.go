package embedded_test

import (
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/calmstream/calmstream/pipeline/embedded"
)

// start runs a server on dir for the length of the test.
func start(t *testing.T, cfg embedded.Config) *embedded.Server {
	t.Helper()
	srv, err := embedded.Start(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(srv.Close)
	return srv
}

// wantLocked checks that a second server on dir is refused with a sentence that names the directory and the holder.
func wantLocked(t *testing.T, dir string, pid int) {
	t.Helper()
	srv, err := embedded.Start(t.Context(), embedded.Config{Dir: dir})
	if err == nil {
		srv.Close()
		t.Fatal("a second server started on a directory that is in use")
	}
	if !errors.Is(err, embedded.ErrLocked) {
		t.Fatalf("got %v, want ErrLocked", err)
	}
	for _, part := range []string{strconv.Quote(dir), strconv.Itoa(pid), "stop it"} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("%q does not contain %q", err, part)
		}
	}
	if strings.Contains(err.Error(), "\n") {
		t.Errorf("%q is more than one sentence", err)
	}
}

func TestSecondStartInThisProcessIsRefused(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	srv := start(t, embedded.Config{Dir: dir})
	wantLocked(t, dir, os.Getpid())

	srv.Close()
	start(t, embedded.Config{Dir: dir}) // the lock is free again
}

func TestSecondStartByAnotherPathIsRefused(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(dir, link); err != nil {
		t.Fatal(err)
	}
	start(t, embedded.Config{Dir: dir})
	wantLocked(t, link, os.Getpid())
}

func TestLockFileOfTheDeadIsNoLock(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "LOCK"), []byte("1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	start(t, embedded.Config{Dir: dir})
	wantLocked(t, dir, os.Getpid())
}

func TestKilledProcessFreesTheDirectoryAndKeepsItsMessages(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "made", "by", "the", "child")
	child := startChild(t, dir)
	wantLocked(t, dir, child.Process.Pid)

	if err := child.Process.Kill(); err != nil { // SIGKILL: the child cannot clean up
		t.Fatal(err)
	}
	if err := child.Wait(); err == nil {
		t.Fatal("the child process ended by itself, want it killed")
	}

	srv := start(t, embedded.Config{Dir: dir})
	nc, err := srv.Conn()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	stream, err := js.Stream(t.Context(), "IN")
	if err != nil {
		t.Fatal(err)
	}
	msg, err := stream.GetMsg(t.Context(), 1)
	if err != nil {
		t.Fatal(err)
	}
	if got := string(msg.Data); got != "before the crash" {
		t.Errorf("recovered %q, want the message that was acknowledged before the kill", got)
	}
}
