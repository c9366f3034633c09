package main_test

import (
	"context"
	"io"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/calmstream/calmstream/cmd/calmstream/internal/feed"
	"github.com/calmstream/calmstream/internal/natstest"
	"github.com/calmstream/calmstream/pipeline/embedded"
	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
)

func TestInputsThatCannotBeRead(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	refused(t, nil, []string{"--input", filepath.Join(dir, "none")}, filepath.Join(dir, "none"), "no such file")
	refused(t, nil, []string{"--input", file(t, "words"), "--input", dir}, dir, "is a directory")
}

func TestStoresThatCannotBeUsed(t *testing.T) {
	t.Parallel()
	input := file(t, "words")
	t.Run("locked", func(t *testing.T) {
		t.Parallel()
		dir := t.TempDir()
		srv, err := embedded.Start(t.Context(), embedded.Config{Dir: dir})
		if err != nil {
			t.Fatal(err)
		}
		refused(t, nil, []string{"--input", input, "--store", dir}, "--store cannot be used: ", "in use", dir)
		srv.Close()
		count(t, nil, "--input", input, "--store", dir)
	})
	t.Run("a file", func(t *testing.T) {
		t.Parallel()
		refused(t, nil, []string{"--input", input, "--store", input}, "--store cannot be used: ", "is a file, and not a directory", input)
	})
	t.Run("below a file", func(t *testing.T) {
		t.Parallel()
		refused(t, nil, []string{"--input", input, "--store", filepath.Join(input, "dir")}, "--store cannot be used: ", input)
	})
	t.Run("read-only", func(t *testing.T) {
		t.Parallel()
		dir := t.TempDir()
		if os.Geteuid() == 0 { // who may write everywhere
			dir = "/proc"
		} else if err := os.Chmod(dir, 0o500); err != nil {
			t.Fatal(err)
		}
		refused(t, nil, []string{"--input", input, "--store", dir}, "--store cannot be used: ", dir, "cannot write")
	})
}

func TestServersThatCannotBeUsed(t *testing.T) {
	t.Parallel()
	input := file(t, "words")
	silent, err := net.Listen("tcp", "127.0.0.1:0") // takes connections and says nothing
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = silent.Close() })
	plain := natstest.Run(t, func(o *server.Options) { o.JetStream = false })
	closed := natstest.Run(t, func(o *server.Options) { o.Username, o.Password = "me", "sesame" })
	for _, c := range []struct {
		name, url string
		extra     []string
		want      []string
	}{
		{"nobody", "nats://me:hush@127.0.0.1:1", nil, []string{"127.0.0.1:1", "no NATS server answers", "; start one there, or correct --nats\n"}},
		{"nobody with a token", "hush@127.0.0.1:1,hush@127.0.0.1:2", nil, []string{"127.0.0.1:1, 127.0.0.1:2", "no NATS server answers", "; start one there, or correct --nats\n"}},
		{"silent", "nats://me:hush@" + silent.Addr().String(), nil, []string{silent.Addr().String(), "no NATS server answers", "; start one there, or correct --nats\n"}},
		{"no address", "nats://me:hush@127.0.0.1:x", nil, []string{"--nats is not an address"}},
		{"no JetStream", plain.URL(), nil, []string{"has no JetStream"}},
		{"wrong password", strings.Replace(closed.URL(), "://", "://me:hush@", 1), nil, []string{"does not accept these credentials", "; correct --creds, --nkey or the user and password in --nats\n"}},
		{"no credentials", plain.URL(), []string{"--creds", input + ".creds"}, []string{"the file of --creds cannot be read"}},
		{"no key", plain.URL(), []string{"--nkey", input}, []string{"holds no seed of an NKey"}},
		{"no certificates", plain.URL(), []string{"--tlsca", input}, []string{input}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			began := time.Now()
			refused(t, nil, append([]string{"--input", input, "--nats", c.url}, c.extra...), c.want...)
			if took := time.Since(began); took > 20*time.Second {
				t.Errorf("it took %v", took)
			}
			if _, _, said := tool(t, nil, "run", "wordcount", "--input", input, "--nats", c.url); strings.Contains(said, "hush") {
				t.Errorf("a secret was told: %s", said)
			}
		})
	}
}

func TestAPasswordIsAccepted(t *testing.T) {
	t.Parallel()
	srv := natstest.Run(t, func(o *server.Options) { o.Username, o.Password = "me", "sesame" })
	url := strings.Replace(srv.URL(), "://", "://me:sesame@", 1)
	same(t, count(t, nil, "--input", file(t, "words"), "--nats", url), "      1 words\n")
}

func TestARunKeepsItsInputAndItsShards(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	text := goSource(t, true, 300_000)
	want := count(t, nil, "--input", file(t, text), "--store", dir)
	refused(t, nil, []string{"--input", file(t, text+"more"), "--store", dir}, "WC_IN_wordcount", "another input", "--run")
	refused(t, nil, []string{"--input", file(t, text[1:]), "--store", dir}, "WC_IN_wordcount", "another input", "--run")
	refused(t, nil, []string{"--input", file(t, text), "--store", dir, "--shards", "3"}, "use --shards 4")
	same(t, count(t, nil, "--input", file(t, text), "--store", dir), want)
}

