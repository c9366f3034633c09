package pipeline_test

import (
	"context"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/calmstream/calmstream/internal/natstest"
	"github.com/calmstream/calmstream/pipeline"
	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// runBoxed runs boxed until the test ends, or wait is called, which waits for its end.
func runBoxed(t *testing.T, conn *nats.Conn, name string, shards int) (wait func()) {
	t.Helper()
	ended := make(chan error, 1)
	ctx, stop := context.WithCancel(t.Context())
	t.Cleanup(stop)
	go func() {
		ended <- boxed(name, shards).Run(ctx, pipeline.Config{Conn: conn, CheckpointEvery: 20 * time.Millisecond, Logger: quiet})
	}()
	return func() {
		t.Helper()
		select {
		case err := <-ended:
			if err != nil {
				t.Fatal(err)
			}
		case <-time.After(time.Minute):
			t.Fatal("the pipeline does not end")
		}
	}
}

// holds says whether a stream has so many messages at least.
func holds(t *testing.T, js jetstream.JetStream, stream string, n uint64) func() bool {
	t.Helper()
	return func() bool {
		s, err := js.Stream(t.Context(), stream)
		return err == nil && s.CachedInfo().State.Msgs >= n
	}
}

// A stream that takes no more has all that is missing once it takes some again, and what it has not taken stays in the bucket.
func TestOutboxOfAFullStream(t *testing.T) {
	t.Parallel()
	srv := natstest.Run(t)
	js := srv.JetStream(t)
	w := newBoxedWorld(t, js, "full", 1)
	config := jetstream.StreamConfig{Name: "full_BOTH", MaxMsgs: 50, Discard: jetstream.DiscardNew}
	if _, err := js.CreateStream(t.Context(), config); err != nil {
		t.Fatal(err)
	}
	wait := runBoxed(t, srv.Conn(t), "full", 1)
	w.feed(200)
	natstest.Eventually(t, "the stream is full", holds(t, js, "full_BOTH", 50))
	natstest.Eventually(t, "the others wait", func() bool { return w.owed() >= 150 })
	s, err := js.Stream(t.Context(), "full_BOTH")
	if err != nil {
		t.Fatal(err)
	}
	config = s.CachedInfo().Config // with the source that was added
	config.MaxMsgs = -1
	if len(config.Sources) != 2 {
		t.Errorf("the stream has %d sources, want one for each outbox", len(config.Sources))
	}
	if _, err := js.UpdateStream(t.Context(), config); err != nil {
		t.Fatal(err)
	}
	w.feed(100)
	w.in.end(t)
	wait()
	w.check()
	if n := w.owed(); n > 0 {
		t.Errorf("%d outputs are left", n)
	}
}

// A stream that is deleted is made again, and has all that it had not taken before, each once.
func TestOutboxOfADeletedStream(t *testing.T) {
	t.Parallel()
	srv := natstest.Run(t)
	js := srv.JetStream(t)
	w := newBoxedWorld(t, js, "del", 1)
	wait := runBoxed(t, srv.Conn(t), "del", 1)
	w.feed(100)
	natstest.Eventually(t, "each click has come, and left the bucket", func() bool { return holds(t, js, "del_BOTH", 100)() && w.owed() == 0 })
	w.gone = w.messages("del_BOTH")
	if err := js.DeleteStream(t.Context(), "del_BOTH"); err != nil {
		t.Fatal(err)
	}
	w.feed(100)
	natstest.Eventually(t, "the stream is there again", holds(t, js, "del_BOTH", 100))
	w.in.end(t)
	wait()
	w.check()
}

// A stream that others may write to under the name of the outbox, or that has another outbox of the name, is refused.
func TestOutboxRefusesStreams(t *testing.T) {
	t.Parallel()
	srv := natstest.Run(t)
	js := srv.JetStream(t)
	newInput(t, js, "no", 1)
	for name, of := range map[string]struct {
		config jetstream.StreamConfig
		says   string
	}{
		"published": {jetstream.StreamConfig{Subjects: []string{"no.*.stable.>"}}, "anyone may publish"},
		"taken": {jetstream.StreamConfig{Sources: []*jetstream.StreamSource{{Name: "KV_calm_other", SubjectTransforms: []jetstream.SubjectTransformConfig{
			{Source: "$KV.calm_other.*.*.*.out.no/hot.>", Destination: "no.hot.>"},
		}}}}, "give this outbox another Name"},
		"mirror":  {jetstream.StreamConfig{Mirror: &jetstream.StreamSource{Name: "no"}}, "mirrors"},
		"renames": {jetstream.StreamConfig{SubjectTransform: &jetstream.SubjectTransformConfig{Source: "no.hot.>", Destination: "yes.>"}}, "renames"},
	} {
		of.config.Name = "no_BOTH"
		if _, err := js.CreateStream(t.Context(), of.config); err != nil {
			t.Fatal(name, err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		err := boxed("no", 1).Run(ctx, pipeline.Config{Conn: srv.Conn(t), Logger: quiet})
		cancel()
		if err == nil || !strings.Contains(err.Error(), of.says) {
			t.Errorf("%s: %v", name, err)
		}
		if err := js.DeleteStream(t.Context(), "no_BOTH"); err != nil {
			t.Fatal(err)
		}
	}
}

// Workers that may do no more than package worker says have an outbox, in a stream that exists and in one that does not.
func TestOutboxNeedsNoMorePermissionsThanItSays(t *testing.T) {
	t.Parallel()
	may := workersMay()
	for i, subject := range may.Publish.Allow {
		may.Publish.Allow[i] = strings.NewReplacer("calm_pm", "calm_may", "_pm", "_may", ".pm", ".may").Replace(subject)
	}
	may.Publish.Allow = slices.DeleteFunc(may.Publish.Allow, func(s string) bool { return strings.HasPrefix(s, "may.") || strings.Contains(s, "may_") })
	for _, out := range []string{"may_BOTH", "may_OUT"} {
		for _, verb := range []string{"CREATE", "INFO", "UPDATE", "MSG.GET"} {
			may.Publish.Allow = append(may.Publish.Allow, "$JS.API.STREAM."+verb+"."+out)
		}
	}
	may.Subscribe.Allow = []string{"_INBOX_w.>", "$KV.calm_may.*.worker.*"}
	js, conn, denied := restricted(t, may)
	w := newBoxedWorld(t, js, "may", 2)
	if _, err := js.CreateStream(t.Context(), jetstream.StreamConfig{Name: "may_BOTH", Subjects: []string{"something.else"}}); err != nil {
		t.Fatal(err)
	}
	wait := runBoxed(t, conn(), "may", 2)
	w.feed(100)
	w.in.end(t)
	wait()
	w.check()
	if n := w.owed(); n > 0 {
		t.Errorf("%d outputs are left", n)
	}
	if d := denied(); len(d) > 0 {
		t.Errorf("denied: %v", d)
	}
}

const boxedURL = "CALM_BOXED_URL"

// TestOutboxProcess is a worker process of TestOutboxOfKilledProcesses, and nothing in any other.
func TestOutboxProcess(t *testing.T) {
	t.Parallel()
	url := os.Getenv(boxedURL)
	if url == "" {
		return
	}
	conn, err := nats.Connect(url, nats.MaxReconnects(-1))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := boxed("kill", 2).Run(t.Context(), pipeline.Config{Conn: conn, CheckpointEvery: 10 * time.Millisecond, Standbys: 1, Logger: quiet}); err != nil {
		t.Fatal(err)
	}
}

// Processes that are killed at any moment, and a server that is restarted: each result comes once.
func TestOutboxOfKilledProcesses(t *testing.T) {
	t.Parallel()
	srv := natstest.Run(t, func(o *server.Options) { o.ServerName = "kill" })
	w := newBoxedWorld(t, srv.JetStream(t), "kill", 2)
	spawn := func() (*exec.Cmd, *strings.Builder) {
		cmd, said := exec.Command(os.Args[0], "-test.run", "^TestOutboxProcess$"), new(strings.Builder)
		cmd.Env = append(os.Environ(), boxedURL+"="+srv.URL())
		cmd.Stdout, cmd.Stderr = said, said
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		return cmd, said
	}
	kills := 5
	if testing.Short() {
		kills = 2
	}
	steady, said := spawn() // one lives as long as the test
	for n := range kills {
		cmd, _ := spawn()
		w.feed(100)
		natstest.Eventually(t, "some results have come", holds(t, w.js, "kill_BOTH", uint64(100*n+30)))
		if err := cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		if cmd.Wait() == nil {
			t.Fatal("it has come to its end before it was killed")
		}
		if n == kills/2 { // and the other
			if err := steady.Process.Kill(); err != nil {
				t.Fatal(err)
			}
			_ = steady.Wait() // it was killed
			srv.Restart(t)
			steady, said = spawn()
		}
	}
	w.in.end(t)
	if err := steady.Wait(); err != nil {
		t.Fatalf("%v: %s", err, said)
	}
	w.check()
	if n := w.owed(); n > 0 {
		t.Errorf("%d outputs are left", n)
	}
}
