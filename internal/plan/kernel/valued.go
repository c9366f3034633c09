package kernel

import (
	"bytes"
	"fmt"
	"slices"

	"github.com/cespare/xxhash/v2"

	"github.com/calmstream/calmstream/crdt"
	"github.com/calmstream/calmstream/internal/plan"
)

// valued keeps the state of a stateful operator that is sealed by values of an attribute: the keys that have a value are closed
// together, once it is complete in every shard that feeds the state. Nothing is remembered of it then: each of those shards has made
// its last record of the value before it said so, and judges by its own log what comes later.
type valued[K plan.Key, C, L any, P crdt.Lattice[L]] struct {
	guard
	Folding[L, C]
	readers[K, L]
	keys      plan.KeyCodec[K]
	value     func(K) string
	ids       *plan.Values
	attribute string
	feeders   int

	states map[K]*valuedSlot[K, L]
	// values has those of which there are keys, or which are complete in some of the shards.
	values map[plan.ValueID]*openValue[K, L]
	// dirty are the slots that changed since the last snapshot, and taken those in the one that is not settled.
	dirty, taken []*valuedSlot[K, L]
	journal      journal
	seq          uint64
	buf          []byte
}

// valuedSlot is the state of a key.
type valuedSlot[K plan.Key, L any] struct {
	slot[K, L]
	gone bool // closed, or forgotten
}

// openValue is a value that is not complete everywhere.
type openValue[K plan.Key, L any] struct {
	keys   []*valuedSlot[K, L]
	voters members // the shards in which it is complete
}

func newValued[K plan.Key, C, L any, P crdt.Lattice[L]](n *plan.Node, rt *plan.Runtime, down []plan.Operator, f Folding[L, C]) (plan.Operator, error) {
	below, err := readersOf[K, L](n, down)
	if err != nil {
		return nil, err
	}
	value, ok := valueOf[K](n.DependencyOf(0))
	if !ok {
		return nil, fmt.Errorf("plan: %s (%s): %s is declared for keys of another type", n.Label(), n.Site, n.Rule.Attribute)
	}
	k := &valued[K, C, L, P]{
		guard: guard{n, rt}, Folding: f, readers: below, keys: plan.KeyCodecOf[K](),
		value: value, ids: plan.ValuesOf(n.Rule.Attribute), attribute: n.Rule.Attribute, feeders: rt.Feeders,
		states: make(map[K]*valuedSlot[K, L]), values: make(map[plan.ValueID]*openValue[K, L]),
	}
	rt.Register(n, k)
	return k, nil
}

// at returns the slot of a key, and whether it was made for the call.
func (k *valued[K, C, L, P]) at(key K) (s *valuedSlot[K, L], fresh bool) {
	if s = k.states[key]; s != nil {
		return s, false
	}
	id := k.ids.ID(k.value(key)) // a function of the user's: before anything changes
	key = k.keys.Own(key)
	s = &valuedSlot[K, L]{slot: slot[K, L]{key: key}}
	k.states[key] = s
	v := k.open(id)
	v.keys = append(v.keys, s)
	return s, true
}

func (k *valued[K, C, L, P]) open(id plan.ValueID) *openValue[K, L] {
	v := k.values[id]
	if v == nil {
		v = &openValue[K, L]{voters: newMembers(k.feeders)}
		k.values[id] = v
	}
	return v
}

// forget takes back the slot that at has just made.
func (k *valued[K, C, L, P]) forget(s *valuedSlot[K, L]) {
	s.gone = true
	delete(k.states, s.key)
	id := k.ids.ID(k.value(s.key))
	v := k.values[id]
	if v.keys = slices.DeleteFunc(v.keys, func(o *valuedSlot[K, L]) bool { return o == s }); len(v.keys) == 0 && v.voters.none() {
		delete(k.values, id)
	}
}

func (k *valued[K, C, L, P]) touch(s *valuedSlot[K, L]) {
	if !s.dirty {
		s.dirty = true
		k.dirty = append(k.dirty, s)
	}
}

func (k *valued[K, C, L, P]) Consume(b *plan.Batch[plan.Contribution[K, C]]) {
	for i, ask := 0, unapplied; i < b.Len(); {
		i, ask = k.run(b, i, ask)
	}
	if b.Len() > 0 {
		k.seq = b.Meta[b.Len()-1].Seq
	}
	k.flushEarly()
}

