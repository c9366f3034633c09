package jetstore_test

import (
	"context"
	"fmt"
	"net"
	"slices"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/calmstream/calmstream/internal/natstest"
	"github.com/calmstream/calmstream/pipeline/internal/checkpoint"
	"github.com/calmstream/calmstream/pipeline/internal/checkpoint/jetstore"
)

func TestBucketIsReadableAsKeyValue(t *testing.T) {
	t.Parallel()
	s := natstest.Run(t)
	store := open(t, s)
	fence, segments := step(t, "w", 1)
	mustCommit(t, store, 0, fence, segments)
	if _, _, err := store.CreateOnce(testContext(t), "start", []byte("now")); err != nil {
		t.Fatal(err)
	}
	kv, err := s.JetStream(t).KeyValue(testContext(t), "calm_p")
	if err != nil {
		t.Fatal(err)
	}
	keys, err := kv.Keys(testContext(t))
	slices.Sort(keys)
	if want := []string{"e1.count.3.fence", "e1.count.3.seg.w-1.0", "e1.run.start"}; err != nil || !slices.Equal(keys, want) {
		t.Errorf("keys %q, %v; want %q", keys, err, want)
	}
	entry, err := kv.Get(testContext(t), "e1.count.3.fence")
	if err != nil {
		t.Fatal(err)
	}
	if got, err := checkpoint.DecodeFence(entry.Value()); err != nil || got.Commit != 1 {
		t.Errorf("the fence reads as %+v, %v", got, err)
	}
}

func TestOpenTwice(t *testing.T) {
	t.Parallel()
	s := natstest.Run(t)
	first, second := open(t, s), open(t, s)
	fence, segments := step(t, "w", 1)
	mustStand(t, second, mustCommit(t, first, 0, fence, segments), fence)
}

func TestEpochsAreApart(t *testing.T) {
	t.Parallel()
	s := natstest.Run(t)
	store := open(t, s)
	fence, segments := step(t, "w", 1)
	mustCommit(t, store, 0, fence, segments)
	other, err := jetstore.Open(testContext(t), jetstore.Config{Conn: s.Conn(t), Pipeline: "p", Epoch: "e2"})
	if err != nil {
		t.Fatal(err)
	}
	_, err = other.Load(testContext(t), shard)
	wantError(t, err, checkpoint.ErrNone)
}

func TestChangedSettingsAreRefused(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		change func(*jetstream.StreamConfig)
		words  []string
	}{
		"atomic": {
			func(c *jetstream.StreamConfig) { c.AllowAtomicPublish = false },
			[]string{"allow_atomic is off", "nats stream edit KV_calm_p --allow-batch"},
		},
		"age":         {func(c *jetstream.StreamConfig) { c.MaxAge = time.Hour }, []string{"max_age", "--max-age=0s"}},
		"discard":     {func(c *jetstream.StreamConfig) { c.Discard = jetstream.DiscardOld }, []string{"--discard=new"}},
		"per subject": {func(c *jetstream.StreamConfig) { c.DiscardNewPerSubject = true }, []string{"--no-discard-per-subject"}},
		"history":     {func(c *jetstream.StreamConfig) { c.MaxMsgsPerSubject = -1 }, []string{"--max-msgs-per-subject=1"}},
		"size":        {func(c *jetstream.StreamConfig) { c.MaxMsgSize = 1000 }, []string{"--max-msg-size=-1"}},
		"no ack":      {func(c *jetstream.StreamConfig) { c.NoAck = true; c.AllowAtomicPublish = false }, []string{"no_ack", "--allow-batch --ack"}},
		"subjects":    {func(c *jetstream.StreamConfig) { c.Subjects = []string{"else.>"} }, []string{"--subjects='$KV.calm_p.>'"}},
		"transform":   {func(c *jetstream.StreamConfig) { c.SubjectTransform = transform() }, []string{"--no-transform"}},
		"purge":       {func(c *jetstream.StreamConfig) { c.DenyPurge, c.AllowRollup = true, false }, []string{"deny_purge", "nats stream rm KV_calm_p"}},
		"memory":      {func(c *jetstream.StreamConfig) { c.Storage = jetstream.MemoryStorage }, []string{"storage is memory"}},
		"retention":   {func(c *jetstream.StreamConfig) { c.Retention = jetstream.InterestPolicy }, []string{"retention"}},
		"async": {func(c *jetstream.StreamConfig) {
			c.PersistMode, c.AllowAtomicPublish = jetstream.AsyncPersistMode, false
		}, []string{"persist_mode"}},
		"counter": {func(c *jetstream.StreamConfig) {
			c.AllowMsgCounter, c.AllowMsgTTL, c.Discard = true, false, jetstream.DiscardOld
		}, []string{"allow_msg_counter"}},
	}
	donor := natstest.Run(t)
	open(t, donor)
	cfg := settingsOf(t, donor.JetStream(t))
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, cfg := natstest.Run(t), cfg
			c.change(&cfg)
			js := s.JetStream(t)
			if _, err := js.CreateStream(testContext(t), cfg); err != nil {
				t.Fatal(err)
			}
			_, err := jetstore.Open(testContext(t), jetstore.Config{Conn: s.Conn(t), Pipeline: "p", Epoch: "e1"})
			wantError(t, err, jetstore.ErrSettings, append(c.words, "calm_p")...)
		})
	}
}

