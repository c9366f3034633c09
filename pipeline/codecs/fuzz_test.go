package codecs_test

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"github.com/calmstream/calmstream/operators"
	"github.com/calmstream/calmstream/pipeline/codecs/cbor"
	"github.com/calmstream/calmstream/pipeline/codecs/internal/bidpb"
	"github.com/calmstream/calmstream/pipeline/codecs/jsonv2"
	"github.com/calmstream/calmstream/pipeline/codecs/msgpack"
	"github.com/calmstream/calmstream/pipeline/codecs/protobuf"
)

// fuzz tries a codec: a message is refused, or what it is decoded to has an encoding, which decodes to what has the same.
func fuzz[T any](f *testing.F, c operators.Codec[T]) {
	f.Helper()
	for _, seed := range all() {
		if seed.name != c.Name {
			continue
		}
		for _, b := range bids() {
			f.Add(seed.encode(f, nil, b))
		}
	}
	for _, data := range hostile[c.Name] {
		if len(data) < 1<<10 { // long ones are in TestHostileMessagesAreRefused, and would slow the search down
			f.Add([]byte(data))
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		before := slices.Clone(data)
		v, err := c.Decode(data)
		if !bytes.Equal(data, before) {
			t.Fatalf("decoding has changed %q", before)
		}
		if err != nil {
			if text := err.Error(); len(text) > 1000 || strings.TrimSpace(text) == "" {
				t.Errorf("%q is refused in %d bytes", data, len(text))
			}
			return
		}
		encoded, err := c.Append(nil, v)
		if err != nil {
			return // a time in no year that can be written, for one
		}
		again, err := c.Decode(encoded)
		if err != nil {
			t.Fatalf("%q is decoded, and encoded as %q, which is refused: %v", data, encoded, err)
		}
		if twice, err := c.Append(nil, again); err != nil || !bytes.Equal(twice, encoded) {
			t.Errorf("%q is encoded as %q, and again as %q, error %v", data, encoded, twice, err)
		}
	})
}

func FuzzJSON(f *testing.F)        { fuzz(f, jsonv2.Of[Bid]()) }
func FuzzCBOR(f *testing.F)        { fuzz(f, cbor.Of[Bid]()) }
func FuzzMessagePack(f *testing.F) { fuzz(f, msgpack.Of[Bid]()) }
func FuzzProtobuf(f *testing.F)    { fuzz(f, protobuf.Of[bidpb.Bid]()) }
