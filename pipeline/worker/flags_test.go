package worker_test

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/calmstream/calmstream/internal/natstest"
	"github.com/calmstream/calmstream/pipeline"
	"github.com/nats-io/nats-server/v2/server"
)

func TestWrongFlags(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		args string
		env  map[string]string
		want string
	}{
		{args: "--creds a --nkey b --nats x", want: "--creds and --nkey"},
		{args: "--tlscert a --nats x", want: "--tlscert and --tlskey"},
		{args: "--creds a", want: "belong to --nats or --context"},
		{args: "--replicas 3", want: "the embedded server is a single one"},
		{args: "--nats x --replicas 6", want: "1 to 5"},
		{args: "--nats x --replicas 0", want: "1 to 5"},
		{args: "--store=", want: "--store is empty"},
		{args: "--checkpoint-every 0s", want: "must be more than 0"},
		{args: "--drain-timeout -1s", want: "must be more than 0"},
		{args: "--log-format xml", want: "text or json"},
		{args: "--log-level loud", want: "log-level"},
		{args: "--healthcheck --http=", want: "--healthcheck needs"},
		{args: "--no-such-flag", want: "no-such-flag"},
		{args: "stray", want: "only flags"},
		{env: map[string]string{"CALM_REPLICAS": "many"}, want: `the environment variable CALM_REPLICAS is "many"`},
		{env: map[string]string{"CALM_CHECKPOINT_EVERY": "-1s"}, want: "must be more than 0"},
	} {
		status, out, log := quick(t, c.env, []*pipeline.Pipeline{count("a")}, strings.Fields(c.args)...)
		if status != 2 || out != "" || !strings.Contains(log, c.want) || strings.Count(log, "\n") != 1 || !strings.HasPrefix(log, "test: ") {
			t.Errorf("%q %v: status %d, %q; want status 2 and a line with %q", c.args, c.env, status, log, c.want)
		}
	}
}

func TestAFlagWinsOverTheEnvironment(t *testing.T) {
	t.Parallel()
	env := map[string]string{"CALM_NATS": "nats://127.0.0.1:1", "CALM_CONNECT_TIMEOUT": "1ms", "CALM_LOG_FORMAT": "json", "CALM_HTTP": "127.0.0.1:0"}
	status, _, log := quick(t, env, []*pipeline.Pipeline{count("a")})
	if status != 1 || !strings.Contains(log, `{"time":`) || !strings.Contains(log, "127.0.0.1:1 within 1ms") {
		t.Errorf("the environment did not count: status %d, %s", status, log)
	}
	status, _, log = quick(t, env, []*pipeline.Pipeline{count("a")}, "--log-format=text", "--nats=127.0.0.1:2", "--connect-timeout=2ms")
	if status != 1 || strings.Contains(log, `{"time":`) || !strings.Contains(log, "127.0.0.1:2 within 2ms") {
		t.Errorf("the flags did not win: status %d, %s", status, log)
	}
	// What is asked for by hand alone is no business of the environment.
	for _, variable := range []string{"CALM_VERSION", "CALM_EXPLAIN", "CALM_HEALTHCHECK"} {
		env[variable] = "true"
		if status, out, log := quick(t, env, []*pipeline.Pipeline{count("a")}); status != 1 || out != "" || !strings.Contains(log, "127.0.0.1:1 within 1ms") {
			t.Errorf("%s counted: %q, %s", variable, out, log)
		}
	}
}

func TestQuestionsAreAnsweredWithoutNATS(t *testing.T) {
	t.Parallel()
	both := []*pipeline.Pipeline{count("first"), count("second")}
	if status, out, _ := quick(t, nil, both, "--explain"); status != 0 || !strings.Contains(out, "pipeline first,") || strings.Index(out, "pipeline first,") > strings.Index(out, "pipeline second,") {
		t.Errorf("--explain: status %d, %s", status, out)
	}
	if status, out, _ := quick(t, nil, nil, "--version"); status != 0 || !strings.HasPrefix(out, "test ") || !strings.Contains(out, "calmstream") || !strings.Contains(out, "go1.") {
		t.Errorf("--version: status %d, %s", status, out)
	}
	status, out, _ := quick(t, map[string]string{"CALM_NATS": "nats://u:planted@h"}, nil, "--help")
	if status != 0 || strings.Contains(out, "planted") {
		t.Errorf("--help: status %d, %s", status, out)
	}
	for _, flag := range strings.Fields("nats store listen creds nkey tlsca tlscert tlskey context http checkpoint-every replicas drain-timeout connect-timeout log-level log-format explain version healthcheck pprof") {
		if !strings.Contains(out, "  --"+flag) {
			t.Errorf("--help says nothing of --%s", flag)
		}
	}
}

