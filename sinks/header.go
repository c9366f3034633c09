package sinks

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"unicode"
	"unicode/utf8"
)

// The headers of a result on NATS. A header whose value would be empty is left out.
const (
	// IDHeader holds Record.ID.
	IDHeader = "Calm-Id"
	// VerdictHeader holds the word of Record.Verdict.
	VerdictHeader = "Calm-Verdict"
	// KeyHeader holds Record.Key in the form that HeaderKey gives it.
	KeyHeader = "Calm-Key"
	// WindowHeader holds Record.Window.
	WindowHeader = "Calm-Window"
	// FrontierHeader holds Record.Frontier.
	FrontierHeader = "Calm-Frontier"
	// VersionHeader holds Record.Version in decimal.
	VersionHeader = "Calm-Version"
	// OriginHeader holds Record.Origin.
	OriginHeader = "Calm-Origin"
	// PipelineHeader holds Record.Pipeline.
	PipelineHeader = "Calm-Pipeline"
	// DigestHeader holds the xxhash64 of the payload as 16 hexadecimal digits.
	DigestHeader = "Calm-Digest"
)

// maxHeaderKey is the length in bytes beyond which the escaped form of a key gives way to its hash.
const maxHeaderKey = 1024

const upperHex = "0123456789ABCDEF"

// HeaderKey returns the form of a key that stands in the Calm-Key header; KeyFromHeader is the way back.
//
// Control characters, '%', bytes that are not valid UTF-8, a leading '~', and a leading or
// trailing space become %XX, two uppercase hexadecimal digits a byte; all else stands as it is, so
// that the usual key reads as itself. A key whose escaped form is longer than 1 KiB becomes "~"
// followed by the first 16 bytes of its SHA-256 in 32 hexadecimal digits: it can still be compared,
// but not read back. Different keys have different forms.
func HeaderKey(key string) string {
	if len(key) <= maxHeaderKey && isPlainKey(key) {
		return key
	}
	escaped := escapeKey(key)
	if len(escaped) <= maxHeaderKey {
		return escaped
	}
	sum := sha256.Sum256([]byte(key))
	return "~" + hex.EncodeToString(sum[:16])
}

// KeyFromHeader returns the key that HeaderKey put into a header. It returns false if the
// header holds the hash of a long key (it begins with '~'), or nothing that HeaderKey returns.
func KeyFromHeader(header string) (key string, ok bool) {
	if strings.IndexByte(header, '%') < 0 {
		return header, len(header) <= maxHeaderKey && isPlainKey(header)
	}
	b := make([]byte, 0, len(header))
	for i := 0; i < len(header); i++ {
		if header[i] != '%' {
			b = append(b, header[i])
			continue
		}
		raw, err := hex.DecodeString(header[i+1 : min(i+3, len(header))])
		if err != nil || len(raw) != 1 {
			return "", false
		}
		b = append(b, raw[0])
		i += 2
	}
	key = string(b)
	if HeaderKey(key) != header { // lowercase digits, escapes where none is needed
		return "", false
	}
	return key, true
}

// isPlainKey reports whether the key needs no escape.
func isPlainKey(key string) bool {
	if key == "" {
		return true
	}
	if key[0] == '~' || key[0] == ' ' || key[len(key)-1] == ' ' {
		return false
	}
	for i := 0; i < len(key); i++ {
		if c := key[i]; c < ' ' || c == '%' || c >= 0x7f {
			return isPlainUnicode(key)
		}
	}
	return true
}

func isPlainUnicode(key string) bool {
	for _, r := range key {
		if r == '%' || unicode.IsControl(r) {
			return false
		}
	}
	return utf8.ValidString(key)
}

func escapeKey(key string) string {
	var b strings.Builder
	b.Grow(min(len(key)+16, 2*maxHeaderKey))
	for i := 0; i < len(key); {
		if b.Len() > maxHeaderKey {
			break // it will be hashed whatever follows
		}
		r, size := utf8.DecodeRuneInString(key[i:])
		edge := r == ' ' && (i == 0 || i == len(key)-1)
		hash := r == '~' && i == 0
		invalid := r == utf8.RuneError && size == 1
		if edge || hash || invalid || r == '%' || unicode.IsControl(r) {
			for _, c := range []byte(key[i : i+size]) {
				b.WriteByte('%')
				b.WriteByte(upperHex[c>>4])
				b.WriteByte(upperHex[c&15])
			}
		} else {
			b.WriteString(key[i : i+size])
		}
		i += size
	}
	return b.String()
}

// isHeaderValue reports whether a value that the engine makes survives the way through a header.
func isHeaderValue(s string) bool {
	if s == "" {
		return true
	}
	if s[0] == ' ' || s[len(s)-1] == ' ' {
		return false
	}
	for i := 0; i < len(s); i++ {
		if s[i] < ' ' || s[i] == 0x7f {
			return false
		}
	}
	return true
}
