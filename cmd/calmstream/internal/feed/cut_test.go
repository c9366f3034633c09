package feed_test

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/calmstream/calmstream/cmd/calmstream/internal/feed"
	"pgregory.net/rapid"
)

// fragments hands out text in pieces of the given sizes, over and over; 0 is a Read that returns nothing.
type fragments struct {
	text    []byte
	sizes   []int
	next    int
	withEOF bool // the last piece comes together with io.EOF
}

func (f *fragments) Read(p []byte) (int, error) {
	size := f.sizes[f.next%len(f.sizes)]
	f.next++
	n := copy(p, f.text[:min(size, len(f.text))])
	f.text = f.text[n:]
	if len(f.text) == 0 && (f.withEOF || n == 0) {
		return n, io.EOF
	}
	return n, nil
}

// long are texts whose interesting places are near where chunks end.
var long = rapid.Custom(func(t *rapid.T) []byte {
	piece := rapid.SampledFrom([]string{
		"a", "Z9", " ", "ab ", "é", "中", "𐐀", "—", "\xff", "\xe2\x82", "\xf0\x90", "\u0301", "_", "\r\n", "😀",
	})
	size := rapid.OneOf(
		rapid.IntRange(0, 9),
		rapid.IntRange(feed.ChunkTarget-9, feed.ChunkTarget+9),
		rapid.IntRange(feed.WordLimit-9, feed.WordLimit+9),
		rapid.IntRange(0, 2*feed.ChunkTarget),
	)
	var text []byte
	for range rapid.IntRange(0, 5).Draw(t, "runs") {
		run := piece.Draw(t, "piece")
		text = append(text, strings.Repeat(run, size.Draw(t, "size")/len(run))...)
		text = append(text, piece.Draw(t, "separator")...)
	}
	return text
})

// check compares what was cut with the model, error and all.
func check(t rapid.TB, text []byte, got [][]byte, err error) {
	t.Helper()
	want, badWord := modelCut(text)
	if !slices.EqualFunc(got, want, bytes.Equal) {
		t.Fatalf("%d bytes were cut into %d chunks, want %d, or they differ: %v", len(text), len(got), len(want), err)
	}
	var tooLong *feed.LongWordError
	switch {
	case badWord < 0 && err != nil:
		t.Fatalf("unexpected error: %v", err)
	case badWord >= 0 && (!errors.As(err, &tooLong) || tooLong.Offset != int64(badWord) || tooLong.Input != "it" || tooLong.Limit != feed.WordLimit):
		t.Fatalf("a word that is too long begins at %d; got error %v", badWord, err)
	}
	for i, chunk := range got {
		if len(chunk) == 0 || len(chunk) > feed.ChunkTarget+feed.WordLimit+3 {
			t.Fatalf("chunk %d has %d bytes", i, len(chunk))
		}
	}
}

func TestChunksDependOnTheBytesAlone(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		text := long.Draw(t, "text")
		from := &fragments{
			text:    text,
			sizes:   append(rapid.SliceOfN(rapid.IntRange(0, 70_000), 0, 8).Draw(t, "sizes"), rapid.IntRange(1, 70_000).Draw(t, "size")),
			withEOF: rapid.Bool().Draw(t, "withEOF"),
		}
		got, err := feed.Chunks("it", from)
		check(t, text, got, err)
	})
}

func TestChunksOfAwkwardReaders(t *testing.T) {
	t.Parallel()
	text := []byte(prose(1, 3*feed.ChunkTarget))
	for name, wrap := range map[string]func(io.Reader) io.Reader{
		"one byte":  iotest.OneByteReader,
		"half":      iotest.HalfReader,
		"data, err": iotest.DataErrReader,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := feed.Chunks("it", wrap(bytes.NewReader(text)))
			check(t, text, got, err)
			if len(got) < 3 {
				t.Fatalf("only %d chunks", len(got))
			}
		})
	}
}

func TestWordsAtTheLimit(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"longest":              strings.Repeat("a", feed.WordLimit),
		"longest, late":        strings.Repeat(" ", feed.ChunkTarget-1) + strings.Repeat("a", feed.WordLimit) + "😀",
		"too long":             strings.Repeat("a", feed.WordLimit+1),
		"too long, in chunk 2": strings.Repeat(" ", feed.ChunkTarget+5) + strings.Repeat("é", feed.WordLimit/2+1) + " x",
		"no word":              strings.Repeat("\xff", 5*feed.ChunkTarget),
		"torn at the target":   strings.Repeat("a", feed.ChunkTarget-1) + "é" + "😀 b",
		"torn at the end":      strings.Repeat("a", feed.ChunkTarget-1) + "\xe4\xb8",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := feed.Chunks("it", strings.NewReader(text))
			check(t, []byte(text), got, err)
		})
	}
}

func TestReadErrorsNameTheInput(t *testing.T) {
	t.Parallel()
	broken := errors.New("the disk is on fire")
	_, err := feed.Chunks("it", io.MultiReader(strings.NewReader("some text"), iotest.ErrReader(broken)))
	if !errors.Is(err, broken) || !strings.Contains(err.Error(), `"it" at byte offset 9`) {
		t.Errorf("got error %v", err)
	}
	_, err = feed.Chunks("it", stuck{})
	if !errors.Is(err, io.ErrNoProgress) {
		t.Errorf("a reader that returns nothing for ever: got error %v", err)
	}
}

// stuck returns nothing, and no error, for ever.
type stuck struct{}

func (stuck) Read([]byte) (int, error) { return 0, nil }

func FuzzChunks(f *testing.F) {
	f.Add([]byte("word "), uint32(70_000), uint16(7))
	f.Add([]byte("é\xff"), uint32(200_000), uint16(4096))
	f.Add([]byte("x"), uint32(300_000), uint16(1))
	f.Fuzz(func(t *testing.T, piece []byte, size uint32, step uint16) {
		if len(piece) == 0 || step == 0 {
			return
		}
		text := bytes.Repeat(piece, int(size%(6*feed.ChunkTarget))/len(piece)+1)
		got, err := feed.Chunks("it", &fragments{text: text, sizes: []int{int(step)}})
		check(t, text, got, err)
	})
}

func BenchmarkChunks(b *testing.B) {
	text := []byte(prose(1, 8<<20))
	b.ReportAllocs()
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		if _, err := feed.Chunks("it", bytes.NewReader(text)); err != nil {
			b.Fatal(err)
		}
	}
}
