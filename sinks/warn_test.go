package sinks_test

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/calmstream/calmstream/internal/natstest"
	"github.com/calmstream/calmstream/sinks"
	"github.com/nats-io/nats.go/jetstream"
)

// A stream that forgets results is used, with a warning that says by what.
func TestSinksWarnOfStreamsThatForget(t *testing.T) {
	t.Parallel()
	conn := natstest.Run(t).Conn(t)
	for _, c := range []struct {
		config jetstream.StreamConfig
		want   string
	}{
		{jetstream.StreamConfig{}, ""},
		{jetstream.StreamConfig{MaxAge: time.Hour}, "by age"},
		{jetstream.StreamConfig{MaxMsgs: 9}, "max_msgs=9"},
		{jetstream.StreamConfig{MaxBytes: 9000}, "max_bytes=9000"},
		{jetstream.StreamConfig{MaxBytes: 9000, Discard: jetstream.DiscardNew}, ""},
		{jetstream.StreamConfig{Retention: jetstream.InterestPolicy}, "consumed"},
	} {
		c.config.Name, c.config.Subjects = "R", []string{"r.>"}
		if _, err := newJetStream(t, conn).CreateStream(testContext(t), c.config); err != nil {
			t.Fatal(err)
		}
		var text bytes.Buffer
		env := testEnv(conn)
		env.Logger = slog.New(slog.NewTextHandler(&text, nil))
		w, err := sinks.Subject{Name: "r", Stream: "R"}.Open(testContext(t), env)
		if err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Error(err)
		}
		if got := text.String(); c.want == "" && got != "" || !strings.Contains(got, c.want) {
			t.Errorf("%+v: the log says %q, want %q", c.config, got, c.want)
		}
		if err := newJetStream(t, conn).DeleteStream(testContext(t), "R"); err != nil {
			t.Fatal(err)
		}
	}
}