func TestSealedAndMirroredAreRefused(t *testing.T) {
	t.Parallel()
	s := natstest.Run(t)
	open(t, s)
	js := s.JetStream(t)
	cfg := settingsOf(t, js)
	cfg.Sealed, cfg.AllowRollup, cfg.DenyPurge = true, false, true
	if _, err := js.UpdateStream(testContext(t), cfg); err != nil {
		t.Fatal(err)
	}
	_, err := jetstore.Open(testContext(t), jetstore.Config{Conn: s.Conn(t), Pipeline: "p", Epoch: "e1"})
	wantError(t, err, jetstore.ErrSettings, "read-only")

	mirror := jetstream.StreamConfig{Name: "KV_calm_m", Mirror: &jetstream.StreamSource{Name: "KV_calm_p"}}
	if _, err := js.CreateStream(testContext(t), mirror); err != nil {
		t.Fatal(err)
	}
	_, err = jetstore.Open(testContext(t), jetstore.Config{Conn: s.Conn(t), Pipeline: "m", Epoch: "e1"})
	wantError(t, err, jetstore.ErrSettings, "mirror")
}

// TestForeignBucket meets a bucket that somebody made with the key-value API, and one that was edited with it while in use.
func TestForeignBucket(t *testing.T) {
	t.Parallel()
	s := natstest.Run(t)
	js := s.JetStream(t)
	if _, err := js.CreateKeyValue(testContext(t), jetstream.KeyValueConfig{Bucket: "calm_foreign"}); err != nil {
		t.Fatal(err)
	}
	_, err := jetstore.Open(testContext(t), jetstore.Config{Conn: s.Conn(t), Pipeline: "foreign", Epoch: "e1"})
	wantError(t, err, jetstore.ErrSettings, "calm_foreign", "--allow-batch")

	store := open(t, s)
	cfg := settingsOf(t, js)
	cfg.AllowAtomicPublish = false
	if _, err := js.UpdateStream(testContext(t), cfg); err != nil {
		t.Fatal(err)
	}
	fence, segments := step(t, "w", 1)
	_, err = store.Commit(testContext(t), shard, 0, fence, segments)
	wantError(t, err, jetstore.ErrSettings, "allow_atomic is off", "--allow-batch")
}

func TestServerThatCannot(t *testing.T) {
	t.Parallel()
	attempt := func(t *testing.T, conn *nats.Conn) error {
		t.Helper()
		_, err := jetstore.Open(testContext(t), jetstore.Config{Conn: conn, Pipeline: "p", Epoch: "e1"})
		return err
	}
	t.Run("no JetStream", func(t *testing.T) {
		t.Parallel()
		s := natstest.Run(t, func(o *server.Options) { o.JetStream = false })
		wantError(t, attempt(t, s.Conn(t)), jetstore.ErrServer, "-js")
	})
	t.Run("not for this account", func(t *testing.T) {
		t.Parallel()
		account := server.NewAccount("poor")
		s := natstest.Run(t, func(o *server.Options) {
			o.Accounts = []*server.Account{account}
			o.Users = []*server.User{{Username: "u", Password: "p", Account: account}}
		})
		wantError(t, attempt(t, s.Conn(t, nats.UserInfo("u", "p"))), jetstore.ErrServer, "account")
	})
	t.Run("too old", func(t *testing.T) {
		t.Parallel()
		conn, err := nats.Connect(oldServer(t))
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		wantError(t, attempt(t, conn), jetstore.ErrServer, "2.11.9", "2.15")
	})
	for _, denied := range []string{"$JS.API.STREAM.INFO.KV_calm_p", "$JS.API.STREAM.CREATE.KV_calm_p"} {
		t.Run("denied "+denied, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithTimeout(testContext(t), time.Second)
			defer cancel()
			_, err := jetstore.Open(ctx, jetstore.Config{Conn: connDenied(t, denied), Pipeline: "p", Epoch: "e1"})
			wantError(t, err, jetstore.ErrServer, denied, "permit")
		})
	}
	t.Run("denied to write", func(t *testing.T) {
		t.Parallel()
		store := openOn(t, connDenied(t, "$KV.>"), "p")
		store.SetPatience(200 * time.Millisecond)
		fence, segments := step(t, "w", 1)
		_, err := store.Commit(testContext(t), shard, 0, fence, segments)
		wantError(t, err, jetstore.ErrServer, "$KV.calm_p.e1.count.3.fence", "permit")
	})
}

