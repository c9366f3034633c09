package checkpoint_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/cespare/xxhash/v2"
	"pgregory.net/rapid"

	"github.com/calmstream/calmstream/pipeline/internal/checkpoint"
)

// drawEntry makes entries of all interesting sizes; their content is derived, so that drawing stays cheap.
func drawEntry(t *rapid.T, i int) []byte {
	size := rapid.OneOf(
		rapid.IntRange(0, 300),
		rapid.IntRange(60<<10, 140<<10),
		rapid.IntRange(checkpoint.ChunkTarget-20, checkpoint.ChunkTarget+20),
		rapid.Just(checkpoint.MaxEntry),
	).Draw(t, "size")
	return bytes.Repeat([]byte{byte(i + 1)}, size)
}

func TestSegmentRoundTrip(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var w checkpoint.SegmentWriter
		var want [][]byte
		for i := range rapid.IntRange(0, 12).Draw(t, "entries") {
			want = append(want, drawEntry(t, i))
			if err := w.Add(want[i]); err != nil {
				t.Fatal(err)
			}
		}
		seg := w.Finish("s1", true)
		var got [][]byte
		for i, chunk := range seg.Chunks {
			n := len(got)
			if err := checkpoint.Entries(chunk, func(e []byte) error { got = append(got, bytes.Clone(e)); return nil }); err != nil {
				t.Fatal(err)
			}
			if len(chunk) > checkpoint.ChunkTarget && len(got)-n != 1 {
				t.Fatalf("chunk %d has %d bytes and %d entries", i, len(chunk), len(got)-n)
			}
			if i > 0 && len(seg.Chunks[i-1])+len(got[n])+4 <= checkpoint.ChunkTarget {
				t.Fatalf("chunk %d was cut early: %d bytes before an entry of %d", i-1, len(seg.Chunks[i-1]), len(got[n]))
			}
		}
		if !slices.EqualFunc(got, want, bytes.Equal) {
			t.Fatalf("got %d entries, want %d", len(got), len(want))
		}
		all := bytes.Join(seg.Chunks, nil)
		if ref := (checkpoint.SegmentRef{ID: "s1", Chunks: len(seg.Chunks), Bytes: int64(len(all)), Digest: xxhash.Sum64(all), Base: true}); seg.Ref != ref {
			t.Fatalf("got reference %+v, want %+v", seg.Ref, ref)
		}
	})
}

func TestSegmentWriterCopiesAndEmpties(t *testing.T) {
	t.Parallel()
	var w checkpoint.SegmentWriter
	entry := []byte("abc")
	if err := w.Add(entry); err != nil {
		t.Fatal(err)
	}
	entry[0] = 'x'
	first := w.Finish("a", false)
	err := checkpoint.Entries(first.Chunks[0], func(e []byte) error {
		if string(e) != "abc" {
			t.Errorf("the writer kept the caller's memory: %q", e)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if second := w.Finish("b", false); len(second.Chunks) != 0 || second.Ref.Chunks != 0 || second.Ref.Bytes != 0 {
		t.Errorf("Finish left something behind: %+v", second.Ref)
	}
}

func TestSegmentRefusesLongEntry(t *testing.T) {
	t.Parallel()
	var w checkpoint.SegmentWriter
	err := w.Add(make([]byte, checkpoint.MaxEntry+1))
	if err == nil || !strings.Contains(err.Error(), fmt.Sprint(checkpoint.MaxEntry+1)) {
		t.Errorf("got %v, want an error that names the size", err)
	}
	if seg := w.Finish("a", false); len(seg.Chunks) != 0 {
		t.Errorf("a refused entry was written")
	}
}

func TestEntriesDamageIsNoticed(t *testing.T) {
	t.Parallel()
	good := sampleSegment(t).Chunks[0]
	none := func([]byte) error { t.Error("an entry of a damaged chunk was delivered"); return nil }
	for i := range good {
		for _, bad := range [][]byte{flip(good, i), good[:i]} {
			if err := checkpoint.Entries(bad, none); !errors.Is(err, checkpoint.ErrDamaged) {
				t.Errorf("damage at byte %d: got %v", i, err)
			}
		}
	}
}

func TestEntriesHostile(t *testing.T) {
	t.Parallel()
	cases := map[string][]byte{
		"no entry":       {1},
		"long varint":    {1, 0x80, 0},
		"beyond the end": {1, 5, 'a'},
		"huge entry":     append([]byte{1}, binary.AppendUvarint(nil, 1<<63)...),
		"newer version":  {2, 0},
		"over the limit": append(binary.AppendUvarint([]byte{1}, checkpoint.MaxEntry+1), make([]byte, checkpoint.MaxEntry+1)...),
	}
	for name, body := range cases {
		if err := checkpoint.Entries(withHash(body), func([]byte) error { return nil }); !errors.Is(err, checkpoint.ErrDamaged) {
			t.Errorf("%s: got %v, want ErrDamaged", name, err)
		}
	}
}

func TestEntriesReturnsTheErrorOfEach(t *testing.T) {
	t.Parallel()
	stop, calls := errors.New("stop"), 0
	err := checkpoint.Entries(sampleSegment(t).Chunks[0], func([]byte) error { calls++; return stop })
	if !errors.Is(err, stop) || calls != 1 {
		t.Errorf("got %v after %d calls", err, calls)
	}
}

func TestSegmentCheck(t *testing.T) {
	t.Parallel()
	seg := sampleSegment(t)
	change := map[string]func(*checkpoint.SegmentRef){
		"chunks": func(r *checkpoint.SegmentRef) { r.Chunks++ },
		"bytes":  func(r *checkpoint.SegmentRef) { r.Bytes++ },
		"digest": func(r *checkpoint.SegmentRef) { r.Digest++ },
	}
	for name, f := range change {
		ref := seg.Ref
		f(&ref)
		check := checkpoint.NewSegmentCheck(ref)
		check.Add(seg.Chunks[0])
		if err := check.Done(); !errors.Is(err, checkpoint.ErrDamaged) {
			t.Errorf("a wrong number of %s was not noticed: %v", name, err)
		}
	}
}

func TestSegmentGolden(t *testing.T) {
	t.Parallel()
	seg := sampleSegment(t)
	golden(t, "chunk_v1.hex", seg.Chunks[0])
	if want := xxhash.Sum64(readGolden(t, "chunk_v1.hex")); seg.Ref.Digest != want {
		t.Errorf("digest %016x, want %016x", seg.Ref.Digest, want)
	}
}

func FuzzEntries(f *testing.F) {
	f.Add([]byte{1, 3, 'a', 'b', 'c', 0})
	f.Add([]byte{1, 0x80, 1})
	f.Fuzz(func(t *testing.T, body []byte) {
		for _, chunk := range [][]byte{body, withHash(body)} {
			var entries [][]byte
			if err := checkpoint.Entries(chunk, func(e []byte) error { entries = append(entries, e); return nil }); err != nil {
				continue
			}
			again := []byte{1}
			for _, e := range entries {
				again = append(binary.AppendUvarint(again, uint64(len(e))), e...)
			}
			if !bytes.Equal(withHash(again), chunk) {
				t.Fatalf("%x holds entries that are written as %x", chunk, withHash(again))
			}
		}
	})
}

func sampleSegment(t *testing.T) checkpoint.Segment {
	t.Helper()
	var w checkpoint.SegmentWriter
	for _, e := range []string{"key=value", "", strings.Repeat("x", 130)} {
		if err := w.Add([]byte(e)); err != nil {
			t.Fatal(err)
		}
	}
	return w.Finish("40-w7Qk-1", true)
}
