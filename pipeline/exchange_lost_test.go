package pipeline_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/calmstream/calmstream/internal/natstest"
	"github.com/calmstream/calmstream/pipeline"
	"github.com/nats-io/nats.go/jetstream"
)

// stuck is a word count that was stopped when its senders had saved everything, and its receivers, whose output was full, nothing.
type stuck struct {
	*testing.T
	srv   *natstest.Server
	js    jetstream.JetStream
	name  string
	epoch string
	in    *input
}

// run runs the word count until it ends, fails, or half a minute is over.
func (s *stuck) run() error {
	s.Helper()
	ctx, cancel := context.WithTimeout(s.Context(), 30*time.Second)
	defer cancel()
	err := wordcount(s.name, 2, 1).Run(ctx, pipeline.Config{Conn: s.srv.Conn(s.T), DrainTimeout: 100 * time.Millisecond, Logger: quiet})
	if ctx.Err() != nil {
		s.Errorf("it waits, and has said nothing but %v", err)
	}
	return err
}

// begin runs the word count until check holds, and stops it.
func (s *stuck) begin(what string, check func(m *pipeline.Monitor) bool) {
	s.Helper()
	ctx, stop := context.WithCancel(s.Context())
	defer stop()
	var monitor pipeline.Monitor
	ended := make(chan error, 1)
	conn := s.srv.Conn(s.T)
	go func() {
		ended <- wordcount(s.name, 2, 1).Run(ctx, pipeline.Config{Conn: conn, Monitor: &monitor, CheckpointEvery: 20 * time.Millisecond, DrainTimeout: 100 * time.Millisecond, Logger: quiet})
	}()
	natstest.Eventually(s, what, func() bool { return check(&monitor) })
	stop()
	if err := <-ended; err != nil {
		s.Logf("as was to be expected: %v", err)
	}
	conn.Close()
}

// newStuck makes it. between is called when the pipeline has made its streams, and nothing is in them yet.
func newStuck(t *testing.T, name string, between func(s *stuck)) *stuck {
	t.Helper()
	srv := natstest.Run(t)
	s := &stuck{T: t, srv: srv, js: srv.JetStream(t), name: name}
	fingerprint, err := wordcount(name, 2, 1).Fingerprint()
	if err != nil {
		t.Fatal(err)
	}
	s.epoch = "e" + fingerprint
	s.in = newInput(t, s.js, name, 2)
	full := jetstream.StreamConfig{Name: name + "_OFTEN", Subjects: []string{name + ".often.>"}, AllowDirect: true, MaxMsgs: 1, Discard: jetstream.DiscardNew}
	if _, err := s.js.CreateStream(t.Context(), full); err != nil {
		t.Fatal(err)
	}
	if between != nil {
		s.begin("it runs", (*pipeline.Monitor).Running)
		between(s)
	}
	const lines = 40
	for i := range lines {
		s.in.put(t, i, fmt.Sprintf("a%d b%d c%d", i, i, i))
	}
	s.begin("the senders have saved all, and the receivers have read", func(m *pipeline.Monitor) bool {
		saved, read := 0, 0
		for _, is := range m.Shards() {
			if is.Stage == "lines" && is.Committed >= lines-1 {
				saved++
			}
			if is.Stage == "counts" && is.Messages > 0 {
				read++
			}
		}
		return saved == 2 && read == 2
	})
	full.MaxMsgs = -1
	if _, err := s.js.UpdateStream(t.Context(), full); err != nil {
		t.Fatal(err)
	}
	s.in.end(t)
	return s
}

func (s *stuck) exchange() jetstream.Stream {
	s.Helper()
	stream, err := s.js.Stream(s.Context(), "CALM_X_"+s.name)
	if err != nil {
		s.Fatal(err)
	}
	return stream
}

