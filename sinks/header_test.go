package sinks_test

import (
	"strings"
	"testing"

	"github.com/calmstream/calmstream/sinks"
	"github.com/nats-io/nats.go"
	"pgregory.net/rapid"
)

func TestHeaderKey(t *testing.T) {
	t.Parallel()
	for key, want := range map[string]string{
		"":                        "",
		"ad-7":                    "ad-7",
		"été 日本":                  "été 日本",
		"a~b":                     "a~b",
		"~a":                      "%7Ea",
		"50%":                     "50%25",
		" ":                       "%20",
		" a b ":                   "%20a b%20",
		"\r\n":                    "%0D%0A",
		"\x00\x7f\u0085":          "%00%7F%C2%85",
		"\xff\xc3":                "%FF%C3",
		"\ufffd":                  "\ufffd",
		strings.Repeat("k", 1024): strings.Repeat("k", 1024),
		strings.Repeat("k", 1025): "~011cc8dcade24f43d2d7f95605d8481d",
	} {
		if got := sinks.HeaderKey(key); got != want {
			t.Errorf("HeaderKey(%.40q) = %.60q, want %.60q", key, got, want)
		}
	}
}

func TestKeyFromHeaderRefuses(t *testing.T) {
	t.Parallel()
	for _, header := range []string{
		"%", "%2", "a%", "%zz", "%7e", "%41", "~caa7eb8d8f4a9c53f0b7ae3d86b57f0c", "~", " a", "a ", "a\nb", "%C3%A9", strings.Repeat("k", 1025), "\xff",
	} {
		if key, ok := sinks.KeyFromHeader(header); ok {
			t.Errorf("KeyFromHeader(%.40q) = %.40q, true", header, key)
		}
	}
}

// anyKey draws text, bytes and lengths around the limit.
func anyKey() *rapid.Generator[string] {
	return rapid.OneOf(
		rapid.String(),
		rapid.Map(rapid.SliceOf(rapid.Byte()), func(b []byte) string { return string(b) }),
		rapid.StringOf(rapid.RuneFrom([]rune(" %~\r\n\t\x00aZ\u0085é👍"))),
		rapid.Map(rapid.IntRange(300, 1100), func(n int) string { return strings.Repeat("%", n) }),
		rapid.Map(rapid.IntRange(1000, 1100), func(n int) string { return strings.Repeat("k", n) }),
	)
}

func TestHeaderKeyRoundTrip(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		key := anyKey().Draw(t, "key")
		header := sinks.HeaderKey(key)
		if len(header) > 1024 {
			t.Fatalf("the header has %d bytes", len(header))
		}
		got, ok := sinks.KeyFromHeader(header)
		if hashed := strings.HasPrefix(header, "~"); hashed == ok || ok && got != key {
			t.Fatalf("%q came back as %q, %v", key, got, ok)
		}
		if strings.HasPrefix(header, "~") && len(key) <= 1024/3 {
			t.Fatalf("a key of %d bytes was hashed", len(key))
		}
	})
}

func TestHeaderKeysDiffer(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		a, b := anyKey().Draw(t, "a"), anyKey().Draw(t, "b")
		if a != b && sinks.HeaderKey(a) == sinks.HeaderKey(b) {
			t.Fatalf("%q and %q have the same form", a, b)
		}
	})
}

// Whatever KeyFromHeader accepts is what HeaderKey writes.
func FuzzKeyFromHeader(f *testing.F) {
	for _, seed := range []string{"", "a", "%25", "%7Ea", "~", "é", "%C3", "%20"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, header string) {
		if key, ok := sinks.KeyFromHeader(header); ok && sinks.HeaderKey(key) != header {
			t.Errorf("%q gives %q, which gives %q", header, key, sinks.HeaderKey(key))
		}
	})
}

// The form comes unchanged through the codec of the client library.
func TestHeaderKeySurvivesNATS(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		want := sinks.HeaderKey(anyKey().Draw(t, "key"))
		raw := "NATS/1.0\r\n" + sinks.KeyHeader + ": " + want + "\r\n" + sinks.IDHeader + ": 1\r\n\r\n"
		h, err := nats.DecodeHeadersMsg([]byte(raw))
		if err != nil || h.Get(sinks.KeyHeader) != want || h.Get(sinks.IDHeader) != "1" || len(h) != 2 {
			t.Fatalf("%q came back as %v, %v", want, h, err)
		}
	})
}
