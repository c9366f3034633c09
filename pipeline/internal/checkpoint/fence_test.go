package checkpoint_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math"
	"reflect"
	"strings"
	"testing"

	"github.com/cespare/xxhash/v2"
	"pgregory.net/rapid"

	"github.com/calmstream/calmstream/pipeline/internal/checkpoint"
)

func sampleFence() checkpoint.Fence {
	return checkpoint.Fence{
		Writer:   "w7Qk",
		Commit:   300,
		Position: checkpoint.Position{Incarnation: 1790000000000000001, Seq: 65536, LastSeq: 65530, LastTime: -5},
		Done:     true,
		Segments: []checkpoint.SegmentRef{
			{ID: "40-w7Qk-1", Chunks: 200, Bytes: 52428800, Digest: 0x0123456789abcdef, Base: true},
			{ID: "80-w7Qk-2", Chunks: 1, Bytes: 17, Digest: math.MaxUint64},
		},
		Meta: []byte("frontier"),
	}
}

func drawFence(t *rapid.T) checkpoint.Fence {
	f := checkpoint.Fence{
		Writer: rapid.String().Draw(t, "writer"),
		Commit: rapid.Uint64().Draw(t, "commit"),
		Position: checkpoint.Position{
			Incarnation: rapid.Int64().Draw(t, "incarnation"),
			Seq:         rapid.Uint64().Draw(t, "seq"),
			LastSeq:     rapid.Uint64().Draw(t, "last seq"),
			LastTime:    rapid.Int64().Draw(t, "last time"),
		},
		Done: rapid.Bool().Draw(t, "done"),
	}
	for range rapid.IntRange(0, 5).Draw(t, "segments") {
		f.Segments = append(f.Segments, checkpoint.SegmentRef{
			ID:     rapid.String().Draw(t, "id"),
			Chunks: rapid.IntRange(0, math.MaxInt32).Draw(t, "chunks"),
			Bytes:  rapid.Int64Range(0, math.MaxInt64).Draw(t, "bytes"),
			Digest: rapid.Uint64().Draw(t, "digest"),
			Base:   rapid.Bool().Draw(t, "base"),
		})
	}
	f.Meta = append(f.Meta, rapid.SliceOf(rapid.Byte()).Draw(t, "meta")...)
	return f
}

func TestFenceRoundTrip(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		f, prefix := drawFence(t), rapid.SliceOf(rapid.Byte()).Draw(t, "prefix")
		b := checkpoint.AppendFence(bytes.Clone(prefix), f)
		if !bytes.HasPrefix(b, prefix) {
			t.Fatalf("AppendFence changed what stood before it")
		}
		got, err := checkpoint.DecodeFence(b[len(prefix):])
		if err != nil || !reflect.DeepEqual(got, f) {
			t.Fatalf("got %+v, %v; want %+v", got, err, f)
		}
	})
}

func TestFenceDamageIsNoticed(t *testing.T) {
	t.Parallel()
	good := checkpoint.AppendFence(nil, sampleFence())
	for i := range good {
		for _, bad := range [][]byte{flip(good, i), good[:i]} {
			if f, err := checkpoint.DecodeFence(bad); !errors.Is(err, checkpoint.ErrDamaged) || !reflect.DeepEqual(f, checkpoint.Fence{}) {
				t.Errorf("damage at byte %d: got %+v, %v", i, f, err)
			}
		}
	}
}

// TestFenceHostile gives the decoder bodies with a correct hash, which only a malicious or a mistaken writer can make.
func TestFenceHostile(t *testing.T) {
	t.Parallel()
	// The empty fence: version, writer, commit, four numbers of the position, done, segments, meta.
	empty := []byte{1, 0, 0, 0, 0, 0, 0, 0, 0, 0}
	if _, err := checkpoint.DecodeFence(withHash(empty)); err != nil {
		t.Fatalf("the empty fence does not decode: %v", err)
	}
	cases := map[string][]byte{
		"long varint":        {1, 0, 0x80, 0, 0, 0, 0, 0, 0, 0, 0},
		"overlong varint":    append([]byte{1, 0}, bytes.Repeat([]byte{0xff}, 11)...),
		"unknown flag":       {1, 0, 0, 0, 0, 0, 0, 2, 0, 0},
		"trailing byte":      append(bytes.Clone(empty), 0),
		"huge writer":        append([]byte{1}, binary.AppendUvarint(nil, math.MaxUint64)...),
		"huge segment count": append([]byte{1, 0, 0, 0, 0, 0, 0, 0}, binary.AppendUvarint(nil, math.MaxInt64)...),
		"chunks over limit": append(append([]byte{1, 0, 0, 0, 0, 0, 0, 0, 1, 0},
			binary.AppendUvarint(nil, math.MaxInt32+1)...), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0),
		"bytes over limit": append(append([]byte{1, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0},
			binary.AppendUvarint(nil, math.MaxInt64+1)...), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0),
		"newer version": {2, 0, 0, 0, 0, 0, 0, 0, 0, 0},
	}
	for name, body := range cases {
		if _, err := checkpoint.DecodeFence(withHash(body)); !errors.Is(err, checkpoint.ErrDamaged) {
			t.Errorf("%s: got %v, want ErrDamaged", name, err)
		}
	}
	if _, err := checkpoint.DecodeFence(withHash(cases["newer version"])); !strings.Contains(err.Error(), "version 2") {
		t.Errorf("a newer version is not named: %v", err)
	}
}

func TestFenceGolden(t *testing.T) {
	t.Parallel()
	golden(t, "fence_v1.hex", checkpoint.AppendFence(nil, sampleFence()))
	golden(t, "fence_v1_empty.hex", checkpoint.AppendFence(nil, checkpoint.Fence{}))
	f, err := checkpoint.DecodeFence(readGolden(t, "fence_v1.hex"))
	if err != nil || !reflect.DeepEqual(f, sampleFence()) {
		t.Errorf("the golden file decodes to %+v, %v", f, err)
	}
}

func FuzzDecodeFence(f *testing.F) {
	f.Add(checkpoint.AppendFence(nil, sampleFence()))
	f.Add(checkpoint.AppendFence(nil, checkpoint.Fence{}))
	f.Add([]byte{1, 0, 0, 0, 0, 0, 0, 0, 1})
	f.Fuzz(func(t *testing.T, body []byte) {
		// The hash is mended, or the fuzzer would never get past it.
		for _, data := range [][]byte{body, withHash(body)} {
			fence, err := checkpoint.DecodeFence(data)
			if err != nil {
				continue
			}
			if again := checkpoint.AppendFence(nil, fence); !bytes.Equal(again, data) {
				t.Fatalf("%x decodes to a fence that encodes to %x", data, again)
			}
		}
	})
}

func withHash(body []byte) []byte {
	return binary.LittleEndian.AppendUint64(bytes.Clone(body), xxhash.Sum64(body))
}

func flip(b []byte, i int) []byte {
	b = bytes.Clone(b)
	b[i] ^= 0x10
	return b
}
