package pipeline_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/calmstream/calmstream/internal/natstest"
	"github.com/calmstream/calmstream/pipeline"
)

// A pipeline that has ended does not read its input again. It must see all the same that the stream is another one: the
// results that stand are not about it.
func TestInputMadeAgainAfterTheEnd(t *testing.T) {
	t.Parallel()
	srv := natstest.Run(t)
	js := srv.JetStream(t)
	run := func(text string) error {
		in := newInput(t, js, "again", 1)
		in.put(t, 0, text)
		in.end(t)
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
		defer cancel()
		return wordcount("again", 1, 2).Run(ctx, pipeline.Config{Conn: srv.Conn(t)})
	}
	if err := run("one input"); err != nil {
		t.Fatal(err)
	}
	if err := js.DeleteStream(t.Context(), "again"); err != nil {
		t.Fatal(err)
	}
	err := run("another input")
	if err == nil || !strings.Contains(err.Error(), `stream "again" was created at`) {
		t.Errorf("the pipeline took another stream for its input: %v", err)
	}
}
