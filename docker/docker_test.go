package docker_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// Only a test that is about to fail waits so long: for a condition, and for a command. The first build on a machine takes
// its time.
const (
	patience      = time.Minute
	buildPatience = 5 * time.Minute
)

// stack is the compose file, running under names of its own.
type stack struct {
	compose []string // the command that runs compose files
	env     []string
}

// command runs a command and returns what it printed.
func (s *stack) command(ctx context.Context, name string, args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, buildPatience)
	defer cancel()
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Env = append(os.Environ(), s.env...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("%s %s: %w\n%s%s", name, strings.Join(args, " "), err, stdout.String(), stderr.String())
	}
	return strings.TrimSpace(stdout.String()), nil
}

func (s *stack) must(t *testing.T, name string, args ...string) string {
	t.Helper()
	out, err := s.command(t.Context(), name, args...)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func (s *stack) composeArgs(args ...string) (string, []string) {
	return s.compose[0], append(append([]string(nil), s.compose[1:]...), args...)
}

func (s *stack) mustCompose(t *testing.T, args ...string) string {
	t.Helper()
	name, all := s.composeArgs(args...)
	return s.must(t, name, all...)
}

// newStack returns nil where there is no engine or nothing that runs compose files.
func newStack(t *testing.T) *stack {
	t.Helper()
	s := new(stack)
	if _, err := s.command(t.Context(), "docker", "version"); err != nil {
		t.Logf("NO DOCKER ENGINE answers on this machine, so the images and the compose file are NOT TESTED: %v", err)
		return nil
	}
	project := fmt.Sprintf("calmtest%d", os.Getpid())
	worker, server := project+"/worker:test", project+"/nats:test"
	s.env = []string{"WORKER_IMAGE=" + worker, "NATS_IMAGE=" + server, "WORKER_PORT=0", "NATS_PORT=0"}
	if _, err := s.command(t.Context(), "docker", "compose", "version"); err == nil {
		s.compose = []string{"docker", "compose"}
	} else if _, err := s.command(t.Context(), "docker-compose", "version"); err == nil {
		s.compose = []string{"docker-compose"}
	} else {
		t.Logf("NO COMPOSE on this machine, so the images and the compose file are NOT TESTED: %v", err)
		return nil
	}
	s.compose = append(s.compose, "--file", "compose.yaml", "--project-name", project)
	t.Cleanup(func() {
		name, down := s.composeArgs("down", "--volumes", "--remove-orphans", "--timeout", "2")
		if t.Failed() {
			_, logs := s.composeArgs("logs", "--no-color")
			out, err := s.command(context.Background(), name, logs...)
			t.Logf("the containers said: %s %v", out, err)
		}
		if _, err := s.command(context.Background(), name, down...); err != nil {
			t.Errorf("the containers may still run: %v", err)
		}
		if _, err := s.command(context.Background(), "docker", "rmi", "--force", worker, server); err != nil {
			t.Errorf("the images stay: %v", err)
		}
	})
	s.must(t, "./build.sh", worker, server)
	return s
}

// address returns where a port of a container is published on this machine; it changes when the container is started again.
func (s *stack) address(t *testing.T, container, port string) string {
	t.Helper()
	out, err := s.command(t.Context(), "docker", "port", container, port)
	if err != nil {
		return ""
	}
	first, _, _ := strings.Cut(out, "\n")
	return first
}

func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for !holds() {
		select {
		case <-tick.C:
		case <-deadline.C:
			t.Fatalf("not within %s: %s", patience, what)
		}
	}
}

