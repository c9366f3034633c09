package sinktest

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"github.com/calmstream/calmstream/crdt"
	"github.com/calmstream/calmstream/sinks"
)

// records returns n records, numbered from first, of every verdict, with and without a window, and with payloads of
// several kinds. The same numbers give the same records.
func (b *bench) records(first, n int) []sinks.Record {
	all := make([]sinks.Record, 0, n)
	for i := first; i < first+n; i++ {
		r := sinks.Record{
			ID:       fmt.Sprintf("fp/stage/0/%d", i),
			Verdict:  crdt.Verdict(i % 4),
			Key:      fmt.Sprintf("key-%d", i),
			Frontier: "2026-01-01T00:00:00Z",
			Pipeline: "sinktest",
			Payload:  payload(i),
		}
		if b.config.Features.NeedsPath || i%2 == 0 {
			r.Path = fmt.Sprintf("e1.global.k%d", i)
		}
		if i%3 == 0 {
			r.Window = "2026-01-01T00:00:00Z/PT1M"
		}
		all = append(all, r)
	}
	return all
}

// payload returns JSON, text or bytes that are neither.
func payload(i int) []byte {
	switch i % 3 {
	case 0:
		return fmt.Appendf(nil, `{"count":%d,"tags":["<a>","é"]}`, i)
	case 1:
		return fmt.Appendf(nil, "text %d: \"quoted\", <tagged>\r\nnext line é", i)
	default:
		return []byte{0xff, 0x00, 0xfe, byte(i), byte(i >> 8)}
	}
}

// hostileKeys are keys that have broken headers, subjects, JSON or lines before.
func hostileKeys() []string {
	return []string{
		" ", "  both ends  ", "a b", "\t", "tab\tinside", "line\nbreak", "crlf\r\nCalm-Id: forged\r\n\r\nbody",
		"nul\x00", "\x7f", "\u0085", "50%", "%41", "%", "~", "~tilde", "a~b", "a.b.c", "*", ">", "a.*.>", "$JS.API", ":", "a: b",
		"é", "日本語", "👍🏽", "e\u0301", "\u2028", "\ufeff", "\u00a0edge\u00a0", "\xff\xfe", "half \xc3", `"quoted\"`, "{}", "null", "../..", "''; DROP",
		strings.Repeat("k", 1024), strings.Repeat("k", 1025), strings.Repeat("é", 4000), strings.Repeat("%", 1000),
	}
}

// oddPayloads are payloads at the edges: none, empty, one that looks like a protocol, and a large one.
func oddPayloads() [][]byte {
	large := bytes.Repeat([]byte{0, 1, 0xfe, 0xff, '\n', '"', '\\', 'x'}, 64<<10) // 512 KiB, half of the usual limit
	return [][]byte{
		nil,
		{},
		{0},
		[]byte("\n"), []byte(" "), []byte("null"), []byte("0"), []byte("+OK\r\n"), []byte("}\n{"),
		[]byte("{\"bad\":\"\xff\"}"), []byte("</script>\u2028"), large,
	}
}

// clone returns a deep copy.
func clone(records []sinks.Record) []sinks.Record {
	c := slices.Clone(records)
	for i := range c {
		c[i].Payload = slices.Clone(c[i].Payload)
	}
	return c
}
