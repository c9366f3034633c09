package cli_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/calmstream/calmstream/cmd/calmstream/internal/cli"
	"github.com/calmstream/calmstream/cmd/calmstream/internal/store"
	"github.com/calmstream/calmstream/operators"
	"github.com/calmstream/calmstream/pipeline"
	"github.com/calmstream/calmstream/sinks"
	"github.com/nats-io/nats.go/jetstream"
)

// runVersions runs versions of the pipeline vp over an empty input, one after the other.
func runVersions(t *testing.T, dir string, versions ...string) {
	t.Helper()
	st, err := store.Open(t.Context(), store.Config{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	js, err := jetstream.New(st.Conn())
	if err == nil {
		_, err = js.CreateStream(t.Context(), jetstream.StreamConfig{Name: "VP"})
	}
	if err != nil {
		t.Fatal(err)
	}
	for _, version := range versions {
		p := pipeline.New("vp")
		p.Version = version
		lines := pipeline.Read(p, "lines", pipeline.Source[string]{Stream: "VP", Decode: pipeline.Text, Bounded: true})
		counts := operators.Count("counts", operators.KeyBy(lines, "line", strings.ToLower))
		pipeline.Write(p, "out", operators.Finals(operators.Seal(counts, operators.EndOfInput())), &sinks.JSONLines{W: new(bytes.Buffer), Name: "out"}, pipeline.EncodeJSON)
		if err := p.Run(t.Context(), pipeline.Config{Conn: st.Conn()}); err != nil {
			t.Fatal(err)
		}
	}
	if err := st.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestVersionsAreListedAndActivated(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	call := func(args ...string) (int, string, string) {
		var stdout, stderr bytes.Buffer
		code := cli.Dispatch(t.Context(), args, &stdout, &stderr, false)
		return code, stdout.String(), stderr.String()
	}
	runVersions(t, dir, "", "2")
	code, stdout, stderr := call("versions", "list", "vp", "--store", dir)
	lines := strings.Split(strings.TrimSpace(stdout), "\n")
	if code != 0 || len(lines) != 2 || strings.Count(stdout, "* ") != 1 {
		t.Fatalf("%d %q %q", code, stdout, stderr)
	}
	var first, other string
	for _, line := range lines {
		epoch := strings.Fields(strings.TrimPrefix(line, "*"))[0]
		if strings.HasPrefix(line, "*") {
			first = epoch
		} else {
			other = epoch
		}
		if !strings.Contains(line, "states counts") || strings.HasPrefix(line, "*") == strings.Contains(line, `version "2"`) {
			t.Errorf("what it is is not said: %s", line)
		}
	}
	if code, stdout, _ := call("versions", "activate", "vp", other, "--store", dir); code != 0 || stdout != other+" is active, and was "+first+"\n" {
		t.Errorf("%d %q", code, stdout)
	}
	if code, stdout, _ := call("versions", "activate", "vp", other, "--store", dir); code != 0 || stdout != other+" is active already\n" {
		t.Errorf("%d %q", code, stdout)
	}
	code, stdout, _ = call("versions", "list", "vp", "--format", "json", "--store", dir)
	if code != 0 || !strings.Contains(stdout, `{"epoch":"`+other+`","active":true,"document":{"pipeline":"vp"`) {
		t.Errorf("%d %q", code, stdout)
	}
	for _, c := range []struct {
		want string
		args []string
	}{
		{`no pipeline "nobody" has run there`, []string{"list", "nobody", "--store", dir}},
		{`no pipeline "nobody" has run there`, []string{"activate", "nobody", other, "--store", dir}},
		{`no version of that epoch has run there: "e0"`, []string{"activate", "vp", "e0", "--store", dir}},
		{"list or activate", []string{"--store", dir}},
		{"takes the name of one pipeline", []string{"list", "--store", dir}},
		{"the epoch of the version", []string{"activate", "vp", "--store", dir}},
		{"say where the pipeline runs", []string{"list", "vp"}},
		{"text or json", []string{"list", "vp", "--store", dir, "--format", "x"}},
	} {
		if code, _, stderr := call(append([]string{"versions"}, c.args...)...); code == 0 || !strings.Contains(stderr, c.want) {
			t.Errorf("%q: %d %q", c.args, code, stderr)
		}
	}
	if code, text, _ := call("help", "versions"); code != 0 || !strings.Contains(text, "activate PIPELINE EPOCH") {
		t.Errorf("help: %d %q", code, text)
	}
}