func TestStreamsThatAreLost(t *testing.T) {
	t.Parallel()
	text := goSource(t, true, 300_000)
	input := file(t, text)
	for _, stream := range []string{"WC_IN_wordcount", "WC_OUT_wordcount"} {
		t.Run(stream+" deleted", func(t *testing.T) {
			t.Parallel()
			srv := natstest.Run(t)
			count(t, nil, "--input", input, "--nats", srv.URL())
			if err := srv.JetStream(t).DeleteStream(t.Context(), stream); err != nil {
				t.Fatal(err)
			}
			refused(t, nil, []string{"--input", input, "--nats", srv.URL()}, "stream "+stream+" was deleted", "--run")
		})
	}
	t.Run("made again for another input", func(t *testing.T) {
		t.Parallel()
		srv := natstest.Run(t)
		count(t, nil, "--input", input, "--nats", srv.URL())
		other := file(t, text+"more")
		refeed(t, srv, other)
		refused(t, nil, []string{"--input", other, "--nats", srv.URL()}, "WC_IN_wordcount", "was created at", "; restore that stream, or begin anew with another --run\n")
	})
	t.Run("made again before the end", func(t *testing.T) {
		t.Parallel()
		srv := natstest.Run(t)
		stopHalfway(t, srv, text)
		refeed(t, srv, input)
		refused(t, nil, []string{"--input", input, "--nats", srv.URL()}, "WC_IN_wordcount", "was created at", "; restore that stream, or begin anew with another --run\n")
	})
}

// refeed replaces the stream of the input by one of the same kind.
func refeed(t *testing.T, srv *natstest.Server, path string) {
	t.Helper()
	if err := srv.JetStream(t).DeleteStream(t.Context(), "WC_IN_wordcount"); err != nil {
		t.Fatal(err)
	}
	config := feed.Config{Stream: "WC_IN_wordcount", Subject: "wc.wordcount.in", Shards: 4, Inputs: []feed.Input{feed.File(path)}}
	if _, err := feed.Feed(t.Context(), srv.Conn(t), config); err != nil {
		t.Fatal(err)
	}
}

// A stream that is lost while it is read and fed is told in one sentence, whoever notices first, and with the advice that
// the next start would give.
func TestStreamsThatAreLostMeanwhile(t *testing.T) {
	t.Parallel()
	text := goSource(t, true, 300_000)
	for name, more := range map[string]string{"at rest": "", "while it is fed": goSource(t, true, 2_000_000)} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv := natstest.Run(t)
			p, stdin := openEnded(t, srv, text)
			if err := srv.JetStream(t).DeleteStream(t.Context(), "WC_IN_wordcount"); err != nil {
				t.Fatal(err)
			}
			_, _ = io.WriteString(stdin, more) // it fails when the process has ended
			code, said := p.wait(), p.stderr.String()
			if code != 1 || p.stdout.Len() > 0 {
				t.Errorf("it ended with %d and printed %d bytes", code, p.stdout.Len())
			}
			want := "stream WC_IN_wordcount was deleted, and run wordcount has checkpoints that are about it; restore the stream, or begin anew with another --run\n"
			if why := sentences(said); len(why) != 1 || !strings.HasPrefix(why[0], "calmstream: a stream of the run is gone: ") || !strings.HasSuffix(why[0], want) {
				t.Errorf("want one sentence that ends with %q, got:\n%s", want, said)
			}
		})
	}
}

func TestIncompleteCountsAreAnError(t *testing.T) {
	t.Parallel()
	srv := natstest.Run(t)
	input := file(t, "words")
	want := count(t, nil, "--input", input, "--nats", srv.URL(), "--shards", "2")
	_, plan, _ := tool(t, nil, "explain", "wordcount", "--shards", "2")
	fingerprint := regexp.MustCompile(`fingerprint ([0-9a-f]{16})\n`).FindStringSubmatch(plan)
	if fingerprint == nil {
		t.Fatalf("there is no fingerprint in %s", plan)
	}
	letter := nats.NewMsg("calm.dead.wordcount.e" + fingerprint[1] + ".chunks.0.1.2.3.4")
	if _, err := srv.JetStream(t).PublishMsg(context.Background(), letter); err != nil {
		t.Fatal(err)
	}
	code, stdout, stderr := tool(t, nil, "run", "wordcount", "--input", input, "--nats", srv.URL(), "--shards", "2")
	if code != 1 || stdout != want || !strings.Contains(stderr, "1 records could not be used; they are in stream CALM_DLQ_wordcount") {
		t.Errorf("it ended with %d, printed %q and said: %s", code, stdout, stderr)
	}
}
