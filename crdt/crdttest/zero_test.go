package crdttest_test

import (
	"errors"
	"iter"
	"maps"
	"testing"

	"github.com/calmstream/calmstream/crdt"
	"github.com/calmstream/calmstream/crdt/crdttest"
)

// writing is a set that has no map to write to.
type writing struct{ bits }

func (s *writing) Merge(o *writing) bool { return s.add(o.keys()) }
func (s *writing) Add(k byte)            { s.m[k] = true }

// following is a set whose Delta needs a map in since.
type following struct{ bits }

func (s *following) Merge(o *following) bool { return s.add(o.keys()) }

func (s *following) Delta(since *following) following {
	if since.m == nil {
		clear(since.m)
		since.m['a'] = true
	}
	return following{}
}

// picky is a set that tells nil from empty.
type picky struct{ bits }

func (s *picky) Merge(o *picky) bool { return s.add(o.keys()) }
func (s *picky) Empty() bool         { return s.m == nil }

// startling is a set whose iterator assumes that there is something.
type startling struct{ bits }

func (s *startling) Merge(o *startling) bool { return s.add(o.keys()) }

func (s *startling) All() iter.Seq[byte] {
	return func(yield func(byte) bool) { yield(s.keys()[0]) }
}

// phantom is a set that yields a key while it has no map.
type phantom struct{ bits }

func (s *phantom) Merge(o *phantom) bool { return s.add(o.keys()) }

func (s *phantom) All() iter.Seq2[byte, bool] {
	if s.m == nil {
		return maps.All(map[byte]bool{0: true})
	}
	return maps.All(s.m)
}

// unequal returns what depends on the memory of its argument.
type unequal struct{ bits }

func (s *unequal) Merge(o *unequal) bool { return s.add(o.keys()) }

func (s *unequal) Minus(o *unequal) unequal {
	if o.m == nil {
		return unequal{letters("z")}
	}
	return unequal{}
}

// leaving adds a key if it was never decoded.
type leaving struct{ bits }

func (s *leaving) Merge(o *leaving) bool { return s.add(o.keys()) }

func (s *leaving) Touch() {
	if s.m == nil {
		s.add([]byte("z"))
	}
}

// verbose has slices and JSON that differ.
type verbose struct{ bits }

func (s *verbose) Merge(o *verbose) bool { return s.add(o.keys()) }

func (s verbose) MarshalJSON() ([]byte, error) {
	if s.m == nil {
		return []byte("null"), nil
	}
	return []byte("[]"), nil
}

// padded has a slice with a gap.
type padded struct{ bits }

func (s *padded) Merge(o *padded) bool { return s.add(o.keys()) }

func (s *padded) Keys() []string {
	if s.m == nil {
		return make([]string, 1)
	}
	return nil
}

// offset decodes its bottom as something else.
type offset struct{ cell }

func (o *offset) Merge(*offset) bool { return false }

func (o *offset) UnmarshalBinary(data []byte) error {
	err := o.cell.UnmarshalBinary(data)
	o.x++
	return err
}

// refusing does not decode its bottom.
type refusing struct{ cell }

func (o *refusing) Merge(*refusing) bool { return false }

func (o *refusing) UnmarshalBinary([]byte) error { return errors.New("not today") }

// patient has methods that cannot be called with nothing.
type patient struct{ bits }

func (s *patient) Merge(o *patient) bool { return s.add(o.keys()) }

func (s *patient) Each(f func(byte)) { f(0) }

func (s *patient) Write(to *byte) { *to = 1 }

func (s *patient) Report(err error) string { return err.Error() }

func (s *patient) Send(to chan byte) { close(to) }

func (s *patient) AddAll(keys ...byte) bool { return s.add(keys) }

func (s *patient) Keys() []byte { return s.keys() }

func (s *patient) Count() int { return len(s.m) }

func TestZeroValue(t *testing.T) {
	t.Parallel()
	const law = crdttest.LawZeroValue
	find(t, []finding{
		{name: "set", err: crdttest.ZeroValue[numbers]()},
		{name: "map", err: crdttest.ZeroValue[latest]()},
		{name: "counter", err: crdttest.ZeroValue[crdt.GCounter]()},
		{name: "methods with parameters", err: crdttest.ZeroValue[patient]()},
		{"writes to a nil map", crdttest.ZeroValue[writing](), law, "Add of the zero value (or of a decoded one) panicked"},
		{"expects a map in the argument", crdttest.ZeroValue[following](), law, "Delta of the zero value (or of a decoded one) panicked"},
		{"iterates over nothing", crdttest.ZeroValue[startling](), law, "All of the zero value (or of a decoded one) panicked"},
		{"tells nil from empty", crdttest.ZeroValue[picky](), law, "Empty answers true"},
		{"yields what is not there", crdttest.ZeroValue[phantom](), law, "All answers 1 yields"},
		{"tells its arguments apart", crdttest.ZeroValue[unequal](), law, "Minus answers 0x017a"},
		{"leaves a trace", crdttest.ZeroValue[leaving](), law, "Touch answers and leaves 0x017a"},
		{"shows itself in two ways", crdttest.ZeroValue[verbose](), law, `MarshalJSON answers "null"`},
		{"returns a gap", crdttest.ZeroValue[padded](), law, "Keys answers 1 of []string"},
		{"decodes to another", crdttest.ZeroValue[offset](), law, "the zero value is encoded as a, and decoded as b"},
		{"does not decode", crdttest.ZeroValue[refusing](), crdttest.LawRoundTrip, "not today"},
		{"does not encode", crdttest.ZeroValue[failing](), crdttest.LawEncoding, "no ink"},
	})
}
