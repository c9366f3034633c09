package pipeline_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/calmstream/calmstream/crdt"
	"github.com/calmstream/calmstream/internal/natstest"
	"github.com/calmstream/calmstream/operators"
	"github.com/calmstream/calmstream/pipeline"
	"github.com/calmstream/calmstream/pipeline/query"
	"github.com/calmstream/calmstream/sinks"
	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// sharing counts the lines of the input pm.
func sharing() (*pipeline.Pipeline, operators.Shared[string, crdt.GCounter]) {
	p := pipeline.New("pm")
	lines := pipeline.Read(p, "lines", pipeline.Source[string]{Stream: "pm", Subjects: []string{"pm.in.0"}, Decode: pipeline.Text})
	counts := operators.Count("counts", operators.KeyBy(lines, "line", strings.ToLower))
	nowhere := sinks.Func{Name: "often", Do: func(context.Context, sinks.Record) error { return nil }}
	pipeline.Write(p, "often", operators.Threshold(counts, crdt.AtLeast(100)), nowhere, pipeline.EncodeText)
	return p, operators.Share(counts)
}

// mayServe adds what package worker says that those need who answer questions.
func mayServe(may *server.Permissions) *server.Permissions {
	may.Subscribe.Allow = append(may.Subscribe.Allow, "calm.q.pm.>", "$SRV.>")
	may.Response = &server.ResponsePermission{MaxMsgs: server.DEFAULT_ALLOW_RESPONSE_MAX_MSGS, Expires: server.DEFAULT_ALLOW_RESPONSE_EXPIRATION}
	return may
}

// asks are the users that ask: of workers, and of checkpoints.
func asks() (workers, checkpoints *server.Permissions) {
	inbox := &server.SubjectPermission{Allow: []string{"_INBOX_q.>"}}
	workers = &server.Permissions{Publish: &server.SubjectPermission{Allow: []string{"calm.q.pm.>"}}, Subscribe: inbox}
	checkpoints = &server.Permissions{Publish: &server.SubjectPermission{Allow: []string{
		"$JS.API.STREAM.INFO.KV_calm_pm", "$JS.API.STREAM.MSG.GET.KV_calm_pm", "$JS.API.DIRECT.GET.KV_calm_pm.>",
	}}, Subscribe: inbox}
	return workers, checkpoints
}

// denials collects what users were denied.
type denials struct {
	sync.Mutex
	all []string
}

func (d *denials) note(_ *nats.Conn, _ *nats.Subscription, err error) {
	d.Lock()
	defer d.Unlock()
	d.all = append(d.all, err.Error())
}

func (d *denials) take() (all []string) {
	d.Lock()
	defer d.Unlock()
	all, d.all = d.all, nil
	return slices.Clone(all)
}

// Workers that may do no more than package worker says answer users who may do no more than package query says, and so do the checkpoints; a
// worker that may not answer does everything else, and its connection says what it was denied.
func TestQuestionsNeedNoMorePermissionsThanItSays(t *testing.T) {
	t.Parallel()
	workers, checkpoints := asks()
	srv := natstest.Run(t, func(o *server.Options) {
		o.Users = []*server.User{
			{Username: "admin"},
			{Username: "serving", Permissions: mayServe(workersMay())},
			{Username: "silent", Permissions: workersMay()},
			{Username: "workers", Permissions: workers},
			{Username: "checkpoints", Permissions: checkpoints},
		}
	})
	js, err := jetstream.New(srv.Conn(t, nats.UserInfo("admin", "")))
	if err != nil {
		t.Fatal(err)
	}
	in, denied := newInput(t, js, "pm", 1), new(denials)
	connect := func(user, inbox string) *nats.Conn {
		return srv.Conn(t, nats.UserInfo(user, ""), nats.CustomInboxPrefix(inbox), nats.ErrorHandler(denied.note))
	}
	counts := func(user string, of query.Of) *query.State[string, crdt.GCounter] {
		p, shared := sharing()
		s, err := query.Open(t.Context(), p, shared, query.Config{Conn: connect(user, "_INBOX_q"), Ask: of})
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	for n, user := range []string{"serving", "silent"} {
		ctx, stop := context.WithCancel(t.Context())
		ended, monitor := make(chan error, 1), new(pipeline.Monitor)
		p, _ := sharing()
		go func() {
			ended <- p.Run(ctx, pipeline.Config{Conn: connect(user, "_INBOX_w"), Queries: true, Logger: quiet, Monitor: monitor})
		}()
		natstest.Eventually(t, "the worker runs", monitor.Running)
		in.put(t, 0, "a")
		if user == "serving" {
			if _, err := counts("workers", query.Workers).Await(t.Context(), "a", crdt.AtLeast(1)); err != nil {
				t.Error(err)
			}
		}
		if _, err := counts("checkpoints", query.Checkpoints).Await(t.Context(), "a", crdt.AtLeast(uint64(n+1))); err != nil {
			t.Error(err)
		}
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		if d := denied.take(); strings.Contains(fmt.Sprint(d), "calm.q.pm.") != (user == "silent") || user == "serving" && len(d) > 0 {
			t.Errorf("%s: denied %q", user, d)
		}
	}
}
