package worker_test

import (
	"log/slog"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/calmstream/calmstream/internal/natstest"
	"github.com/calmstream/calmstream/pipeline"
	"github.com/calmstream/calmstream/pipeline/worker"
	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// unready waits until a worker says that it is not ready, for this reason.
func unready(t *testing.T, address, reason string) {
	t.Helper()
	eventually(t, "not ready: "+reason, func() bool {
		status, body := get(address + "/readyz")
		return status == http.StatusServiceUnavailable && strings.Contains(body, reason)
	})
	if status, _ := get(address + "/healthz"); status != http.StatusOK {
		t.Errorf("a process that waits is not alive: %d", status)
	}
}

func TestReadiness(t *testing.T) {
	t.Parallel()
	srv := natstest.Run(t)
	js := srv.JetStream(t)
	makeInput(t, js, "ready")
	url := srv.URL()
	srv.Shutdown()
	r := start(t, []*pipeline.Pipeline{count("ready")}, "--nats", url, "--connect-timeout", patience.String())
	address := r.log.address(t)
	unready(t, address, "not connected to NATS yet")
	if got := scrape(t, address).values["calm_nats_connected"]; got != 0 {
		t.Errorf("calm_nats_connected is %v without a server", got)
	}
	check := func(want int) {
		t.Helper()
		status, _, log := quick(t, nil, nil, "--healthcheck", "--http", strings.TrimPrefix(address, "http://"))
		if status != want {
			t.Errorf("--healthcheck ends with %d, want %d: %s", status, want, log)
		}
	}
	check(1)
	for range 2 {
		srv.Restart(t)
		r.ready(t)
		check(0)
		srv.Shutdown()
		unready(t, address, "NATS is not connected")
		if got := scrape(t, address).values["calm_nats_connected"]; got != 0 {
			t.Errorf("calm_nats_connected is %v without a server", got)
		}
		check(1)
	}
	srv.Restart(t)
	r.ready(t)
	publish(t, srv.JetStream(t), "ready", "after", "the", "restarts")
	eventually(t, "the messages after the restarts", func() bool { return scrape(t, address).of("calm_position", "ready") == 3 })
	r.stop()
	r.ended(t, 0)
	if lost := strings.Count(r.log.String(), "the connection to NATS is lost"); lost != 2 {
		t.Errorf("the log tells %d times, not 2, that the connection was lost:\n%s", lost, r.log.String())
	}
	check(1)
}

func TestOneFailureEndsTheWorker(t *testing.T) {
	t.Parallel()
	srv := natstest.Run(t)
	js := srv.JetStream(t)
	makeInput(t, js, "well")
	publish(t, js, "well", numbered(20)...)
	r := start(t, []*pipeline.Pipeline{count("well"), count("broken")}, "--nats", srv.URL())
	r.ended(t, 1)
	log := r.log.String()
	if !strings.Contains(log, `msg="a pipeline has failed" pipeline=broken`) || strings.Count(log, "level=ERROR") != 1 {
		t.Errorf("the log does not name the pipeline once:\n%s", log)
	}
	if !strings.Contains(log, `reason="pipeline broken has failed"`) || !strings.Contains(log, `msg="the pipeline has drained" pipeline=well`) {
		t.Errorf("the other pipeline was not drained:\n%s", log)
	}
}

func TestInputsThatEnd(t *testing.T) {
	t.Parallel()
	srv := natstest.Run(t)
	js := srv.JetStream(t)
	for _, name := range []string{"end1", "end2"} {
		makeInput(t, js, name)
		publish(t, js, name, numbered(5)...)
	}
	r := start(t, []*pipeline.Pipeline{count("end1"), count("end2")}, "--nats", srv.URL())
	r.ready(t)
	publishEnd(t, js, "end1")
	eventually(t, "the first pipeline has ended", func() bool { return strings.Contains(r.log.String(), "pipeline=end1") })
	r.ready(t) // it has done its work; the other still runs
	publishEnd(t, js, "end2")
	r.ended(t, 0)
}

// embeddedJetStream connects to the embedded server of a worker.
func embeddedJetStream(t *testing.T, r *running) jetstream.JetStream {
	t.Helper()
	host, found := "", false
	eventually(t, "an embedded server", func() bool {
		_, host, found = strings.Cut(r.log.String(), " address=nats://")
		return found
	})
	host, _, _ = strings.Cut(host, "\n")
	conn, err := nats.Connect("nats://" + host)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(conn.Close)
	return jetstreamOf(t, conn)
}

// The embedded server ends with the worker, so a worker that brings one waits for whoever makes the streams.
func TestEmbeddedServer(t *testing.T) {
	t.Parallel()
	store := filepath.Join(t.TempDir(), "store")
	r := start(t, []*pipeline.Pipeline{count("emb")}, "--store", store, "--listen", "127.0.0.1:0")
	address := r.log.address(t)
	unready(t, address, `the stream "emb" that words reads does not exist`)
	js := embeddedJetStream(t, r)
	makeInput(t, js, "emb")
	publish(t, js, "emb", numbered(3)...)
	r.ready(t)
	eventually(t, "the messages", func() bool { return scrape(t, address).of("calm_position", "emb") == 3 })
	if told := strings.Count(r.log.String(), "waiting for a stream"); told != 1 {
		t.Errorf("told %d times", told)
	}
	r.stop()
	r.ended(t, 0)

	again := start(t, []*pipeline.Pipeline{count("emb")}, "--store", store, "--listen=")
	again.ready(t)
	if got := scrape(t, again.log.address(t)).of("calm_resumed_position", "emb"); got != 3 {
		t.Errorf("resumed at %v, want 3", got)
	}
	status, _, log := quick(t, nil, []*pipeline.Pipeline{count("emb")}, "--http=", "--store", store, "--listen=")
	if status != 1 || !strings.Contains(log, "locked") {
		t.Errorf("a second server on the directory: status %d, %s", status, log)
	}
}

// A stream that is deleted while it is read is lost input. That ends also the worker that waits for streams.
func TestEmbeddedServerLosesAStream(t *testing.T) {
	t.Parallel()
	r := start(t, []*pipeline.Pipeline{count("lost")}, "--store", t.TempDir(), "--listen", "127.0.0.1:0")
	js := embeddedJetStream(t, r)
	makeInput(t, js, "lost")
	publish(t, js, "lost", numbered(3)...)
	address := r.log.address(t)
	eventually(t, "a checkpoint", func() bool { return scrape(t, address).of("calm_committed_position", "lost") == 3 })
	if err := js.DeleteStream(t.Context(), "lost"); err != nil {
		t.Fatal(err)
	}
	r.ended(t, 1)
}

// Credentials may be wrong for a while, when they are renewed in one place before the other.
func TestCredentialsThatAreRefusedForAWhile(t *testing.T) {
	t.Parallel()
	var options *server.Options
	srv := natstest.Run(t, func(o *server.Options) {
		options = o
		o.Username, o.Password = "me", "first"
	})
	makeInput(t, jetstreamOf(t, srv.Conn(t, nats.UserInfo("me", "first"))), "renew")
	r := start(t, []*pipeline.Pipeline{count("renew")}, "--nats", strings.Replace(srv.URL(), "nats://", "nats://me:first@", 1))
	address := r.log.address(t)
	r.ready(t)
	srv.Shutdown()
	options.Password = "second"
	srv.Restart(t)
	unready(t, address, "NATS is not connected")
	eventually(t, "three refusals", func() bool { return strings.Count(r.log.String(), "does not accept these credentials") >= 3 })
	srv.Shutdown()
	options.Password = "first"
	srv.Restart(t)
	r.ready(t)
}

// No connection of a worker should ever end for good; if one does, the worker must not sit there.
func TestAConnectionThatEndsForGood(t *testing.T) {
	t.Parallel()
	srv := natstest.Run(t)
	var log output
	lost := make(chan error, 1)
	events := worker.Events(slog.New(slog.NewTextHandler(&log, nil)), func(err error) { lost <- err })
	conn, err := nats.Connect(srv.URL(), append(events, nats.NoReconnect())...)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	srv.Shutdown()
	select {
	case err := <-lost:
		if !strings.Contains(err.Error(), "closed for good") {
			t.Error(err)
		}
	case <-time.After(patience):
		t.Error("nobody was told")
	}
}

func TestSignalBeforeTheConnection(t *testing.T) {
	t.Parallel()
	r := start(t, []*pipeline.Pipeline{count("early")}, "--nats", "127.0.0.1:1", "--connect-timeout", "1h")
	unready(t, r.log.address(t), "not connected to NATS yet")
	r.stop()
	r.ended(t, 0)
}
