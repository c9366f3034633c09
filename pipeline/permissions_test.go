package pipeline_test

import (
	"context"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/calmstream/calmstream/internal/natstest"
	"github.com/calmstream/calmstream/pipeline"
	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// workersMay is what package worker says that the workers of the word count pm need.
func workersMay() *server.Permissions {
	const p, in = "pm", "pm"
	publish := []string{
		"$JS.API.STREAM.INFO." + in, "$JS.API.STREAM.MSG.GET." + in,
		"$JS.API.CONSUMER.CREATE." + in + ".*.>", "$JS.API.CONSUMER.MSG.NEXT." + in + ".*", "$JS.API.CONSUMER.DELETE." + in + ".*",

		"$KV.calm_" + p + ".>", "$JS.API.STREAM.MSG.GET.KV_calm_" + p, "$JS.API.DIRECT.GET.KV_calm_" + p + ".>", "$JS.API.STREAM.PURGE.KV_calm_" + p,
		"calm.dlq." + p + ".>", "calm.late." + p + ".>", "calm.seal." + p + ".>",

		"calm.x." + p + ".>", "$JS.API.STREAM.PURGE.CALM_X_" + p, "$JS.API.STREAM.MSG.GET.CALM_X_" + p,
		"$JS.API.CONSUMER.CREATE.CALM_X_" + p + ".*.>", "$JS.API.CONSUMER.MSG.NEXT.CALM_X_" + p + ".*", "$JS.API.CONSUMER.DELETE.CALM_X_" + p + ".*",
	}
	for _, s := range []string{"KV_calm_" + p, "CALM_DLQ_" + p, "CALM_SEALS_" + p, "CALM_X_" + p} {
		publish = append(publish, "$JS.API.STREAM.CREATE."+s, "$JS.API.STREAM.INFO."+s)
	}
	for _, out := range []string{"OUT", "TOP", "OFTEN"} { // the sinks
		publish = append(publish, "$JS.API.STREAM.CREATE."+p+"_"+out, "$JS.API.STREAM.INFO."+p+"_"+out, "$JS.API.STREAM.MSG.GET."+p+"_"+out, p+"."+strings.ToLower(out)+".>")
	}
	return &server.Permissions{
		Publish:   &server.SubjectPermission{Allow: publish},
		Subscribe: &server.SubjectPermission{Allow: []string{"_INBOX_w.>", "$KV.calm_" + p + ".*.worker.*"}},
	}
}

// restricted starts a server with a user who may do anything and one who may do what is allowed. Denied returns what that one was denied.
func restricted(t *testing.T, allowed *server.Permissions) (js jetstream.JetStream, conn func() *nats.Conn, denied func() []string) {
	t.Helper()
	srv := natstest.Run(t, func(o *server.Options) {
		o.Users = []*server.User{{Username: "admin"}, {Username: "worker", Permissions: allowed}}
	})
	js, err := jetstream.New(srv.Conn(t, nats.UserInfo("admin", "")))
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	var all []string
	conn = func() *nats.Conn {
		return srv.Conn(t, nats.UserInfo("worker", ""), nats.CustomInboxPrefix("_INBOX_w"), nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) {
			mu.Lock()
			defer mu.Unlock()
			all = append(all, err.Error())
		}))
	}
	return js, conn, func() []string {
		mu.Lock()
		defer mu.Unlock()
		return slices.Clone(all)
	}
}

// Workers that may do no more than package worker says share the shards, take them over and go on from checkpoints.
func TestWorkersNeedNoMorePermissionsThanItSays(t *testing.T) {
	t.Parallel()
	js, conn, denied := restricted(t, workersMay())
	c := &crew{T: t, js: js, in: newInput(t, js, "pm", crewShards), name: "pm", drain: 10 * time.Second, want: make(map[string]uint64), connect: conn}
	a, b := c.start("a"), c.start("b")
	natstest.Eventually(t, "two workers share the shards", settles(1, a, b))
	c.feed()
	natstest.Eventually(t, "both have checkpoints", func() bool {
		for _, m := range []*member{a, b} {
			for _, s := range m.runs() {
				if s.Stage == "lines" && (s.Messages == 0 || s.Checkpoints == 0) {
					return false
				}
			}
		}
		return true
	})
	a.stop()
	if err := <-a.ended; err != nil {
		t.Error(err)
	}
	natstest.Eventually(t, "one worker runs all", settles(1, b))
	c.feed()
	c.finish(b)
	if d := denied(); len(d) > 0 {
		t.Errorf("denied: %v", d)
	}
}

// A worker that may not hear the others would take them for gone and do their work too, and one that cannot be heard has it done by
// them: both say what they may not do, and stop.
func TestWorkersThatMayNotSpeakOrHear(t *testing.T) {
	t.Parallel()
	for what, deny := range map[string]func(*server.Permissions){
		"subscri": func(p *server.Permissions) { p.Subscribe.Allow = p.Subscribe.Allow[:1] },
		"publish": func(p *server.Permissions) { p.Publish.Deny = []string{"$KV.calm_pm.*.worker.*"} },
	} {
		may := workersMay()
		deny(may)
		js, conn, _ := restricted(t, may)
		newInput(t, js, "pm", 1)
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		err := wordcount("pm", 1, 10).Run(ctx, pipeline.Config{Conn: conn(), Logger: quiet})
		cancel()
		if err == nil || !strings.Contains(strings.ToLower(err.Error()), "permissions violation for "+what) || !strings.Contains(err.Error(), "may not") {
			t.Errorf("%s: %v", what, err)
		}
	}
}
