package pipeline_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/calmstream/calmstream/internal/natstest"
	"github.com/calmstream/calmstream/pipeline"
)

// A state bucket that was deleted under the streams of its outboxes is missed: they hold what a new beginning would write again. Another version, which
// is what the error suggests, begins anew, and the streams take all that the new bucket has, though they remember sequences of the old one.
func TestOutboxOfABucketThatWasMadeAgain(t *testing.T) {
	t.Parallel()
	srv := natstest.Run(t)
	js := srv.JetStream(t)
	w := newBoxedWorld(t, js, "rebox", 1)
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	config := pipeline.Config{Conn: srv.Conn(t), CheckpointEvery: 20 * time.Millisecond, Logger: quiet}
	run, stop := context.WithCancel(ctx)
	defer stop()
	ended := make(chan error, 1)
	go func() { ended <- boxed("rebox", 1).Run(run, config) }()
	w.feed(200)
	natstest.Eventually(t, "each click has come, and all has left the bucket", func() bool {
		return holds(t, js, "rebox_BOTH", 200)() && holds(t, js, "rebox_OUT", 1)() && w.owed() == 0
	})
	stop()
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	if err := js.DeleteStream(ctx, "KV_calm_rebox"); err != nil {
		t.Fatal(err)
	}
	w.before = map[string]uint64{"rebox_BOTH": uint64(len(w.messages("rebox_BOTH"))), "rebox_OUT": uint64(len(w.messages("rebox_OUT")))}
	err := boxed("rebox", 1).Run(ctx, config)
	if err == nil || !strings.Contains(err.Error(), "nats stream purge rebox_BOTH --subject 'rebox.each.*.e") {
		t.Fatalf("without its bucket it ends with %v", err)
	}
	w.feed(50)
	w.in.end(t)
	srv.Restart(t) // a server that stays up takes ten seconds to notice that a source was deleted
	natstest.Eventually(t, "it is connected again", config.Conn.IsConnected)
	anew := boxed("rebox", 1)
	anew.Version = "2"
	if err := anew.Run(ctx, config); err != nil {
		t.Fatal(err)
	}
	w.check()
}
