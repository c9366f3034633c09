package embedded_test

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/calmstream/calmstream/pipeline/embedded"
)

func TestConnReachesJetStreamWithoutAPort(t *testing.T) {
	t.Parallel()
	srv := start(t, embedded.Config{Dir: t.TempDir()})
	if url := srv.URL(); url != "" {
		t.Errorf("URL of a server that does not listen is %q, want none", url)
	}
	nc, err := srv.Conn(nats.Name("test"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	if nc.Opts.Name != "test" {
		t.Errorf("the connection is called %q: the option of the caller was lost", nc.Opts.Name)
	}
	if got, want := nc.MaxPayload(), int64(1<<20); got != want {
		t.Errorf("max_payload is %d, want %d", got, want)
	}
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	kv, err := js.CreateKeyValue(t.Context(), jetstream.KeyValueConfig{Bucket: "b"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := kv.PutString(t.Context(), "k", "v"); err != nil {
		t.Fatal(err)
	}
	entry, err := kv.Get(t.Context(), "k")
	if err != nil || string(entry.Value()) != "v" {
		t.Fatalf("read %v (%v), want v", entry, err)
	}
}

func TestListenTakesConnectionsOfOthers(t *testing.T) {
	t.Parallel()
	for _, listen := range []string{"127.0.0.1:0", ":0", "localhost:0"} {
		srv := start(t, embedded.Config{Dir: t.TempDir(), Listen: listen, SyncAlways: true})
		nc, err := nats.Connect(srv.URL())
		if err != nil {
			t.Fatalf("listen %q, URL %q: %v", listen, srv.URL(), err)
		}
		nc.Close()
	}
}

func TestDirectoryIsPrivate(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "data")
	start(t, embedded.Config{Dir: dir})
	info, err := os.Stat(dir)
	if err != nil {
		t.Fatal(err)
	}
	if got := info.Mode().Perm(); runtime.GOOS != "windows" && got != 0o700 {
		t.Errorf("the directory has mode %o, want 700", got)
	}
}

func TestCloseIsFinalAndCanBeRepeated(t *testing.T) {
	t.Parallel()
	srv := start(t, embedded.Config{Dir: t.TempDir()})
	var both sync.WaitGroup
	for range 2 {
		both.Go(srv.Close)
	}
	both.Wait()
	if _, err := srv.Conn(); !errors.Is(err, embedded.ErrClosed) {
		t.Errorf("Conn after Close returned %v, want ErrClosed", err)
	}
}

func TestStartRefuses(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = taken.Close() })

	for name, c := range map[string]struct {
		cfg  embedded.Config
		want string
	}{
		"no directory":     {embedded.Config{}, "Config.Dir is empty"},
		"a file":           {embedded.Config{Dir: file}, `is a file, and not a directory`},
		"below a file":     {embedded.Config{Dir: filepath.Join(file, "x")}, filepath.Join(file, "x")},
		"no port":          {embedded.Config{Dir: t.TempDir(), Listen: "localhost"}, "must be host:port"},
		"a wrong port":     {embedded.Config{Dir: t.TempDir(), Listen: "localhost:65536"}, "from 0 to 65535"},
		"a port with name": {embedded.Config{Dir: t.TempDir(), Listen: "localhost:nats"}, "from 0 to 65535"},
		"a taken port":     {embedded.Config{Dir: t.TempDir(), Listen: taken.Addr().String()}, "address already in use"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv, err := embedded.Start(t.Context(), c.cfg)
			if err == nil {
				srv.Close()
				t.Fatal("the server started")
			}
			text := err.Error()
			if !strings.HasPrefix(text, "embedded: ") || !strings.Contains(text, c.want) || strings.Contains(text, "\n") {
				t.Errorf("got %q, want one sentence with %q", text, c.want)
			}
		})
	}
}

// TestUnwritableDirectoryIsRefused uses permission bits, and for root, who may write whatever the bits say, the
// kernel's own tree of objects, in which nobody can make a file.
func TestUnwritableDirectoryIsRefused(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o500); err != nil {
		t.Fatal(err)
	}
	if os.Getuid() == 0 {
		dir = "/sys"
		if runtime.GOOS != "linux" {
			dir = "/dev/fd"
		}
	}
	srv, err := embedded.Start(t.Context(), embedded.Config{Dir: dir})
	if err == nil {
		srv.Close()
		t.Fatal("the server started in a directory that cannot be written")
	}
	if want := "cannot write in the directory"; !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), dir) {
		t.Errorf("got %q, want %q and the directory", err, want)
	}
	if os.Getuid() != 0 && !errors.Is(err, fs.ErrPermission) {
		t.Errorf("%v does not wrap fs.ErrPermission", err)
	}
}

func TestFailedStartFreesTheDirectory(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	_, err := embedded.StartWithFree(t.Context(), embedded.Config{Dir: dir}, 64<<20-1)
	if !errors.Is(err, embedded.ErrDiskFull) || !strings.Contains(err.Error(), "63 MiB are left") {
		t.Fatalf("got %v, want ErrDiskFull and what is left", err)
	}
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = taken.Close() })
	if _, err := embedded.Start(t.Context(), embedded.Config{Dir: dir, Listen: taken.Addr().String()}); err == nil {
		t.Fatal("the server started on a port that is taken")
	}
	srv, err := embedded.StartWithFree(t.Context(), embedded.Config{Dir: dir}, 64<<20)
	if err != nil {
		t.Fatalf("after two failed starts: %v", err)
	}
	srv.Close()
}

func TestStartHonoursAnEndedContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	dir := filepath.Join(t.TempDir(), "data")
	if _, err := embedded.Start(ctx, embedded.Config{Dir: dir}); !errors.Is(err, context.Canceled) {
		t.Fatalf("got %v, want context.Canceled", err)
	}
	if _, err := os.Stat(dir); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("an ended context left a directory behind (%v)", err)
	}
}

func TestServerNoticesAreDebug(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	logger := slog.New(slog.NewTextHandler(&out, &slog.HandlerOptions{Level: slog.LevelDebug}))
	start(t, embedded.Config{Dir: t.TempDir(), Logger: logger}).Close()
	text := out.String()
	if !strings.Contains(text, "level=DEBUG") || !strings.Contains(text, "Starting JetStream") {
		t.Errorf("the notices of the server are missing in the log:\n%s", text)
	}
	if strings.Contains(text, "level=INFO") || strings.Contains(text, "level=ERROR") {
		t.Errorf("a start without trouble logs above DEBUG:\n%s", text)
	}
}
