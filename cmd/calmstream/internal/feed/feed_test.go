package feed_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/calmstream/calmstream/cmd/calmstream/internal/feed"
	"github.com/calmstream/calmstream/internal/natstest"
	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
)

func TestTheStreamIsTheInput(t *testing.T) {
	t.Parallel()
	for name, inputs := range map[string][]string{
		"none":                 nil,
		"empty":                {""},
		"one word":             {"word"},
		"several":              {prose(1, 200_000), "tail without newline", "", prose(2, 70_000)},
		"fewer than shards":    {"a", "b"},
		"as many as shards":    {"a", "b", "c"},
		"exactly at the cut":   {strings.Repeat(" ", 2*feed.ChunkTarget)},
		"one beyond the cut":   {strings.Repeat(" ", feed.ChunkTarget) + "x"},
		"no word for a chunk":  {strings.Repeat("\xff", 3*feed.ChunkTarget)},
		"the longest of words": {strings.Repeat("é", feed.WordLimit/2) + " " + prose(3, 100_000)},
	} {
		for _, shards := range []int{1, 3} {
			t.Run(fmt.Sprintf("%s/%d", name, shards), func(t *testing.T) {
				t.Parallel()
				b := setup(t)
				b.config.Shards = shards
				result := b.mustFeed(t, texts(inputs...))
				want := model("words.in", shards, inputs...)
				b.wantContent(t, want)
				size := int64(len(strings.Join(inputs, "")))
				if result != (feed.Result{Chunks: uint64(len(want) - shards), Bytes: size, Digest: want[len(want)-1].Digest}) {
					t.Errorf("got %+v for %d bytes", result, size)
				}
			})
		}
	}
}

// The digests are part of what is stored, so they must stay as they are.
func TestDigestsOfFormat1(t *testing.T) {
	t.Parallel()
	b := setup(t)
	result := b.mustFeed(t, texts("Hello, wörld\n", prose(1, 70_000)))
	if want := "3db215e1d54b909ed6a8480199209fdc534fdc5d4469bc9ed97e5fcba9dc7d86"; result.Digest != want {
		t.Errorf("got digest %s, want %s", result.Digest, want)
	}
}

func TestFeedingAgainOnlyCompares(t *testing.T) {
	t.Parallel()
	b := setup(t)
	inputs := texts(prose(1, 400_000), prose(2, 50_000))
	first := b.mustFeed(t, inputs)
	again := b.mustFeed(t, inputs)
	if first.Skipped != 0 || again.Skipped != first.Chunks {
		t.Errorf("the first feed skipped %d chunks and the second %d of %d", first.Skipped, again.Skipped, first.Chunks)
	}
	again.Skipped = 0
	if again != first {
		t.Errorf("the second result is %+v, the first %+v", again, first)
	}
	b.wantContent(t, model("words.in", 3, prose(1, 400_000), prose(2, 50_000)))
}

func TestFeedingGoesOnWhereverItStopped(t *testing.T) {
	t.Parallel()
	text := prose(1, 400_000)
	want := model("words.in", 3, text)
	b := setup(t)
	for n := range uint64(len(want) + 1) {
		b.config.Stream, b.config.Subject = fmt.Sprintf("WORDS%d", n), fmt.Sprintf("words.in.%d", n)
		b.feedUntil(t, n, texts(text))
		result := b.mustFeed(t, texts(text))
		if skipped := min(n, result.Chunks); result.Skipped != skipped {
			t.Errorf("stopped at message %d: %d chunks were skipped, want %d", n, result.Skipped, skipped)
		}
		b.wantContent(t, model(b.config.Subject, 3, text))
	}
}

func TestProgressNeverGoesBack(t *testing.T) {
	t.Parallel()
	b := setup(t)
	text := prose(1, 300_000)
	b.feedUntil(t, 2, texts(text))
	var last feed.Progress
	b.config.Progress = func(p feed.Progress) {
		if p.Bytes < last.Bytes || p.Chunks < last.Chunks || p.Stored < last.Stored {
			t.Errorf("progress went from %+v to %+v", last, p)
		}
		last = p
	}
	result := b.mustFeed(t, texts(text))
	if last != (feed.Progress{Bytes: result.Bytes, Chunks: result.Chunks, Stored: result.Chunks + 3}) {
		t.Errorf("the last progress is %+v, the result %+v", last, result)
	}
}

func TestFilesAndStandardInputAreRead(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "a.txt")
	text := prose(1, 100_000)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	b := setup(t)
	b.mustFeed(t, []feed.Input{feed.File(path)})
	b.wantContent(t, model("words.in", 3, text))
	if got := feed.File("-").Name; got != "standard input" {
		t.Errorf("- is called %q", got)
	}

	missing := feed.File(filepath.Join(t.TempDir(), "missing.txt"))
	if _, err := b.feed(t, []feed.Input{missing}); !errors.Is(err, os.ErrNotExist) || !strings.Contains(err.Error(), missing.Name) {
		t.Errorf("a missing file: got error %v", err)
	}
}

