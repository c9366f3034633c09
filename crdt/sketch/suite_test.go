package sketch_test

import (
	"bufio"
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/calmstream/calmstream/crdt"
	"github.com/calmstream/calmstream/crdt/crdttest"
)

// suite is what each type must pass besides its own tests: as in package crdt.
type suite[L any] struct {
	samples []L
	random  func(r *rand.Rand) L
	rounds  int    // of random
	golden  string // a file of testdata, without ".hex", with one line for each of goldens
	goldens map[string]L
	json    map[string]string
	upSets  []crdt.UpSet[L] // each must hold for a sample
}

func check[L any, P crdt.Lattice[L]](t *testing.T, s suite[L]) {
	t.Helper()
	crdttest.CheckLaws[L, P](t, s.samples)
	crdttest.CheckRandom[L, P](t, 1, s.rounds, s.random)
	if _, ok := any(P(nil)).(crdt.Decomposable[L]); ok {
		crdttest.CheckDeltas[L, P](t, s.samples)
	}
	for _, u := range s.upSets {
		crdttest.CheckUpSet[L, P](t, u, s.samples)
	}
	lines := golden(t, s.golden)
	if len(lines) != len(s.goldens) {
		t.Errorf("%s: %d golden encodings for %d values", s.golden, len(lines), len(s.goldens))
	}
	for name, v := range s.goldens {
		checkGolden[L, P](t, s.golden+": "+name, v, lines[name])
	}
	for name, want := range s.json {
		if got, err := json.Marshal(s.goldens[name]); err != nil || string(got) != want {
			t.Errorf("%s: %s in JSON is %s, error %v, want %s", s.golden, name, got, err, want)
		}
	}
}

func checkGolden[L any, P crdt.Lattice[L]](t *testing.T, name string, v L, want string) {
	t.Helper()
	if got := encode[L, P](t, &v); got != want {
		t.Errorf("%s is encoded as %.200x, want %.200x", name, got, want)
	}
	var back L
	if err := P(&back).UnmarshalBinary([]byte(want)); err != nil {
		t.Errorf("%s: %v", name, err)
	} else if got := encode[L, P](t, &back); got != want {
		t.Errorf("%s came back as %.200x, want %.200x", name, got, want)
	}
}

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
	scan := bufio.NewScanner(f)
	for scan.Scan() {
		line := scan.Text()
		if line == "" || line[0] == '#' {
			continue
		}
		name, digits, ok := strings.Cut(line, ":")
		if !ok {
			t.Fatalf("%s: bad line %q", f.Name(), line)
		}
		lines[name] = unhex(t, digits)
	}
	if err := scan.Err(); err != nil {
		t.Fatal(err)
	}
	return lines
}

func unhex(t *testing.T, digits string) string {
	t.Helper()
	data, err := hex.DecodeString(strings.ReplaceAll(digits, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// decode returns the value of some bytes.
func decode[L any, P crdt.Lattice[L]](t fataler, data string) (x L) {
	t.Helper()
	if err := P(&x).UnmarshalBinary([]byte(data)); err != nil {
		t.Fatalf("%v", err)
	}
	return x
}

func refuse[L any, P crdt.Lattice[L]](t *testing.T, start L, want error, why, data string) {
	t.Helper()
	x := crdt.Clone[L, P](&start)
	err := P(&x).UnmarshalBinary([]byte(data))
	if !errors.Is(err, want) || !strings.HasPrefix(fmt.Sprint(err), "crdt: ") {
		t.Errorf("%s: %T from %.100x: got error %v, want %v", why, start, data, err, want)
	}
	if err != nil && !strings.Contains(err.Error(), why) {
		t.Errorf("error %q does not say %q", err, why)
	}
	if got := encode[L, P](t, &x); got != encode[L, P](t, &start) {
		t.Errorf("%s: the receiver became %.100x", why, got)
	}
}

// fuzz decodes anything onto a value. Refused bytes must leave the value as it was and give one of two errors; accepted
// bytes must be exactly what the value is encoded as, and the value must behave.
func fuzz[L any, P crdt.Lattice[L]](f *testing.F, seeds ...L) {
	f.Helper()
	for _, seed := range append(seeds, *new(L)) {
		f.Add([]byte(encode[L, P](f, &seed)))
	}
	f.Add([]byte{1, 0xff, 0xff, 0xff, 0xff, 0x0f, 1, 1})
	f.Add([]byte{2})
	f.Fuzz(func(t *testing.T, data []byte) {
		start := seeds[0]
		x := crdt.Clone[L, P](&start)
		input := bytes.Clone(data)
		if err := P(&x).UnmarshalBinary(input); err != nil {
			if !errors.Is(err, crdt.ErrCorrupt) && !errors.Is(err, crdt.ErrVersion) {
				t.Fatalf("unknown error %v", err)
			}
			if got := encode[L, P](t, &x); got != encode[L, P](t, &start) {
				t.Fatalf("refused, but the receiver became %x", got)
			}
			return
		}
		clear(input) // the value must not keep it
		if got := encode[L, P](t, &x); got != string(data) {
			t.Fatalf("accepted, but encoded as %x", got)
		}
		if _, err := json.Marshal(x); err != nil {
			t.Fatal(err)
		}
		var joined L
		if P(&joined).Merge(&x); encode[L, P](t, &joined) != string(data) {
			t.Fatalf("merged into the bottom it is %x", encode[L, P](t, &joined))
		}
		if P(&joined).Merge(&start); P(&joined).Merge(&x) || P(&joined).Merge(&start) {
			t.Fatal("a merge grew twice")
		}
	})
}
