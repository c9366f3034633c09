package cli_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/calmstream/calmstream/cmd/calmstream/internal/cli"
	"github.com/calmstream/calmstream/pipeline"
)

func TestSealsAreShown(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	call := func(args ...string) (int, string, string) {
		var stdout, stderr bytes.Buffer
		code := cli.Dispatch(t.Context(), args, &stdout, &stderr, false)
		return code, stdout.String(), stderr.String()
	}
	if code, _, stderr := call("run", "wordcount", "--store", dir, "--input", input(t, "a b c d a")); code != 0 {
		t.Fatal(code, stderr)
	}
	code, text, stderr := call("seals", "wordcount", "--store", dir)
	if code != 0 || !strings.Contains(text, "window global of state counts is sealed in shard counts/") || !strings.Contains(text, "shard chunks/3 is complete before end") {
		t.Errorf("%d %q %q", code, text, stderr)
	}
	code, lines, stderr := call("seals", "wordcount", "--store", dir, "--format", "json")
	keys := 0
	for line := range strings.Lines(lines) {
		var c pipeline.Certificate
		if err := json.Unmarshal([]byte(line), &c); err != nil || c.State != "counts" {
			t.Errorf("%q: %v", line, err)
		}
		keys += c.Keys
	}
	if code != 0 || keys != 4 {
		t.Errorf("%d, %d keys in %q, %q", code, keys, lines, stderr)
	}
	for want, args := range map[string][]string{
		"no pipeline \"nobody\" has sealed": {"seals", "nobody", "--store", dir},
		"say where the pipeline ran":        {"seals", "wordcount"},
		"the name of one pipeline":          {"seals", "--store", dir},
		"--format is text or json":          {"seals", "wordcount", "--store", dir, "--format", "xml"},
	} {
		if code, _, stderr := call(args...); code == 0 || !strings.Contains(stderr, want) {
			t.Errorf("%q: %d %q", args, code, stderr)
		}
	}
	if code, text, _ := call("help", "seals"); code != 0 || !strings.Contains(text, "--store") {
		t.Errorf("help: %d %q", code, text)
	}
}
