package crdt_test

import (
	"encoding/json"
	"errors"
	"maps"
	"math/rand/v2"
	"testing"

	"github.com/calmstream/calmstream/crdt"
	"github.com/calmstream/calmstream/crdt/crdttest"
	"pgregory.net/rapid"
)

type lwwMap = crdt.LWWMap[int8, int]

// lwwMapOf makes a map of writes.
func lwwMapOf(writes ...stamp) (m lwwMap) {
	for _, w := range writes {
		write(&m, w.id, w)
	}
	return m
}

func write(m *lwwMap, writer string, w stamp) lwwMap {
	if w.delete {
		return m.Delete(w.time, writer, w.k)
	}
	return m.Put(w.time, writer, w.k, w.v)
}

func TestLWWMap(t *testing.T) {
	t.Parallel()
	put, gone := stamp{k: 1, time: 5, id: "a", v: 1}, stamp{k: 1, time: 5, id: "a", delete: true}
	zero := stamp{k: -1}
	check(t, suite[lwwMap]{
		samples: []lwwMap{
			lwwMapOf(put), lwwMapOf(gone), lwwMapOf(zero), lwwMapOf(stamp{k: 1, time: 5, id: "a", v: 2}), lwwMapOf(stamp{k: 1, time: 5, id: "b", v: 0}),
			lwwMapOf(stamp{k: 1, time: 4, id: "z", v: 9}, stamp{k: 2, time: 1, id: "z", v: 9}), lwwMapOf(zero, gone, stamp{k: 2}),
			lwwMapOf(stamp{k: -1, delete: true}),
		},
		random: func(r *rand.Rand) (m lwwMap) {
			for range r.IntN(5) {
				write(&m, string(rune('a'+r.IntN(2))), stamp{
					time: r.Int64N(2), k: int8(r.IntN(3)), v: r.IntN(2), delete: r.IntN(3) == 0,
				})
			}
			return m
		},
		golden: "lwwmap_int8_int",
		goldens: map[string]lwwMap{
			"bottom": {}, "value": lwwMapOf(put), "deletion": lwwMapOf(gone),
			"three": lwwMapOf(stamp{k: 64, time: 300, id: "w", v: -1}, zero, stamp{k: -128, time: -1, id: "w", delete: true}),
		},
		json: map[string]string{
			"bottom": "{}",
			"three": `{"-128":{"deleted":true,"time":-1,"writer":"w"},"-1":{"value":0,"time":0,"writer":""},` +
				`"64":{"value":-1,"time":300,"writer":"w"}}`,
		},
	})
}

func TestLWWMapOfStrings(t *testing.T) {
	t.Parallel()
	var m crdt.LWWMap[string, string]
	m.Put(1, "w", "b", "\xff\x00")
	m.Put(1, "w", "", "empty")
	m.Delete(2, "v", "ab")
	checkGolden(t, "lwwmap_string_string", map[string]crdt.LWWMap[string, string]{"three": m})
	if got, want := asJSON(m), `{"":{"value":"empty","time":1,"writer":"w"},"ab":{"deleted":true,"time":2,"writer":"v"},`+
		`"b":{"value":"\ufffd\u0000","time":1,"writer":"w"}}`; got != want {
		t.Errorf("in JSON it is %s", got)
	}
}

func FuzzLWWMap(f *testing.F) {
	var m crdt.LWWMap[string, uint16]
	m.Put(-5, "w", "k", 300)
	m.Delete(7, "", "j")
	fuzz(f, m, crdt.LWWMap[string, uint16]{})
}

func TestLWWMapRefuses(t *testing.T) {
	t.Parallel()
	start := lwwMapOf(stamp{k: 1, v: 1}, stamp{k: 2, delete: true})
	refuse(t, start, crdt.ErrCorrupt, "no version byte", "")
	refuse(t, start, crdt.ErrVersion, "LWWMap has version 2", "02 00")
	refuse(t, start, crdt.ErrCorrupt, "more items", "01 02 02 02 00 00")
	refuse(t, start, crdt.ErrCorrupt, "more items", "01 ff ff ff ff ff ff ff ff ff 01 02 02 00 00")
	refuse(t, start, crdt.ErrCorrupt, "no kind has the number 0", "01 01 02 00 00 00 00")
	refuse(t, start, crdt.ErrCorrupt, "no kind has the number 3", "01 01 02 03 00 00 00")
	refuse(t, start, crdt.ErrCorrupt, "no kind has the number 257", "01 01 02 81 02 00 00 00")
	refuse(t, start, crdt.ErrCorrupt, "does not fit", "01 01 80 02 02 00 00")
	refuse(t, start, crdt.ErrCorrupt, "not ascending", "01 02 02 02 00 00 02 02 00 00")
	refuse(t, start, crdt.ErrCorrupt, "not ascending", "01 02 04 02 00 00 02 02 00 00")
	refuse(t, start, crdt.ErrCorrupt, "cut off", "01 01 02 01 00 00")
	refuse(t, start, crdt.ErrCorrupt, "more bytes", "01 01 02 02 00 01")
	refuse(t, start, crdt.ErrCorrupt, "left over", "01 01 02 02 00 00 00")
}

// seenMap is what an LWWMap shows.
type seenMap struct {
	live            map[int8]int
	len, tombstones int
}

