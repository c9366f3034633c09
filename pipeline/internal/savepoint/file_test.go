package savepoint_test

import (
	"bytes"
	"encoding/hex"
	"errors"
	"flag"
	"os"
	"reflect"
	"strings"
	"testing"

	"github.com/calmstream/calmstream/pipeline/internal/checkpoint"
	"github.com/calmstream/calmstream/pipeline/internal/savepoint"
)

var rewrite = flag.Bool("rewrite", false, "write the golden file instead of comparing with it")

// sample has a part of each kind.
func sample(t testing.TB) []savepoint.Part {
	t.Helper()
	var w checkpoint.SegmentWriter
	if err := w.Add([]byte("entry")); err != nil {
		t.Fatal(err)
	}
	seg := w.Finish("s1", true)
	id := checkpoint.ShardID{Stage: "counts", Shard: 300}
	return []savepoint.Part{
		savepoint.Header{Pipeline: "words", Epoch: "e1"},
		savepoint.Chunk{ID: id, Segment: "s1", Data: seg.Chunks[0]},
		savepoint.Range{First: 7, Last: 9},
		savepoint.Message{Seq: 8, Subject: "calm.x.words.e1.counts.0", Header: []savepoint.Field{{Name: "A", Value: "b"}}, Data: []byte("record")},
		savepoint.Record{Key: "start", Value: []byte("{}")},
		savepoint.Fence{ID: id, Fence: checkpoint.Fence{
			Writer: "w", Commit: 2, Position: checkpoint.Position{Incarnation: 5, Seq: 7, LastSeq: 6, LastTime: 4},
			Segments: []checkpoint.SegmentRef{seg.Ref}, Meta: []byte{1},
		}},
	}
}

func file(t testing.TB, parts []savepoint.Part) []byte {
	t.Helper()
	var out bytes.Buffer
	w, err := savepoint.NewWriter(&out)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range parts {
		if err := w.Write(p); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if w.Bytes() != int64(out.Len()) {
		t.Errorf("%d bytes were counted of %d", w.Bytes(), out.Len())
	}
	return out.Bytes()
}

// read reads a file to its end.
func read(data []byte) (parts []savepoint.Part, err error) {
	r, err := savepoint.NewReader(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	for {
		p, err := r.Next()
		if err != nil {
			return parts, err
		}
		if _, end := p.(savepoint.End); end {
			return parts, nil
		}
		parts = append(parts, p)
	}
}

func TestFileRoundTrip(t *testing.T) {
	t.Parallel()
	want := sample(t)
	got, err := read(file(t, want))
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, %v; want %+v", got, err, want)
	}
}

func TestGolden(t *testing.T) {
	t.Parallel()
	const name = "testdata/savepoint-v1.hex"
	data := file(t, sample(t))
	if *rewrite {
		var text strings.Builder
		for rest := data; len(rest) > 0; {
			n := min(32, len(rest))
			text.WriteString(hex.EncodeToString(rest[:n]) + "\n")
			rest = rest[n:]
		}
		if err := os.WriteFile(name, []byte(text.String()), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	want, err := hex.DecodeString(strings.Join(strings.Fields(string(text)), ""))
	if err != nil || !bytes.Equal(data, want) {
		t.Errorf("the format has changed (%v); a new format needs a new version and a new file", err)
	}
	if _, err := read(want); err != nil {
		t.Error(err)
	}
}

// Every byte that is changed, and every byte at which the file ends early, is found where it is.
func TestDamageIsFoundWhereItIs(t *testing.T) {
	t.Parallel()
	good := file(t, sample(t))
	for i := range good {
		bad := bytes.Clone(good)
		bad[i] ^= 0x10
		_, err := read(bad)
		var damaged *savepoint.DamagedError
		switch {
		case i == 8: // the version
			if err == nil || errors.Is(err, savepoint.ErrDamaged) || !strings.Contains(err.Error(), "version 17") {
				t.Errorf("another version: %v", err)
			}
		case !errors.As(err, &damaged) || !errors.Is(err, savepoint.ErrDamaged):
			t.Errorf("byte %d is changed: %v", i, err)
		case int64(i) < damaged.From || int64(i) >= damaged.To && damaged.Reason != "the checksum does not hold" && damaged.To < int64(len(good)):
			t.Errorf("byte %d is changed: found in %d to %d (%s)", i, damaged.From, damaged.To, damaged.Reason)
		}
		if _, err := read(good[:i]); !errors.As(err, &damaged) || damaged.To != int64(i) {
			t.Errorf("the file ends at %d: %v", i, err)
		}
	}
	if _, err := read(append(bytes.Clone(good), 0)); !errors.Is(err, savepoint.ErrDamaged) {
		t.Errorf("the file goes on: %v", err)
	}
}

// Parts that are whole, but missing, doubled or in another order, are found too.
func TestPartsKeepTheirPlaces(t *testing.T) {
	t.Parallel()
	parts := sample(t)
	good, shorter := file(t, parts), file(t, parts[:len(parts)-1])
	short := file(t, parts[:len(parts)-2])
	begin := len(short) - 10                                                // where the last but one begins
	without := append(bytes.Clone(good[:begin]), good[len(shorter)-10:]...) // it is missing
	doubled := append(bytes.Clone(good[:len(shorter)-10]), good[begin:]...) // it comes twice
	for name, bad := range map[string][]byte{"missing": without, "doubled": doubled} {
		if _, err := read(bad); !errors.Is(err, savepoint.ErrDamaged) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, bad := range map[string][]byte{
		"no header":   file(t, parts[1:]),
		"two headers": file(t, append(parts[:1:1], parts...)),
	} {
		if _, err := read(bad); !errors.Is(err, savepoint.ErrDamaged) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// What is read is written again as it was; everything else is refused, without more memory than there are bytes.
func FuzzReader(f *testing.F) {
	good := file(f, sample(f))
	f.Add(good)
	f.Add(good[:len(good)/2])
	f.Add(append(bytes.Clone(good[:9]), 2, 0xff, 0xff, 0xff, 0x1f))
	f.Fuzz(func(t *testing.T, data []byte) {
		parts, err := read(data)
		if err == nil && !bytes.Equal(file(t, parts), data) {
			t.Error("two files mean the same")
		}
	})
}