func TestWrongPrograms(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		pipelines []*pipeline.Pipeline
		want      string
	}{
		{nil, "no pipeline to run"},
		{[]*pipeline.Pipeline{nil}, "the zero Pipeline has no name"},
		{[]*pipeline.Pipeline{count("a"), count("b"), count("a")}, "two pipelines have the name a"},
		{[]*pipeline.Pipeline{pipeline.New("bad name")}, "bad name"},
	} {
		if status, _, log := quick(t, nil, c.pipelines); status != 1 || !strings.Contains(log, c.want) {
			t.Errorf("status %d, %q; want status 1 and %q", status, log, c.want)
		}
	}
}

func TestAnAddressInUse(t *testing.T) {
	t.Parallel()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	status, _, log := quick(t, nil, []*pipeline.Pipeline{count("a")}, "--http", taken.Addr().String())
	if status != 1 || !strings.Contains(log, "cannot be used") || !strings.Contains(log, "in use") {
		t.Errorf("status %d, %s", status, log)
	}
	status, _, log = quick(t, nil, []*pipeline.Pipeline{count("a")}, "--http=", "--store", t.TempDir(), "--listen", taken.Addr().String())
	if status != 1 || !strings.Contains(log, "embedded") || !strings.Contains(log, "in use") {
		t.Errorf("status %d, %s", status, log)
	}
}

func TestContextFiles(t *testing.T) {
	t.Parallel()
	srv := natstest.Run(t, func(o *server.Options) { o.Username, o.Password = "me", "planted" })
	config, home, empty := t.TempDir(), t.TempDir(), t.TempDir()
	write := func(name, text string) {
		t.Helper()
		for _, base := range []string{config, filepath.Join(home, ".config")} {
			if err := os.MkdirAll(filepath.Join(base, "nats", "context"), 0o700); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(base, "nats", "context", name+".json"), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	write("good", `{"description":"d","url":"`+srv.URL()+`","user":"me","password":"planted","inbox_prefix":"_INBOX_me","some_new_field":{"x":1}}`)
	write("wrong", `{"url":"`+srv.URL()+`","user":"me","password":"planted-wrong"}`)
	write("elsewhere", `{"url":"nats://127.0.0.1:1","user":"me","password":"planted"}`)
	write("damaged", `{"password":"planted`)
	write("number", `{"password":12345}`)
	write("nofile", `{"url":"`+srv.URL()+`","creds":"~/no.creds"}`)
	const missing = `the stream \"ctx\" that words reads does not exist` // the connection is good
	for _, c := range []struct{ args, want string }{
		{"--context good", missing},
		{"--context elsewhere --nats " + srv.URL(), missing},
		{"--context wrong", "does not accept these credentials"},
		{"--context elsewhere --connect-timeout 1ms", "127.0.0.1:1 within 1ms"},
		{"--context damaged", "is damaged"},
		{"--context number", "the field password must be a text"},
		{"--context nofile", "$HOME/no.creds"},
		{"--context none", "there is no context"},
		{"--context ../good", "not a path"},
	} {
		for _, env := range []map[string]string{{"XDG_CONFIG_HOME": config, "HOME": empty}, {"HOME": home}} {
			want := strings.ReplaceAll(c.want, "$HOME", env["HOME"])
			status, _, log := quick(t, env, []*pipeline.Pipeline{count("ctx")}, append(strings.Fields(c.args), "--http=")...)
			if status != 1 || !strings.Contains(log, want) {
				t.Errorf("%s: status %d, want 1 and %q, log:\n%s", c.args, status, want, log)
			}
			if strings.Contains(log, "planted") {
				t.Errorf("%s: the log has the password:\n%s", c.args, log)
			}
		}
	}
}
