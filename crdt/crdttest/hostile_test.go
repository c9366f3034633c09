package crdttest_test

import (
	"strings"
	"testing"

	"github.com/calmstream/calmstream/crdt"
	"github.com/calmstream/calmstream/crdt/crdttest"
)

func listed[D lists]() []list[D] {
	return []list[D]{{[]byte{1}}, {[]byte{2, 3}}, {[]byte("abcdefgh")}}
}

func hostile[D lists]() error { return crdttest.Hostile(1, 1000, listed[D]()) }

func TestHostile(t *testing.T) {
	t.Parallel()
	find(t, []finding{
		{name: "careful", err: hostile[careful]()},
		{name: "sets", err: crdttest.Hostile(1, 1000, some())},
		{"trusts a length", hostile[trusting](), crdttest.LawMemory, "the limit is 26"},
		{"makes too much room", hostile[roomy](), crdttest.LawMemory, "the limit is 44"},
		{"panics", hostile[careless](), crdttest.LawUntouched, "panicked: runtime error: slice bounds out of range"},
		{"keeps some inputs", hostile[lazy](), crdttest.LawRoundTrip, "became b when they were overwritten"},
		{"writes to its input", hostile[tidy](), crdttest.LawRoundTrip, "changed them to b"},
		{"accepts what is not sorted", hostile[unsorted](), crdttest.LawBottom, "merged into the bottom they are b"},
		{
			"accepts what never stops growing",
			crdttest.Hostile(1, 2000, cells(func(c cell) growing { return growing{c} })), crdttest.LawIdempotent, "grew when merged",
		},
		{
			"clobbers the receiver",
			crdttest.Hostile(1, 100, cells(func(c cell) clobbering { return clobbering{c} })), crdttest.LawUntouched, "b became c",
		},
		{"accepts long forms", crdttest.Hostile(1, 1000, []lax{{1}, {300}}), crdttest.LawCanonical, ""},
		{"does not encode", crdttest.Hostile(1, 1, []failing{{}}), crdttest.LawEncoding, "no ink"},
	})
	err := hostile[lazy]()
	if err == nil || !strings.HasPrefix(err.Error(), "seed 1, 1000 inputs:\n") {
		t.Errorf("the message does not begin with the seed: %v", err)
	}
}

// Laws finds lengths that are believed before anything else that could ask for more memory than there is.
func TestLawsBoundMemory(t *testing.T) {
	t.Parallel()
	find(t, []finding{
		{name: "careful", err: crdttest.Laws(listed[careful]())},
		{"trusts a length", crdttest.Laws(listed[trusting]()), crdttest.LawMemory, "the limit is"},
	})
}

func TestHostileBytes(t *testing.T) {
	t.Parallel()
	onto := crdt.GSetOf("x")
	for _, data := range []string{"", "\x01", "\x01\x00", "\x01\x01\x01x", "\x01\xff\xff\xff\xff\x0f", "\x02"} {
		if err := crdttest.HostileBytes([]byte(data), &onto); err != nil {
			t.Errorf("%q: %v", data, err)
		}
	}
	wrong := list[careless]{[]byte{1}}
	find(t, []finding{
		{"panics", crdttest.HostileBytes([]byte("\x01\x70"), &wrong), crdttest.LawUntouched, "panicked"},
		{"does not encode", crdttest.HostileBytes(nil, &failing{}), crdttest.LawEncoding, "no ink"},
	})
}

func FuzzList(f *testing.F) {
	samples := listed[careful]()
	crdttest.Fuzz(f, samples[0], samples[1:]...)
}
