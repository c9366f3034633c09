package pipeline_test

import (
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/calmstream/calmstream/internal/natstest"
	"github.com/calmstream/calmstream/pipeline"
	"github.com/nats-io/nats.go/jetstream"
)

// An exchange without room refuses, and loses nothing: its senders wait until the receivers' checkpoints have made room.
func TestFullExchange(t *testing.T) {
	t.Parallel()
	srv := natstest.Run(t)
	js := srv.JetStream(t)
	in := newInput(t, js, "fx", 2)
	exchange, err := js.CreateStream(t.Context(), jetstream.StreamConfig{Name: "CALM_X_fx", Subjects: []string{"calm.x.fx.>"}, MaxBytes: 200 << 10, Discard: jetstream.DiscardNew})
	if err != nil {
		t.Fatal(err)
	}
	want := make(map[string]uint64)
	for i := range 5000 {
		line := fmt.Sprintf("w%d x%d y%d", i, i, i%10)
		in.put(t, i, line)
		for _, w := range strings.Fields(line) {
			want[w]++
		}
	}
	in.end(t)
	if err := numbers("fx", "fx", pipeline.Source[string]{Subjects: []string{"fx.in.0", "fx.in.1"}}).Run(t.Context(), pipeline.Config{Conn: srv.Conn(t), CheckpointEvery: 50 * time.Millisecond, Logger: quiet}); err != nil {
		t.Fatal(err)
	}
	if got := finalCounts(t, js, "fx_OUT"); !maps.Equal(got, want) {
		t.Errorf("got %d words, want %d", len(got), len(want))
	}
	info, err := exchange.Info(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if info.State.LastSeq < 2 || info.State.LastSeq == info.State.Msgs {
		t.Errorf("the exchange has had %d messages and nothing was purged: the test proves nothing", info.State.LastSeq)
	}
}

// An output without room stops its shards, and nothing else: there is no checkpoint behind what could not be stored, and when there
// is room again they go on.
func TestFullOutput(t *testing.T) {
	t.Parallel()
	srv := natstest.Run(t)
	js := srv.JetStream(t)
	in := newInput(t, js, "fo", 1)
	full := jetstream.StreamConfig{Name: "fo_OFTEN", Subjects: []string{"fo.often.>"}, AllowDirect: true, MaxMsgs: 3, Discard: jetstream.DiscardNew}
	out, err := js.CreateStream(t.Context(), full)
	if err != nil {
		t.Fatal(err)
	}
	const words = 20
	for i := range words {
		in.put(t, 0, fmt.Sprintf("w%d w%d", i, i))
	}
	var monitor pipeline.Monitor
	ended := make(chan error, 1)
	go func() {
		ended <- wordcount("fo", 1, 2).Run(t.Context(), pipeline.Config{Conn: srv.Conn(t), Monitor: &monitor, CheckpointEvery: 20 * time.Millisecond, Logger: quiet})
	}()
	natstest.Eventually(t, "the output is full and all is read", func() bool {
		info, err := out.Info(t.Context())
		shards := monitor.Shards()
		return err == nil && info.State.Msgs == 3 && len(shards) == 1 && shards[0].Position == words
	})
	if s := monitor.Shards()[0]; s.Committed >= words {
		t.Errorf("a checkpoint at %d covers results that are not stored", s.Committed)
	}
	full.MaxMsgs = -1
	if _, err := js.UpdateStream(t.Context(), full); err != nil {
		t.Fatal(err)
	}
	in.end(t)
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	if got := stored(t, js, "fo_OFTEN"); len(got) != words {
		t.Errorf("%d results are stored, want %d", len(got), words)
	}
}
