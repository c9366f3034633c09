package worker_test

import (
	"errors"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/calmstream/calmstream/internal/natstest"
	"github.com/calmstream/calmstream/pipeline"
	"github.com/calmstream/calmstream/pipeline/worker"
	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
)

// planted is in every secret of the test for secrets, and nowhere else.
const planted = "hunter2planted"

// Whatever happens, no secret is in the log, in the output or in a page.
func TestSecretsAreNotTold(t *testing.T) {
	t.Parallel()
	srv := natstest.Run(t, func(o *server.Options) { o.Username, o.Password = "me", planted })
	host := strings.TrimPrefix(srv.URL(), "nats://")
	conn := srv.Conn(t, nats.UserInfo("me", planted))
	js := jetstreamOf(t, conn)
	makeInput(t, js, "quiet")

	r := start(t, []*pipeline.Pipeline{count("quiet")}, "--nats", "nats://me:"+planted+"@"+host, "--log-level", "debug")
	address := r.log.address(t)
	r.ready(t)
	srv.Shutdown()
	unready(t, address, "NATS is not connected")
	srv.Restart(t)
	r.ready(t)
	told := r.log.String()
	for _, page := range []string{"/readyz", "/healthz", "/metrics", "/plan"} {
		_, body := get(address + page)
		told += body
	}
	r.stop()
	r.ended(t, 0)
	told += r.log.String() + r.out.String()

	broken := filepath.Join(t.TempDir(), "seed")
	if err := os.WriteFile(broken, []byte("SUA"+planted), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, args := range []string{
		"--nats nats://me:" + planted + "-wrong@" + host,
		"--nats nats://" + planted + "@" + host,
		"--nats " + host + ",nats://me:" + planted + "@" + host + " --creds " + broken,
		"--nats nats://me:" + planted + "@127.0.0.1:1",
		"--nats nats://me:" + planted + "@no-such-host.invalid:4222",
		"--nats nats://me:" + planted + "@",
		"--nats nats://me:" + planted + "%zz@" + host,
		"--nats nats://me:" + planted + "@" + host + ":port",
		"--nats tls://me:" + planted + "@" + host,
		"--nats ws://me:" + planted + "@" + host,
		"--nats " + srv.URL() + " --nkey " + broken,
		"--nats " + srv.URL() + " --creds " + broken,
		"--nats nats://me:" + planted + "@" + host + " --replicas 9",
		"nats://me:" + planted + "@" + host,
	} {
		status, out, log := quick(t, nil, []*pipeline.Pipeline{count("quiet")},
			append(strings.Fields(args), "--http=", "--connect-timeout=50ms", "--log-level=debug")...)
		if status == 0 || log == "" {
			t.Errorf("%s: status %d, %q", args, status, log)
		}
		told += out + log
		if strings.Contains(out+log, planted) {
			t.Errorf("%s: the secret is told:\n%s", args, log)
		}
	}
	if strings.Contains(told, planted) {
		t.Errorf("a secret is told:\n%s", told)
	}
	hidden := worker.ReasonOf(&url.Error{Op: "parse", URL: "nats://me:" + planted + "@h", Err: errors.New("bad")})
	if told += hidden.Error(); strings.Contains(told, planted) {
		t.Errorf("a secret is told: %v", hidden)
	}
	if len(told) < 1000 {
		t.Errorf("only %d bytes were looked at", len(told))
	}
}
