package pipeline_test

import (
	"bytes"
	"context"
	"slices"
	"testing"
	"time"

	"github.com/calmstream/calmstream/internal/natstest"
	"github.com/calmstream/calmstream/pipeline"
)

// A pipeline with outboxes that goes on elsewhere from a savepoint: what the streams of both servers have together is each result, once.
func TestSavepointOfAnOutbox(t *testing.T) {
	t.Parallel()
	from, to := natstest.Run(t), natstest.Run(t)
	w := newBoxedWorld(t, from.JetStream(t), "spbox", 2)
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	ended := make(chan error, 1)
	go func() {
		ended <- boxed("spbox", 2).Run(ctx, pipeline.Config{Conn: from.Conn(t), CheckpointEvery: 20 * time.Millisecond, Logger: quiet})
	}()
	w.feed(250)
	natstest.Eventually(t, "some results have come", holds(t, w.js, "spbox_BOTH", 100))
	stop()
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	var file bytes.Buffer
	if _, err := pipeline.ExportSavepoint(t.Context(), from.Conn(t), "spbox", "", &file); err != nil {
		t.Fatal(err)
	}
	w.gone = slices.Concat(w.messages("spbox_BOTH"), w.messages("spbox_OUT"))
	copyStream(t, from.Conn(t), to.Conn(t), "spbox")
	if _, err := pipeline.ImportSavepoint(t.Context(), &file, pipeline.ImportConfig{Conn: to.Conn(t), Rebase: true, Logger: quiet}); err != nil {
		t.Fatal(err)
	}
	w.js = to.JetStream(t)
	w.in.js = w.js
	wait := runBoxed(t, to.Conn(t), "spbox", 2)
	w.feed(100)
	w.in.end(t)
	wait()
	w.check()
	if here := len(w.messages("spbox_BOTH")); here < 100 || len(w.gone) < 100 {
		t.Errorf("%d results came before the savepoint, and %d behind it: the test proves nothing", len(w.gone), here)
	}
}
