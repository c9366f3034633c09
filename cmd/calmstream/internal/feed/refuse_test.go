package feed_test

import (
	"errors"
	"fmt"
	"io"
	"reflect"
	"strings"
	"testing"

	"github.com/calmstream/calmstream/cmd/calmstream/internal/feed"
	"github.com/nats-io/nats.go/jetstream"
)

func TestDifferentInputIsRefused(t *testing.T) {
	t.Parallel()
	text := prose(1, 400_000) // 7 chunks
	at := func(i int) string { return text[:i] + "*" + text[i+1:] }
	for name, c := range map[string]struct {
		inputs []string
		want   string // in the error, for a stream that is complete
	}{
		"the first chunk":     {[]string{at(0)}, `chunk 0, in input "text0" at or after byte offset 0`},
		"a middle chunk":      {[]string{at(3*feed.ChunkTarget + 1000)}, `chunk 3, in input "text0" at or after byte offset 196608`},
		"the last chunk":      {[]string{at(len(text) - 1)}, `chunk 6, in input "text0" at or after byte offset 393216`},
		"a byte more":         {[]string{text + " "}, "chunk 6, "},
		"a byte less":         {[]string{text[:len(text)-1]}, "chunk 6, "},
		"a file more":         {[]string{text, "", "more"}, `ends after 7 chunks, and this one goes on with chunk 7, in input "text2" at or after byte offset 0`},
		"far longer":          {[]string{text, prose(2, 900_000)}, "ends after 7 chunks, and this one goes on with chunk 7, "},
		"chunks less":         {[]string{text[:len(model("", 1, text)[0].Data)]}, "this input ends after 1 chunks"},
		"nothing":             {nil, "this input ends after 0 chunks"},
		"cut at another file": {[]string{text[:1000], text[1000:]}, "chunk 0, "},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			b.mustFeed(t, texts(text))
			b.refused(t, c.inputs, "WORDS", c.want, "--run", "--store")
		})
	}
}

// refused feeds texts and wants to be told that they are different, in these words, and that nothing was stored.
func (b *bundle) refused(t *testing.T, inputs []string, words ...string) {
	t.Helper()
	before := b.content(t)
	_, err := b.feed(t, texts(inputs...))
	if !errors.Is(err, feed.ErrDifferentInput) {
		t.Fatalf("got error %v", err)
	}
	for _, word := range words {
		if !strings.Contains(err.Error(), word) {
			t.Errorf("%q is not in the error %q", word, err)
		}
	}
	b.wantContent(t, before)
}

// counter counts what is read.
type counter struct {
	from io.Reader
	n    int
}

func (c *counter) Read(p []byte) (int, error) {
	n, err := c.from.Read(p)
	c.n += n
	return n, err
}

// An input that has nothing to do with the stream is not read to its end.
func TestDifferentInputIsRefusedSoon(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.mustFeed(t, texts(prose(1, 3_000_000)))
	other := &counter{from: strings.NewReader(prose(2, 3_000_000))}
	if _, err := b.feed(t, []feed.Input{input("other", func() io.Reader { return other })}); !errors.Is(err, feed.ErrDifferentInput) {
		t.Fatalf("got error %v", err)
	}
	if other.n > 4*feed.ChunkTarget {
		t.Errorf("%d bytes were read", other.n)
	}
}

// A stream that was left half fed refuses what differs from its part, whatever its length.
func TestDifferentInputIsRefusedHalfway(t *testing.T) {
	t.Parallel()
	text := prose(1, 400_000)
	for n := range uint64(6) {
		t.Run(fmt.Sprint(n+1), func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			b.feedUntil(t, n+1, texts(text))
			for _, i := range []uint64{0, n / 2, n} { // a difference in a chunk that is stored
				other := []byte(text)
				other[int(i)*(feed.ChunkTarget+20)] ^= 1
				b.refused(t, []string{string(other)}, fmt.Sprintf("chunk %d,", i))
			}
			b.refused(t, []string{""}, "this input ends after 0 chunks")
			b.mustFeed(t, texts(text))
			b.wantContent(t, model("words.in", 3, text))
		})
	}
}

func TestStreamsOfAnotherLayoutAreRefused(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change func(*jetstream.StreamConfig)
		want   string
	}{
		"shards":   {func(c *jetstream.StreamConfig) { c.Metadata["calm-feed-shards"] = "5" }, "fed for 5 shards, and this run is for 3; use --shards 5, or another --run"},
		"format":   {func(c *jetstream.StreamConfig) { c.Metadata["calm-feed-format"] = "2" }, "its format is 2, and this program knows format 1; delete or restore it, or use another --run"},
		"no feed":  {func(c *jetstream.StreamConfig) { c.Metadata = nil }, "it was made by something else than a feed; delete or restore it, or use another --run"},
		"subjects": {func(c *jetstream.StreamConfig) { c.Subjects = []string{"other.*"} }, `["other.*"]`},
		"ageing":   {func(c *jetstream.StreamConfig) { c.MaxAge = 1e12 }, "limits let messages disappear"},
		"dropping": {func(c *jetstream.StreamConfig) { c.Discard = jetstream.DiscardOld }, "limits let messages disappear"},
		"mapping": {func(c *jetstream.StreamConfig) {
			c.SubjectTransform = &jetstream.SubjectTransformConfig{Source: "words.in.*", Destination: "words.in.{{wildcard(1)}}"}
		}, "changes their subjects"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			b.feedUntil(t, 0, nil)
			b.recreate(t, c.change)
			_, err := b.feed(t, texts("text"))
			if !errors.Is(err, feed.ErrLayout) || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), "--run") {
				t.Errorf("got error %v", err)
			}
			if got := b.content(t); len(got) > 0 {
				t.Errorf("%d messages were stored", len(got))
			}
		})
	}
}

