package cli_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/calmstream/calmstream/cmd/calmstream/internal/cli"
	"github.com/calmstream/calmstream/cmd/calmstream/internal/store"
	"github.com/nats-io/nats.go/jetstream"
)

func TestSavepointIsWrittenAndRead(t *testing.T) {
	t.Parallel()
	dir, file := t.TempDir(), filepath.Join(t.TempDir(), "words.savepoint")
	call := func(args ...string) (int, string, string) {
		var stdout, stderr bytes.Buffer
		code := cli.Dispatch(t.Context(), args, &stdout, &stderr, false)
		return code, stdout.String(), stderr.String()
	}
	if code, _, stderr := call("run", "wordcount", "--store", dir, "--input", input(t, "a b c d a")); code != 0 {
		t.Fatal(code, stderr)
	}
	code, _, stderr := call("savepoint", "export", "wordcount", "--store", dir, "--output", file)
	if code != 0 || !strings.Contains(stderr, "exported the savepoint of wordcount") {
		t.Fatalf("%d %q", code, stderr)
	}
	code, stdout, _ := call("savepoint", "export", "wordcount", "--store", dir, "--output", "-")
	if written, err := os.ReadFile(file); err != nil || code != 0 || stdout != string(written) {
		t.Errorf("standard output has %d bytes, the file %d (%v)", len(stdout), len(written), err)
	}
	broken := filepath.Join(t.TempDir(), "broken")
	if err := os.WriteFile(broken, []byte(stdout[:len(stdout)/2]), 0o600); err != nil {
		t.Fatal(err)
	}
	other := t.TempDir()
	for _, c := range []struct {
		want string
		args []string
	}{
		{"is there already", []string{"export", "wordcount", "--store", dir, "--output", file}},
		{"has begun", []string{"import", "--store", dir, "--input", file}},
		{"stream not found", []string{"import", "--store", other, "--input", file}},
		{"it ends there, and should not", []string{"import", "--store", other, "--input", broken}},
		{"cannot be read", []string{"import", "--store", other, "--input", broken + "-"}},
		{`no pipeline "nobody" has run there`, []string{"export", "nobody", "--store", dir, "--output", file + "2"}},
		{"there is no epoch e0", []string{"export", "wordcount", "--epoch", "e0", "--store", dir, "--output", file + "2"}},
		{"say where the pipeline runs", []string{"import", "--input", file}},
		{"export or import", []string{"--store", dir}},
		{"takes the name of one pipeline", []string{"export", "--store", dir, "--output", file}},
		{"takes --input", []string{"import", "--store", dir}},
		{"belong to", []string{"import", "--store", dir, "--input", file, "--epoch", "e"}},
	} {
		if code, _, stderr := call(append([]string{"savepoint"}, c.args...)...); code == 0 || !strings.Contains(stderr, c.want) {
			t.Errorf("%q: %d %q", c.args, code, stderr)
		}
	}
	forget(t, dir, "KV_calm_wordcount", "CALM_X_wordcount")
	if code, _, stderr := call("savepoint", "import", "--input", file, "--rebase", "--store", dir); code != 0 || !strings.Contains(stderr, "imported the savepoint of wordcount") {
		t.Errorf("%d %q", code, stderr)
	}
	if code, stdout, stderr := call("savepoint", "export", "wordcount", "--store", dir, "--output", "-"); code != 0 || stdout == "" {
		t.Errorf("what was imported is not there: %d %q", code, stderr)
	}
	if left, err := filepath.Glob(filepath.Join(filepath.Dir(file), "*")); err != nil || len(left) != 1 {
		t.Errorf("left behind: %v, %v", left, err)
	}
	if code, text, _ := call("help", "savepoint"); code != 0 || !strings.Contains(text, "--output FILE") {
		t.Errorf("help: %d %q", code, text)
	}
}

// forget deletes streams of an embedded server.
func forget(t *testing.T, dir string, names ...string) {
	t.Helper()
	st, err := store.Open(t.Context(), store.Config{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	js, err := jetstream.New(st.Conn())
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		if err := js.DeleteStream(t.Context(), name); err != nil {
			t.Error(err)
		}
	}
	if err := st.Close(); err != nil {
		t.Error(err)
	}
}