func TestLWWMapHistory(t *testing.T) {
	t.Parallel()
	checkHistory(t, history[lwwMap, stamp, seenMap]{
		op:    stamps(3),
		apply: write,
		read: func(m *lwwMap) seenMap {
			s := seenMap{maps.Collect(m.All()), m.Len(), m.Tombstones()}
			for k := range int8(5) {
				if v, ok := m.Get(k); ok {
					if have, ok := s.live[k]; !ok || have != v {
						s.live[100] = v // Get and All differ: show it
					}
				}
			}
			return s
		},
		reference: func(known []*event[stamp]) seenMap {
			live, dead := map[int8]int{}, map[int8]bool{}
			for _, e := range inOrder(known, func(e *event[stamp]) string { return e.origin }) {
				if dead[e.op.k] = e.op.delete; e.op.delete {
					delete(live, e.op.k)
				} else {
					live[e.op.k] = e.op.v
				}
			}
			maps.DeleteFunc(dead, func(_ int8, d bool) bool { return !d })
			return seenMap{live, len(live), len(dead)}
		},
	})
}

// TestLargeLWWMapAgainstModel crosses the sizes at which the table keeps a second slice.
func TestLargeLWWMapAgainstModel(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var m, copied crdt.LWWMap[uint16, uint8]
		type written struct {
			time int64
			v    uint8
			live bool
		}
		model := map[uint16]written{}
		for range rapid.IntRange(1, 5).Draw(t, "batches") {
			time, v := rapid.Int64Range(0, 4).Draw(t, "time"), rapid.Uint8().Draw(t, "value")
			put := rapid.Bool().Draw(t, "put")
			var deltas crdt.LWWMap[uint16, uint8]
			for _, k := range batch(t, 300) {
				var delta crdt.LWWMap[uint16, uint8]
				if put {
					delta = m.Put(time, "w", k, v)
				} else {
					delta = m.Delete(time, "w", k)
				}
				deltas.Merge(&delta)
				old, had := model[k]
				// Of equal times a deletion wins, then the larger value.
				won := !had || time > old.time || time == old.time && old.live && (!put || v > old.v)
				if won {
					model[k] = written{time, v, put}
				}
				if _, ok := delta.Get(k); delta.Len()+delta.Tombstones() != btoi(won) || ok != (won && put) {
					t.Fatalf("a write that won: %v, returned %s", won, asJSON(delta))
				}
			}
			copied.Merge(&deltas)
		}
		live := 0
		for k, w := range model {
			v, ok := m.Get(k)
			if ok != w.live || ok && v != w.v {
				t.Fatalf("key %d: %d, %v; want %v", k, v, ok, w)
			}
			if w.live {
				live++
			}
		}
		if m.Len() != live || m.Tombstones() != len(model)-live {
			t.Fatalf("%d values and %d tombstones, want %d and %d", m.Len(), m.Tombstones(), live, len(model)-live)
		}
		if encode(t, &m) != encode(t, &copied) {
			t.Fatal("the deltas merge to another map")
		}
		var decoded crdt.LWWMap[uint16, uint8]
		if err := decoded.UnmarshalBinary([]byte(encode(t, &m))); err != nil || decoded.Len() != live {
			t.Fatalf("decoded: %d values, error %v", decoded.Len(), err)
		}
	})
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

func TestLWWMapIteratorsStop(t *testing.T) {
	t.Parallel()
	m := lwwMapOf(stamp{k: 3}, stamp{k: 1, delete: true}, stamp{k: 2})
	for k := range m.All() {
		if k != 2 {
			t.Fatalf("the first key is %d", k)
		}
		break
	}
	for part := range m.Decompose() {
		if part.Tombstones() != 1 || part.Len() != 0 {
			t.Fatalf("the first part is %s", asJSON(part))
		}
		break
	}
}

func TestKeyWrittenAfter(t *testing.T) {
	t.Parallel()
	u := crdt.KeyWrittenAfter[int8, int](1, 5)
	samples := []lwwMap{
		lwwMapOf(stamp{k: 1, time: 5}), lwwMapOf(stamp{k: 1, time: 6}), lwwMapOf(stamp{k: 1, time: 7, delete: true}), lwwMapOf(stamp{k: 2, time: 9}),
	}
	crdttest.CheckUpSet(t, u, samples)
	for i, want := range []bool{false, true, true, false} {
		holds(t, u, samples[i], want)
	}
	holds(t, crdt.KeyWrittenAfter[int8, int](1, -1), lwwMap{}, false)
	checkNames(t, map[string]named{"at 1 (written after 5)": u})
}

// hush is a string that has no JSON form.
type hush string

func (hush) MarshalJSON() ([]byte, error) { return nil, errMute }

func TestLWWMapReportsValuesWithoutJSON(t *testing.T) {
	t.Parallel()
	var m crdt.LWWMap[hush, hush]
	m.Delete(1, "w", "k")
	if got := asJSON(m); got != `{"k":{"deleted":true,"time":1,"writer":"w"}}` {
		t.Errorf("in JSON it is %s", got)
	}
	m.Put(2, "w", "k", "v")
	if _, err := json.Marshal(m); !errors.Is(err, errMute) {
		t.Errorf("got error %v", err)
	}
}
