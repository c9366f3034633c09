package crdt_test

import (
	"bufio"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/calmstream/calmstream/crdt"
)

// fataler is what testing.T and rapid.T share.
type fataler interface {
	Helper()
	Fatalf(format string, args ...any)
}

// encode returns the encoding of x as a string, which compares with ==.
func encode[L any, P crdt.Lattice[L]](t fataler, x *L) string {
	t.Helper()
	b, err := P(x).AppendBinary(nil)
	if err != nil {
		t.Fatalf("AppendBinary: %v", err)
	}
	return string(b)
}

// golden reads testdata/<file>.hex: a name and the encoding in each line.
func golden(t *testing.T, file string) map[string]string {
	t.Helper()
	f, err := os.Open(filepath.Join("testdata", file+".hex"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	lines := map[string]string{}
	for scan := bufio.NewScanner(f); scan.Scan(); {
		line := scan.Text()
		if line == "" || line[0] == '#' {
			continue
		}
		name, digits, ok := strings.Cut(line, ":")
		data, err := hex.DecodeString(strings.ReplaceAll(digits, " ", ""))
		if !ok || err != nil {
			t.Fatalf("%s: bad line %q: %v", f.Name(), line, err)
		}
		lines[name] = string(data)
	}
	return lines
}

func checkGolden[L any, P crdt.Lattice[L]](t *testing.T, file string, values map[string]L) {
	t.Helper()
	lines := golden(t, file)
	if len(lines) != len(values) {
		t.Errorf("%s: %d golden encodings for %d values", file, len(lines), len(values))
	}
	for name, v := range values {
		want := lines[name]
		if got := encode[L, P](t, &v); got != want {
			t.Errorf("%s: %s is encoded as %x, want %x", file, name, got, want)
		}
		var back L
		if err := P(&back).UnmarshalBinary([]byte(want)); err != nil {
			t.Errorf("%s: %s: %v", file, name, err)
		} else if got := encode[L, P](t, &back); got != want {
			t.Errorf("%s: %s came back as %x, want %x", file, name, got, want)
		}
	}
}

// More golden encodings than those in the suites of the types.
func TestGoldenEncodings(t *testing.T) {
	t.Parallel()
	checkGolden(t, "max_string", map[string]crdt.Max[string]{
		"bottom": {}, "empty": crdt.MaxOf(""), "abc": crdt.MaxOf("abc"), "not utf-8": crdt.MaxOf("\xff\x00"),
	})
	checkGolden(t, "gset_string", map[string]crdt.GSet[string]{
		"bottom": {}, "words": crdt.GSetOf("to", "be", "", "or"), "prefixes": crdt.GSetOf("ab", "b", "a"),
	})
	checkGolden(t, "map_string_max_string", map[string]crdt.Map[string, crdt.Max[string], *crdt.Max[string]]{
		"length of two bytes": crdt.MapOf("k", crdt.MaxOf(strings.Repeat("v", 130))),
	})
}

func refuse[L any, P crdt.Lattice[L]](t *testing.T, start L, want error, why, digits string) {
	t.Helper()
	data, err := hex.DecodeString(strings.ReplaceAll(digits, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	x := crdt.Clone[L, P](&start)
	err = P(&x).UnmarshalBinary(data)
	if !errors.Is(err, want) || !strings.HasPrefix(fmt.Sprint(err), "crdt: ") {
		t.Errorf("%s: %T from %x: got error %v, want %v", why, start, data, err, want)
	}
	if err != nil && !strings.Contains(err.Error(), why) {
		t.Errorf("error %q does not say %q", err, why)
	}
	if got := encode[L, P](t, &x); got != encode[L, P](t, &start) {
		t.Errorf("%s: the receiver became %x", why, got)
	}
}

func TestDecodersRefuse(t *testing.T) {
	t.Parallel()
	const lowest, long = "no version byte", "shortest form"
	high := crdt.MaxOf(int8(3))
	refuse(t, high, crdt.ErrCorrupt, lowest, "")
	refuse(t, high, crdt.ErrVersion, "version 2", "02 00")
	refuse(t, high, crdt.ErrVersion, "version 0", "00")
	refuse(t, high, crdt.ErrCorrupt, "does not fit", "01 80 02")
	refuse(t, high, crdt.ErrCorrupt, long, "01 80 00")
	refuse(t, high, crdt.ErrCorrupt, "left over", "01 02 00")
	refuse(t, high, crdt.ErrCorrupt, "cut off", "01 80")
	refuse(t, crdt.MaxOf("a"), crdt.ErrCorrupt, "more bytes", "01 02 61")
	refuse(t, crdt.MaxOf("a"), crdt.ErrCorrupt, "more bytes", "01 ff ff ff ff ff ff ff ff ff 01")
	refuse(t, crdt.MinOf(uint8(3)), crdt.ErrCorrupt, "does not fit", "01 80 02")
	refuse(t, crdt.MinOf(uint64(3)), crdt.ErrCorrupt, "64 bits", "01 ff ff ff ff ff ff ff ff ff 02")

	c := counter("x", 1, "y", 2)
	refuse(t, c, crdt.ErrCorrupt, lowest, "")
	refuse(t, c, crdt.ErrCorrupt, "cut off", "01")
	refuse(t, c, crdt.ErrCorrupt, "count is 0", "01 01 01 61 00")
	refuse(t, c, crdt.ErrCorrupt, "count is 0", "01 02 01 61 01 01 62 00")
	refuse(t, c, crdt.ErrCorrupt, "not ascending", "01 02 01 62 01 01 61 01")
	refuse(t, c, crdt.ErrCorrupt, "not ascending", "01 02 01 61 01 01 61 02")
	refuse(t, c, crdt.ErrCorrupt, "not ascending", "01 03 01 61 01 01 62 01 01 62 02")
	refuse(t, c, crdt.ErrCorrupt, "not ascending", "01 02 00 01 00 02")
	refuse(t, c, crdt.ErrCorrupt, "more items", "01 7f 01 61 01")
	refuse(t, c, crdt.ErrCorrupt, "left over", "01 01 01 61 01 00")
	refuse(t, c, crdt.ErrCorrupt, "left over", "01 00 00")
	refuse(t, c, crdt.ErrCorrupt, long, "01 81 00 01 61 01")

	s := crdt.GSetOf("x")
	refuse(t, s, crdt.ErrVersion, "version 255", "ff")
	refuse(t, s, crdt.ErrCorrupt, "not ascending", "01 02 01 62 01 61")
	refuse(t, s, crdt.ErrCorrupt, "not ascending", "01 02 01 61 01 61")
	refuse(t, s, crdt.ErrCorrupt, "more items", "01 ff ff ff ff ff ff ff ff ff 01 01 61")
	refuse(t, s, crdt.ErrCorrupt, "left over", "01 01 01 61 01 62")

	m := scoresOf(map[string]int64{"x": 1})
	refuse(t, m, crdt.ErrCorrupt, "not ascending", "01 02 01 62 02 01 02 01 61 02 01 02")
	refuse(t, m, crdt.ErrCorrupt, "not ascending", "01 02 01 61 02 01 02 01 61 02 01 02")
	refuse(t, m, crdt.ErrCorrupt, "bottom", "01 01 01 61 01 01")
	refuse(t, m, crdt.ErrCorrupt, `key "a"`, "01 01 01 61 02 01 80")
	refuse(t, m, crdt.ErrCorrupt, "no version byte", "01 01 01 61 00")
	refuse(t, m, crdt.ErrVersion, `key "a"`, "01 01 01 61 02 07 02")
	refuse(t, m, crdt.ErrCorrupt, "more bytes", "01 01 01 61 03 01 02")
	refuse(t, m, crdt.ErrCorrupt, "left over", "01 01 01 61 02 01 02 00")
}

// A decoder must not believe a length.
//
//nolint:paralleltest // it measures memory, which other tests would disturb
func TestDecodersAllocateNoMoreThanTheirInputWarrants(t *testing.T) {
	data := append([]byte{1, 0xff, 0xff, 0x3f}, make([]byte, 100)...) // a million items in a hundred bytes
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range 100 {
		for _, err := range []error{
			new(crdt.GCounter).UnmarshalBinary(data),
			new(crdt.GSet[string]).UnmarshalBinary(data),
			new(scores).UnmarshalBinary(data),
		} {
			if err == nil {
				t.Fatal("accepted")
			}
		}
	}
	runtime.ReadMemStats(&after)
	if each := (after.TotalAlloc - before.TotalAlloc) / 300; each > 8<<10 {
		t.Errorf("refusing %d bytes allocates %d", len(data), each)
	}
}

// mute is a lattice that cannot be encoded once it is above the bottom.
type mute struct {
	crdt.Max[int]
}

func (m *mute) Merge(o *mute) bool { return m.Max.Merge(&o.Max) }

func (m *mute) AppendBinary(b []byte) ([]byte, error) {
	switch v, ok := m.Value(); {
	case !ok:
		return append(b, 1), nil
	case v == 0:
		return nil, nil
	default:
		return b, errMute
	}
}

var errMute = errors.New("mute")

// dumb is a lattice that cannot be encoded at all.
type dumb struct{ crdt.Max[int] }

func (d *dumb) Merge(o *dumb) bool { return d.Max.Merge(&o.Max) }

func (d *dumb) AppendBinary(b []byte) ([]byte, error) { return b, errMute }

func TestMapReportsBottomThatDoesNotEncode(t *testing.T) {
	t.Parallel()
	var m crdt.Map[string, dumb, *dumb]
	if err := m.UnmarshalBinary([]byte{1, 0}); !errors.Is(err, errMute) {
		t.Errorf("got %v, want the error of the value", err)
	}
}

func TestMapReportsValuesThatDoNotEncode(t *testing.T) {
	t.Parallel()
	for v, want := range map[int]string{
		1: `crdt: encode Map: value of key "k": mute`,
		0: `crdt: encode Map: value of key "k": AppendBinary returned less than it was given; it must append`,
	} {
		m := crdt.MapOf("k", mute{Max: crdt.MaxOf(v)})
		b, err := m.AppendBinary([]byte("before"))
		if err == nil || err.Error() != want || string(b) != "before" {
			t.Errorf("got %q, %v; want %s", b, err, want)
		}
	}
}