// run goes on from a record, or among the thresholds of one that has been applied, until the end or a panic, as that of a folder does.
func (k *valued[K, C, L, P]) run(b *plan.Batch[plan.Contribution[K, C]], from, ask int) (next, asked int) {
	var s *valuedSlot[K, L]
	var fresh bool
	next, asked = from, ask
	defer func() {
		if r := recover(); r != nil {
			k.caught(r, b.Meta[next])
			next, asked = k.behind(s, next, asked, fresh)
		}
	}()
	for ; next < b.Len(); next++ {
		c := &b.Val[next]
		s, fresh = nil, false
		s, fresh = k.at(c.Key)
		if asked == unapplied {
			k.before(&s.value)
			if grew := k.Apply(&s.value, &c.Value); !grew && !fresh {
				continue
			}
			k.touch(s)
			asked = 0
		}
		for ; asked < len(k.thresholds); asked++ {
			if t, bit := k.thresholds[asked], uint8(1)<<asked; s.fired&bit == 0 && t.holds(&s.value) {
				s.fired |= bit
				t.fire(b.Meta[next], c.Key, plan.Global, &s.value)
			}
		}
		for ; asked < k.asks(); asked++ {
			k.ask(asked, b.Meta[next], c.Key, plan.Global, &s.value)
		}
		asked = unapplied
	}
	return next, asked
}

// behind returns where to go on after a panic: see that of a folder.
func (k *valued[K, C, L, P]) behind(s *valuedSlot[K, L], next, asked int, fresh bool) (int, int) {
	switch {
	case asked != unapplied:
		return next, asked + 1
	case s == nil: // the key has no value
		return next + 1, unapplied
	case fresh:
		k.forget(s)
		return next + 1, unapplied
	}
	k.touch(s)
	return next, 0
}

// sealValue takes the seal of a value within the only shard that feeds the state.
func (k *valued[K, C, L, P]) sealValue(id plan.ValueID) {
	k.close(id, k.values[id])
	k.flush()
}

// vote counts a shard in which a value is complete, and closes the keys that have it if it is the last one.
func (k *valued[K, C, L, P]) vote(feeder uint64, id plan.ValueID) error {
	if feeder >= uint64(k.feeders) {
		return fmt.Errorf("plan: %s (%s): a seal of shard %d, but there are %d: %w", k.node.Label(), k.node.Site, feeder, k.feeders, errRecord)
	}
	v := k.open(id)
	if v.voters.set(int(feeder)); !v.voters.full(k.feeders) {
		k.journal.add(appendVotes(nil, id, v.voters))
		return nil
	}
	k.close(id, v)
	k.flush()
	return nil
}

func (k *valued[K, C, L, P]) flush() {
	for _, c := range k.closers {
		c.Advance(plan.Beginning) // hands on what was closed, and says nothing of time
	}
}

// close hands the keys of a value to the seals, in their order, and forgets the value.
func (k *valued[K, C, L, P]) close(id plan.ValueID, v *openValue[K, L]) {
	if v == nil {
		return
	}
	delete(k.values, id)
	k.journal.add(appendDrop(nil, id))
	if len(v.keys) == 0 {
		return
	}
	slots := make([]slot[K, L], len(v.keys))
	for i, s := range v.keys {
		s.gone = true
		delete(k.states, s.key)
		slots[i] = s.slot
	}
	order(slots, nil, (*slot[K, L]).rank)
	if k.waiting {
		k.rt.Waited(1)
	}
	k.certify(slots)
	m := plan.Meta{Seq: k.seq, Time: plan.End - 1, Frontier: plan.End - 1}
	for _, c := range k.closers {
		c.close(m, plan.Global, slots)
	}
}

func (k *valued[K, C, L, P]) certify(slots []slot[K, L]) {
	if k.rt.Certify == nil {
		return
	}
	digest := digester{sum: xxhash.New()}
	for i := range slots {
		k.addTo(&digest, &slots[i])
	}
	k.rt.Certify(plan.Certificate{Node: k.node, Window: plan.Global, Value: k.value(slots[0].key), Valued: true, Keys: len(slots), Digest: digest.sum.Sum64(), Seq: k.seq})
}

// addTo adds a slot to a digest: see that of a folder.
func (k *valued[K, C, L, P]) addTo(d *digester, s *slot[K, L]) {
	defer func() {
		if recover() != nil {
			_ = d.Add(k.keys.Append(k.buf[:0], s.key))
		}
	}()
	_ = k.put(d, s)
}

// Advance closes everything that is open at the end of the input, the values in the order of their IDs.
func (k *valued[K, C, L, P]) Advance(frontier int64) {
	k.advanceEarly(frontier)
	if frontier == plan.End {
		for _, id := range k.inOrder() {
			k.close(id, k.values[id])
		}
	}
	after := k.node.Rule.After(frontier)
	for _, c := range k.closers {
		c.Advance(after)
	}
}

// inOrder returns the open values in an order that no map decides.
func (k *valued[K, C, L, P]) inOrder() []plan.ValueID {
	ids := make([]plan.ValueID, 0, len(k.values))
	for id := range k.values {
		ids = append(ids, id)
	}
	slices.SortFunc(ids, func(a, b plan.ValueID) int { return bytes.Compare(a[:], b[:]) })
	return ids
}

// Open returns the number of values that wait for their seal.
func (k *valued[K, C, L, P]) Open() (n int) {
	for _, v := range k.values {
		if len(v.keys) > 0 {
			n++
		}
	}
	return n
}