func TestOpenRefusesBadConfig(t *testing.T) {
	t.Parallel()
	conn := natstest.Run(t).Conn(t)
	for _, cfg := range []jetstore.Config{
		{Pipeline: "p", Epoch: "e"},
		{Conn: conn, Pipeline: "a.b", Epoch: "e"},
		{Conn: conn, Pipeline: "a/b", Epoch: "e"},
		{Conn: conn, Pipeline: "p", Epoch: ""},
		{Conn: conn, Pipeline: "p", Epoch: ">"},
		{Conn: conn, Pipeline: "p", Epoch: "e", Replicas: -1},
	} {
		if _, err := jetstore.Open(testContext(t), cfg); err == nil {
			t.Errorf("%+v: accepted", cfg)
		}
	}
}

func TestSupportedVersions(t *testing.T) {
	t.Parallel()
	for version, want := range map[string]bool{
		"2.15.2": true, "2.15.0": true, "2.16.0-dev": true, "3.0.0": true, "2.14.4": true, "2.12.15": true, "v2.15.1": true,
		"2.14.3": false, "2.12.14": false, "2.13.9": false, "2.11.99": false, "1.99.99": false, "": false, "2.15": false, "2.x.1": false,
	} {
		if got := jetstore.Supported(version); got != want {
			t.Errorf("%q: %v, want %v", version, got, want)
		}
	}
}

func settingsOf(t *testing.T, js jetstream.JetStream) jetstream.StreamConfig {
	t.Helper()
	stream, err := js.Stream(testContext(t), "KV_calm_p")
	if err != nil {
		t.Fatal(err)
	}
	return stream.CachedInfo().Config
}

func transform() *jetstream.SubjectTransformConfig {
	return &jetstream.SubjectTransformConfig{Source: "$KV.calm_p.a", Destination: "$KV.calm_p.b"}
}

// connDenied connects to a server that lets everybody do everything but publish to one subject.
func connDenied(t *testing.T, subject string) *nats.Conn {
	t.Helper()
	s := natstest.Run(t, func(o *server.Options) {
		o.Users = []*server.User{{Username: "u", Password: "p", Permissions: &server.Permissions{
			Publish: &server.SubjectPermission{Allow: []string{">"}, Deny: []string{subject}},
		}}}
	})
	return s.Conn(t, nats.UserInfo("u", "p"), nats.ErrorHandler(func(*nats.Conn, *nats.Subscription, error) {}))
}

// oldServer pretends to be a server of 2.11 whose JetStream has no bucket yet. It lives until its client leaves.
func oldServer(t *testing.T) (url string) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		serveOld(conn)
	}()
	return "nats://" + listener.Addr().String()
}

func serveOld(conn net.Conn) {
	_, _ = fmt.Fprint(conn, `INFO {"server_id":"OLD","version":"2.11.9","proto":1,"headers":true,"max_payload":1048576,"jetstream":true,"api_lvl":1}`+"\r\n")
	const missing = `{"error":{"code":404,"err_code":10059,"description":"stream not found"}}`
	lines := newLines(conn)
	for {
		words, ok := lines.next()
		if !ok {
			return
		}
		switch words[0] {
		case "PING":
			_, _ = fmt.Fprint(conn, "PONG\r\n")
		case "PUB": // PUB subject reply size
			if !lines.skip(1) {
				return
			}
			_, _ = fmt.Fprintf(conn, "MSG %s 1 %d\r\n%s\r\n", words[2], len(missing), missing)
		}
	}
}
