package plan_test

import (
	"hash/fnv"
	"math"
	"strings"
	"testing"

	"github.com/calmstream/calmstream/internal/plan"
	"pgregory.net/rapid"
)

type named string

type small int8

func TestKeyCodecRoundTrip(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		check(t, named(rapid.String().Draw(t, "string")))
		check(t, rapid.Int().Draw(t, "int"))
		check(t, small(rapid.Int8().Draw(t, "int8")))
		check(t, rapid.Int16().Draw(t, "int16"))
		check(t, rapid.Int32().Draw(t, "int32"))
		check(t, rapid.Int64().Draw(t, "int64"))
		check(t, rapid.Uint().Draw(t, "uint"))
		check(t, rapid.Uint8().Draw(t, "uint8"))
		check(t, rapid.Uint16().Draw(t, "uint16"))
		check(t, rapid.Uint32().Draw(t, "uint32"))
		check(t, rapid.Uint64().Draw(t, "uint64"))
	})
}

func check[K plan.Key](t *rapid.T, k K) {
	codec := plan.KeyCodecOf[K]()
	data := codec.Append(nil, k)
	if len(data) != codec.Size(k) {
		t.Fatalf("%v: %d bytes, Size says %d", k, len(data), codec.Size(k))
	}
	back, err := codec.Decode(data)
	if err != nil || back != k {
		t.Fatalf("%v came back as %v, %v", k, back, err)
	}
}

func TestKeyCodecRefuses(t *testing.T) {
	t.Parallel()
	if _, err := plan.KeyCodecOf[int64]().Decode([]byte{1, 2, 3}); err == nil {
		t.Error("three bytes are an integer")
	}
	big := plan.KeyCodecOf[int64]().Append(nil, 1000)
	if k, err := plan.KeyCodecOf[small]().Decode(big); err == nil {
		t.Errorf("1000 is an int8: %v", k)
	}
	negative := plan.KeyCodecOf[int64]().Append(nil, -1)
	if k, err := plan.KeyCodecOf[uint32]().Decode(negative); err == nil {
		t.Errorf("-1 is a uint32: %v", k)
	}
}

func TestKeyText(t *testing.T) {
	t.Parallel()
	if got := plan.KeyCodecOf[small]().Text(-7); got != "-7" {
		t.Errorf("got %q", got)
	}
	if got := plan.KeyCodecOf[uint64]().Text(math.MaxUint64); got != "18446744073709551615" {
		t.Errorf("got %q", got)
	}
}

// Tokens tell keys apart, fit subjects and KV keys, and are bounded.
func TestKeyToken(t *testing.T) {
	t.Parallel()
	keys := rapid.OneOf(rapid.String(), rapid.StringMatching(`[a-zA-Z0-9_=-]*`), rapid.StringN(100, 400, -1))
	rapid.Check(t, func(t *rapid.T) {
		a, b := keys.Draw(t, "a"), keys.Draw(t, "b")
		for _, k := range []string{a, b} {
			token := plan.KeyToken(k)
			if token == "" || len(token) > 200 || strings.Trim(token, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_=") != "" {
				t.Fatalf("%q has the token %q", k, token)
			}
		}
		if a != b && plan.KeyToken(a) == plan.KeyToken(b) {
			t.Fatalf("%q and %q share the token %q", a, b, plan.KeyToken(a))
		}
	})
	if got := plan.KeyToken("plain-Key_7"); got != "plain-Key_7" {
		t.Errorf("a plain key is %q", got)
	}
}

// The server's function is FNV-1a of the token; these values are its own.
func TestTokenPartition(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		text, n := rapid.String().Draw(t, "text"), rapid.IntRange(1, 4096).Draw(t, "n")
		h := fnv.New32a()
		_, _ = h.Write([]byte(text))
		if got, want := plan.TokenPartition(text, n), int(h.Sum32()%uint32(n)); got != want {
			t.Fatalf("%q of %d: %d, want %d", text, n, got, want)
		}
	})
}