// What the senders' checkpoints say was stored is not sent again. If the exchange has lost it, whichever way, that is said, and nobody waits.
func TestExchangeThatLosesItsRecords(t *testing.T) {
	t.Parallel()
	said := func(t *testing.T, err error, words ...string) {
		t.Helper()
		for _, w := range words {
			if err == nil || !strings.Contains(err.Error(), w) {
				t.Errorf("got %v, want %q in it", err, w)
			}
		}
	}
	t.Run("purged by subject", func(t *testing.T) {
		t.Parallel()
		s := newStuck(t, "xp", nil)
		first, err := s.exchange().GetMsg(t.Context(), 1)
		if err != nil {
			t.Fatal(err)
		}
		other := map[bool]string{true: "1", false: "0"}[strings.HasSuffix(first.Subject, ".counts.0")] // so that the stream begins where it did
		if err := s.exchange().Purge(t.Context(), jetstream.WithPurgeSubject("calm.x.xp."+s.epoch+".counts."+other)); err != nil {
			t.Fatal(err)
		}
		said(t, s.run(), "stage counts, shard "+other, "the exchange has lost records that were stored: records 1 to ", "of stage lines, shard ")
	})
	t.Run("purged", func(t *testing.T) {
		t.Parallel()
		s := newStuck(t, "xa", nil)
		if err := s.exchange().Purge(t.Context()); err != nil {
			t.Fatal(err)
		}
		said(t, s.run(), `stream "CALM_X_xa" no longer holds sequences 1 to `)
	})
	t.Run("deleted", func(t *testing.T) {
		t.Parallel()
		s := newStuck(t, "xd", nil)
		if err := s.js.DeleteStream(t.Context(), "CALM_X_xd"); err != nil {
			t.Fatal(err)
		}
		said(t, s.run(), `stream "CALM_X_xd" was created at `)
	})
	t.Run("rolled back", func(t *testing.T) {
		t.Parallel()
		kept := t.TempDir()
		dir := func(s *stuck) string {
			return filepath.Join(s.srv.Dir(), "jetstream", "$G", "streams", "CALM_X_xr")
		}
		s := newStuck(t, "xr", func(s *stuck) {
			s.srv.Shutdown()
			if err := os.CopyFS(kept, os.DirFS(dir(s))); err != nil {
				t.Fatal(err)
			}
			s.srv.Restart(t)
		})
		s.srv.Shutdown()
		if err := os.RemoveAll(dir(s)); err != nil {
			t.Fatal(err)
		}
		if err := os.CopyFS(dir(s), os.DirFS(kept)); err != nil {
			t.Fatal(err)
		}
		s.srv.Restart(t)
		said(t, s.run(), "stage counts, shard ", "the exchange has lost records that were stored: records 1 to ")
	})
}

// A bucket that was deleted, beside an exchange that holds what its checkpoints had sent, is no pipeline that begins.
func TestStateThatIsMissing(t *testing.T) {
	t.Parallel()
	s := newStuck(t, "sm", nil)
	if err := s.js.DeleteStream(t.Context(), "KV_calm_sm"); err != nil {
		t.Fatal(err)
	}
	err := s.run()
	if err == nil || !strings.Contains(err.Error(), "is missing in the bucket calm_sm, while the stream CALM_X_sm holds ") {
		t.Errorf("got %v", err)
	}
}

// A start record that was removed would be made anew, from another beginning.
func TestStartRecordThatIsMissing(t *testing.T) {
	t.Parallel()
	s := newStuck(t, "sr", nil)
	bucket, err := s.js.Stream(t.Context(), "KV_calm_sr")
	if err != nil {
		t.Fatal(err)
	}
	if err := bucket.Purge(t.Context(), jetstream.WithPurgeSubject("$KV.calm_sr."+s.epoch+".run.start")); err != nil {
		t.Fatal(err)
	}
	if err := s.run(); err == nil || !strings.Contains(err.Error(), "is missing in the bucket calm_sr, while its ") {
		t.Errorf("got %v", err)
	}
}

// An exchange whose settings were changed so that it would lose records, or come to a standstill, is refused.
func TestSettingsOfTheExchange(t *testing.T) {
	t.Parallel()
	srv := natstest.Run(t)
	js := srv.JetStream(t)
	newInput(t, js, "xs", 2)
	base := jetstream.StreamConfig{Name: "CALM_X_xs", Subjects: []string{"calm.x.xs.>"}, Discard: jetstream.DiscardNew}
	if _, err := js.CreateStream(t.Context(), base); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		change func(*jetstream.StreamConfig)
		want   string // "" if it runs
	}{
		{func(c *jetstream.StreamConfig) { c.MaxBytes = 1 << 20 }, "nats stream edit CALM_X_xs --max-bytes=67108864"},
		{func(c *jetstream.StreamConfig) { c.Discard = jetstream.DiscardOld }, "--discard=new"},
		{func(c *jetstream.StreamConfig) { c.MaxAge = time.Hour }, "--max-age=0s"},
		{func(c *jetstream.StreamConfig) { c.MaxMsgsPerSubject = 100 }, "--max-msgs-per-subject=-1"},
		{func(c *jetstream.StreamConfig) { c.NoAck = true }, "--ack"},
		{func(c *jetstream.StreamConfig) { c.MaxBytes = 64 << 20 }, ""},
		{func(c *jetstream.StreamConfig) { c.Compression = jetstream.S2Compression }, ""},
		{func(c *jetstream.StreamConfig) { c.AllowDirect = true }, ""},
	} {
		cfg := base
		c.change(&cfg)
		if _, err := js.UpdateStream(t.Context(), cfg); err != nil {
			t.Fatal(err)
		}
		ctx, stop := context.WithTimeout(t.Context(), 20*time.Second)
		var monitor pipeline.Monitor
		ended := make(chan error, 1)
		go func() {
			ended <- wordcount("xs", 2, 10).Run(ctx, pipeline.Config{Conn: srv.Conn(t), Monitor: &monitor, Logger: quiet})
		}()
		if c.want == "" {
			natstest.Eventually(t, "it runs", monitor.Running)
			stop()
		}
		err := <-ended
		stop()
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("want %q: %v", c.want, err)
		}
	}
}