// A pipe hands out what was written in pieces, and feeding waits for it.
func TestInputThatTrickles(t *testing.T) {
	t.Parallel()
	b := setup(t)
	text := prose(1, 200_000)
	from, to := io.Pipe()
	go func() {
		for i := 0; i < len(text); i += 777 {
			if _, err := io.WriteString(to, text[i:min(i+777, len(text))]); err != nil {
				return
			}
		}
		_ = to.Close()
	}()
	b.mustFeed(t, []feed.Input{{Name: "pipe", Open: func() (io.ReadCloser, error) { return from, nil }}})
	b.wantContent(t, model("words.in", 3, text))
}

// endless is text that goes on until it is closed.
type endless struct {
	text   io.Reader
	waits  func()
	closed chan struct{}
	after  error // of a Read that was closed
}

func (e endless) Read(p []byte) (int, error) {
	n, err := e.text.Read(p)
	if errors.Is(err, io.EOF) {
		e.waits()
		<-e.closed
		err = e.after
	}
	return n, err
}

func (e endless) Close() error {
	close(e.closed)
	return nil
}

// The end of the context ends a Read that waits for input. What was read is then not taken for a chunk, and not for
// all of the input, even where the reader looks as if it had ended.
func TestStoppingWhileInputIsAwaited(t *testing.T) {
	t.Parallel()
	for _, size := range []int{100, 100_000, 150_000} {
		for _, after := range []error{io.EOF, io.ErrClosedPipe} {
			t.Run(fmt.Sprint(size, after), func(t *testing.T) {
				t.Parallel()
				b := setup(t)
				text := prose(1, size)
				ctx, cancel := context.WithCancel(t.Context())
				b.config.Inputs = []feed.Input{{Name: "endless", Open: func() (io.ReadCloser, error) {
					return endless{text: strings.NewReader(text), waits: cancel, closed: make(chan struct{}), after: after}, nil
				}}}
				if _, err := feed.Feed(ctx, b.conn, b.config); !errors.Is(err, context.Canceled) {
					t.Fatalf("got error %v", err)
				}
				if err := b.conn.Flush(); err != nil { // a message may have been on its way
					t.Fatal(err)
				}
				got := b.content(t)
				if most := size / feed.ChunkTarget; len(got) > most {
					t.Fatalf("%d messages are stored, and only %d chunks have an end", len(got), most)
				}
				b.mustFeed(t, texts(text+" and more"))
				b.wantContent(t, model("words.in", 3, text+" and more"))
			})
		}
	}
}

func TestWordsThatAreTooLongAreRefused(t *testing.T) {
	t.Parallel()
	b := setup(t)
	begin := prose(1, 100_000) + " "
	_, err := b.feed(t, texts("first", begin+strings.Repeat("x", feed.WordLimit+1)))
	var tooLong *feed.LongWordError
	if !errors.As(err, &tooLong) || *tooLong != (feed.LongWordError{Input: "text1", Offset: int64(len(begin)), Limit: feed.WordLimit}) {
		t.Fatalf("got error %v", err)
	}
	for i, m := range b.content(t) {
		if m.Seal != "" {
			t.Errorf("message %d is an end marker", i+1)
		}
	}
}

func TestFeedingGoesOnAfterAReadError(t *testing.T) {
	t.Parallel()
	b := setup(t)
	text, broken := prose(1, 200_000), errors.New("the disk is on fire")
	begin := strings.NewReader(text[:150_000])
	_, err := b.feed(t, []feed.Input{input("disk", func() io.Reader { return io.MultiReader(begin, iotest.ErrReader(broken)) })})
	if !errors.Is(err, broken) || !strings.Contains(err.Error(), `"disk" at byte offset 150000`) {
		t.Fatalf("got error %v", err)
	}
	if result := b.mustFeed(t, texts(text)); result.Skipped != 2 {
		t.Errorf("%d chunks were skipped, want 2", result.Skipped)
	}
	b.wantContent(t, model("words.in", 3, text))
}

func TestBadConfigurations(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for name, change := range map[string]func(*feed.Config){
		"no stream":         func(c *feed.Config) { c.Stream = "" },
		"stream with a dot": func(c *feed.Config) { c.Stream = "a.b" },
		"no subject":        func(c *feed.Config) { c.Subject = "" },
		"wildcard":          func(c *feed.Config) { c.Subject = "a.*" },
		"empty token":       func(c *feed.Config) { c.Subject = "a." },
		"no shards":         func(c *feed.Config) { c.Shards = 0 },
		"replicas":          func(c *feed.Config) { c.Replicas = -1 },
		"patience":          func(c *feed.Config) { c.Patience = -1 },
		"no Open":           func(c *feed.Config) { c.Inputs = []feed.Input{{Name: "x"}} },
	} {
		config := b.config
		change(&config)
		if _, err := feed.Feed(t.Context(), b.conn, config); !errors.Is(err, feed.ErrConfig) {
			t.Errorf("%s: got error %v", name, err)
		}
	}
}

func TestTheServerMustTakeChunks(t *testing.T) {
	t.Parallel()
	small := natstest.Run(t, func(o *server.Options) { o.MaxPayload = 60_000 })
	config := config()
	config.Inputs = texts(prose(1, 100_000))
	_, err := feed.Feed(t.Context(), small.Conn(t), config)
	if !errors.Is(err, nats.ErrMaxPayload) || !strings.Contains(err.Error(), "60000") {
		t.Errorf("got error %v", err)
	}
}