// recreate deletes the stream and makes it again with a configuration that was changed.
func (b *bundle) recreate(t *testing.T, change func(*jetstream.StreamConfig)) {
	t.Helper()
	stream, err := b.js.Stream(t.Context(), b.config.Stream)
	if err != nil {
		t.Fatal(err)
	}
	config := stream.CachedInfo().Config
	change(&config)
	if err := b.js.DeleteStream(t.Context(), config.Name); err != nil {
		t.Fatal(err)
	}
	if _, err := b.js.CreateStream(t.Context(), config); err != nil {
		t.Fatal(err)
	}
}

func TestMessagesOfOthersAreRefused(t *testing.T) {
	t.Parallel()
	text := prose(1, 100_000)
	t.Run("in the middle", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		b.feedUntil(t, 1, texts(text))
		b.publish(t)
		if _, err := b.feed(t, texts(text)); !errors.Is(err, feed.ErrLayout) || !strings.Contains(err.Error(), "message 2 has no Calm-Digest") {
			t.Errorf("got error %v", err)
		}
	})
	t.Run("behind the end", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		b.mustFeed(t, texts(text))
		b.publish(t)
		if _, err := b.feed(t, texts(text)); !errors.Is(err, feed.ErrLayout) || !strings.Contains(err.Error(), "holds 6 messages, and all of the input is 5") {
			t.Errorf("got error %v", err)
		}
	})
}

func (b *bundle) publish(t *testing.T) {
	t.Helper()
	if _, err := b.js.Publish(t.Context(), b.config.Subject+".0", []byte("from elsewhere")); err != nil {
		t.Fatal(err)
	}
}

func TestMessagesCannotBeRemoved(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.mustFeed(t, texts("text"))
	stream, err := b.js.Stream(t.Context(), b.config.Stream)
	if err != nil {
		t.Fatal(err)
	}
	if err := stream.Purge(t.Context()); err == nil {
		t.Error("the stream was purged")
	}
	if err := stream.DeleteMsg(t.Context(), 1); err == nil {
		t.Error("a message was deleted")
	}
}

func TestTrimmedStreamsAreRefused(t *testing.T) {
	t.Parallel()
	b := setup(t)
	text := prose(1, 200_000)
	b.mustFeed(t, texts(text))
	stream, err := b.js.Stream(t.Context(), b.config.Stream)
	if err != nil {
		t.Fatal(err)
	}
	whole := stream.CachedInfo().Config
	trimmed := whole
	trimmed.MaxMsgs, trimmed.Discard = 3, jetstream.DiscardOld
	for _, config := range []jetstream.StreamConfig{trimmed, whole} {
		if _, err := b.js.UpdateStream(t.Context(), config); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := b.feed(t, texts(text)); !errors.Is(err, feed.ErrNotWhole) || !strings.Contains(err.Error(), "from sequence 5 to 7") {
		t.Errorf("got error %v", err)
	}
}

func TestStreamsThatVanishAreNoticed(t *testing.T) {
	t.Parallel()
	text := prose(1, 400_000)
	for name, remake := range map[string]bool{"deleted": false, "made again": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			done := false
			b.config.Progress = func(p feed.Progress) {
				if p.Stored != 3 || done {
					return
				}
				done = true
				if remake {
					b.recreate(t, func(*jetstream.StreamConfig) {})
				} else if err := b.js.DeleteStream(t.Context(), b.config.Stream); err != nil {
					t.Error(err)
				}
			}
			_, err := b.feed(t, texts(text))
			if !errors.Is(err, feed.ErrNotWhole) || !strings.Contains(err.Error(), name) {
				t.Errorf("got error %v", err)
			}
			if err == nil || !strings.HasSuffix(err.Error(), "; restore the stream, or begin anew with another --run") { // a stream that is gone cannot be deleted
				t.Errorf("the advice is another one: %v", err)
			}
		})
	}
}

// What the stream was made with is what the package comment says, and nothing that lets messages go.
func TestTheStreamIsMadeAsDocumented(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.mustFeed(t, nil)
	stream, err := b.js.Stream(t.Context(), b.config.Stream)
	if err != nil {
		t.Fatal(err)
	}
	config := stream.CachedInfo().Config
	if !reflect.DeepEqual(config.Subjects, []string{"words.in.*"}) || config.Replicas != 1 || config.AllowDirect ||
		config.Metadata["calm-feed-format"] != "1" || config.Metadata["calm-feed-shards"] != "3" {
		t.Errorf("got %+v", config)
	}
}