// page returns a page of the worker; "" if it does not answer with 200.
func (s *stack) page(t *testing.T, worker, path string) string {
	t.Helper()
	address := s.address(t, worker, "2256")
	if address == "" {
		return ""
	}
	client := http.Client{Timeout: 10 * time.Second}
	answer, err := client.Get("http://" + address + path)
	if err != nil {
		return ""
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode != http.StatusOK {
		return ""
	}
	return string(body)
}

// metric returns a value of the shard that reads the first partition, as it is written.
func (s *stack) metric(t *testing.T, worker, name string) string {
	t.Helper()
	line := regexp.MustCompile(name + `\{pipeline="adclicks",stage="events",shard="0"\} (\S+)\n`)
	if found := line.FindStringSubmatch(s.page(t, worker, "/metrics")); found != nil {
		return found[1]
	}
	return ""
}

// connect connects to the server once it answers.
func (s *stack) connect(t *testing.T, server string) jetstream.JetStream {
	t.Helper()
	var conn *nats.Conn
	eventually(t, "a NATS server that answers", func() (ok bool) {
		var err error
		conn, err = nats.Connect("nats://"+s.address(t, server, "4222"), nats.MaxReconnects(-1))
		return err == nil
	})
	t.Cleanup(conn.Close)
	js, err := jetstream.New(conn)
	if err != nil {
		t.Fatal(err)
	}
	return js
}

func click(t *testing.T, js jetstream.JetStream, id string) {
	t.Helper()
	event := fmt.Sprintf(`{"id":%q,"campaign":"tea","ad":"tea-1","kind":"click","user":"u1","time":%q}`, id, time.Now().UTC().Format(time.RFC3339Nano))
	if _, err := js.Publish(t.Context(), "adclicks.events.0", []byte(event)); err != nil {
		t.Fatal(err)
	}
}

// The images run, the worker reads an event, is killed, and the next one goes on where its checkpoint stands.
func TestComposeStack(t *testing.T) {
	t.Parallel()
	s := newStack(t)
	if s == nil {
		return
	}
	s.mustCompose(t, "up", "--detach")
	worker, server := s.mustCompose(t, "ps", "--quiet", "worker"), s.mustCompose(t, "ps", "--quiet", "nats")
	js := s.connect(t, server)
	if _, err := js.CreateStream(t.Context(), jetstream.StreamConfig{Name: "adclicks_EVENTS", Subjects: []string{"adclicks.events.*"}}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "a worker that is ready", func() bool { return s.page(t, worker, "/readyz") != "" })
	if got := s.metric(t, worker, "calm_messages_total"); got != "0" {
		t.Errorf("the worker has read %q messages before there was one", got)
	}
	click(t, js, "1")
	eventually(t, "a checkpoint behind the event", func() bool { return s.metric(t, worker, "calm_committed_position") == "1" })
	if got := s.metric(t, worker, "calm_messages_total"); got != "1" {
		t.Errorf("the worker has read %q messages, want 1", got)
	}
	eventually(t, "a container that counts as healthy", func() bool {
		return s.must(t, "docker", "inspect", "--format", "{{.State.Health.Status}}", worker) == "healthy"
	})

	s.must(t, "docker", "kill", "--signal", "KILL", worker)
	state := func() string {
		return s.must(t, "docker", "inspect", "--format", "{{.State.Status}} {{.State.ExitCode}}", worker)
	}
	eventually(t, "a dead worker", func() bool { return state() == "exited 137" })
	click(t, js, "2")
	s.must(t, "docker", "start", worker)
	eventually(t, "the second event", func() bool { return s.metric(t, worker, "calm_position") == "2" })
	if resumed, read := s.metric(t, worker, "calm_resumed_position"), s.metric(t, worker, "calm_messages_total"); resumed != "1" || read != "1" {
		t.Errorf("the worker resumed at %q and read %q messages, want 1 and 1", resumed, read)
	}
	s.must(t, "docker", "stop", "--time", "15", worker)
	if got := state(); got != "exited 0" {
		t.Errorf("after SIGTERM: %s, want exited 0", got)
	}
	if user := s.must(t, "docker", "inspect", "--format", "{{.Config.User}}", worker); user == "" || strings.HasPrefix(user, "0") {
		t.Errorf("the worker runs as %q", user)
	}
}
