package wire_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/calmstream/calmstream/crdt"
	"github.com/calmstream/calmstream/crdt/internal/wire"
)

// What is written is read back, to the last byte.
func TestRoundTrip(t *testing.T) {
	t.Parallel()
	data := wire.AppendString([]byte{wire.Version1, 2, 0x80, 1}, "ann")
	r := wire.Open("Thing", append(data, 7, 8))
	n, long, name, rest := r.Count(1), r.Uvarint(), r.Origin(), r.Take(2)
	if n != 2 || long != 128 || name != "ann" || !bytes.Equal(rest, []byte{7, 8}) || !r.OK() {
		t.Errorf("%d %d %q %v", n, long, name, rest)
	}
	if err := r.Close(); err != nil {
		t.Error(err)
	}
}

// Each error says of what type and where, and the first one stays.
func TestErrors(t *testing.T) {
	t.Parallel()
	for want, c := range map[string]struct {
		data string
		read func(r *wire.Reader)
		is   error
	}{
		"Thing at byte 0 of 0: no version byte":                              {"", func(*wire.Reader) {}, crdt.ErrCorrupt},
		"Thing has version 9 and this release reads version 1":               {"\x09", func(r *wire.Reader) { r.Uvarint() }, crdt.ErrVersion},
		"Thing at byte 1 of 2: the number is cut off or exceeds 64 bits":     {"\x01\x80", func(r *wire.Reader) { r.Uvarint() }, crdt.ErrCorrupt},
		"Thing at byte 1 of 3: the number is not in its shortest form":       {"\x01\x80\x00", func(r *wire.Reader) { r.Uvarint() }, crdt.ErrCorrupt},
		"Thing at byte 2 of 5: more items are announced than bytes are left": {"\x01\x02abc", func(r *wire.Reader) { r.Count(2) }, crdt.ErrCorrupt},
		"Thing at byte 1 of 2: more bytes are announced than are left":       {"\x01a", func(r *wire.Reader) { r.Take(2); r.Corrupt("again") }, crdt.ErrCorrupt},
		"Thing at byte 1 of 2: bytes are left over":                          {"\x01a", func(*wire.Reader) {}, crdt.ErrCorrupt},
		"Thing at byte 3 of 3: its user has found out":                       {"\x01ab", func(r *wire.Reader) { r.Take(2); r.Corrupt("its user has found out") }, crdt.ErrCorrupt},
		"Thing at byte 2 of 2: more items are announced than bytes are left": {"\x01\x01", func(r *wire.Reader) { r.Count(1); r.Take(9); r.Uvarint() }, crdt.ErrCorrupt},
	} {
		r := wire.Open("Thing", []byte(c.data))
		c.read(&r)
		if err := r.Close(); !errors.Is(err, c.is) || !strings.HasSuffix(err.Error(), want) {
			t.Errorf("got %v, want %s", err, want)
		}
		if r.OK() || r.Uvarint() != 0 || r.Count(1) != 0 || r.Take(1) != nil || r.Origin() != "" {
			t.Errorf("%s: it reads on", want)
		}
	}
}
