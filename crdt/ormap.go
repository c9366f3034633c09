package crdt

import "iter"

// ORMap is a map of causal types from which keys can be removed (the observed-remove map of Almeida, Shoker, Baquero, JPDC 2018,
// §7.4.3; riak_dt's map). It merges key by key; the zero ORMap is empty, and a key whose value is empty is the same as an absent
// one. Use [Clone] to copy one.
//
// S is the store of the values and P its pointer: of a set, a register, a flag, a counter, or a map again. For example
//
//	ORMap[string, MVRegisterStore[string], *MVRegisterStore[string]]
//	ORMap[string, DotMap[string, AWSetStore[int], *AWSetStore[int]], *DotMap[string, AWSetStore[int], *AWSetStore[int]]]
//
// # Remove and update at the same time
//
// To remove a key takes away all updates of its value that are known, and nothing else. An update that was made elsewhere at
// the same time stays: the key is back, with that update alone. A set comes back with the elements that were added
// (or added again) meanwhile, a register with the value that was written, a flag as it was switched, a counter with what was added, a map with
// the keys that were updated. Nothing older comes back with them (no reset anomaly, riak_dt#98), since each update has
// a dot of its own and carries nothing of those before; the one exception is asked for by name, see [ORCounter.Fold].
//
// The law that its users keep: an origin names one history, such as the shard of a log, see [Dot].
//
// Class of reads: all of them are not monotone, since keys and what is in their values may have been removed elsewhere: read them after
// a seal. That an update was heard of, or overtaken, is final: ask [Saw] and [Superseded].
//
// An ORMap is 64 bytes and 24 for its context; for the memory of entries and the cost of operations see [DotMap].
type ORMap[K Ordered, S any, P DotStore[S]] struct {
	causal Causal[DotMap[K, S, P], *DotMap[K, S, P]]
}

// Update lets change make updates to the value of k in the name of an origin, and returns their delta: bottom if there were none. The
// value may be empty before and after.
//
// The function must use no store but the one it is given, and keep neither that nor the clock.
func (m *ORMap[K, S, P]) Update(origin string, k K, change func(s *S, c *Clock)) (delta ORMap[K, S, P]) {
	c := m.causal.clock(origin)
	m.causal.store.Update(&c, k, change)
	return ORMap[K, S, P]{m.causal.delta(&c)}
}

// Remove takes away the value of k, as far as it is known, and returns the delta, which is bottom if there is none. O(size of the value).
func (m *ORMap[K, S, P]) Remove(k K) (delta ORMap[K, S, P]) {
	c := m.causal.removals()
	m.causal.store.Remove(&c, k)
	return ORMap[K, S, P]{m.causal.delta(&c)}
}

// Get returns a copy of the value of k, which shares no memory with the map; ok is false if it is empty. It is not monotone: read it
// after a seal. O(size of the value).
func (m *ORMap[K, S, P]) Get(k K) (s S, ok bool) { return m.causal.store.Get(k) }

// View shows the value of k to read, without a copy, and reports whether there is one. It is not monotone: read it after a seal. The
// function must neither change nor keep the value.
func (m *ORMap[K, S, P]) View(k K, read func(s *S)) (ok bool) { return m.causal.store.View(k, read) }

// Contains reports whether k has a value that is not empty. It is not monotone: read it after a seal.
func (m *ORMap[K, S, P]) Contains(k K) bool { return m.causal.store.Contains(k) }

// Len returns the number of keys. It is not monotone: read it after a seal.
func (m *ORMap[K, S, P]) Len() int { return m.causal.store.Len() }

// Keys yields the keys, ascending. It is not monotone: read it after a seal. The map must not change meanwhile. O(n log n).
func (m *ORMap[K, S, P]) Keys() iter.Seq[K] { return m.causal.store.Keys() }

// Context returns a copy of what was heard of: see [Causal.Context].
func (m *ORMap[K, S, P]) Context() DotContext { return m.causal.Context() }

func (m *ORMap[K, S, P]) parts() (*DotContext, store) { return m.causal.parts() }

// Merge takes over the updates and removals of other and reports whether any was new.
func (m *ORMap[K, S, P]) Merge(other *ORMap[K, S, P]) (grew bool) {
	return m.causal.Merge(&other.causal)
}

// Decompose yields the updates heard of: see [Causal.Decompose].
func (m *ORMap[K, S, P]) Decompose() iter.Seq[ORMap[K, S, P]] {
	return func(yield func(ORMap[K, S, P]) bool) {
		for part := range m.causal.Decompose() {
			if !yield(ORMap[K, S, P]{part}) {
				return
			}
		}
	}
}

// Delta returns the updates and removals that since has not heard of. O(n log m) for the dots in force here and there.
func (m *ORMap[K, S, P]) Delta(since *ORMap[K, S, P]) (delta ORMap[K, S, P]) {
	return ORMap[K, S, P]{m.causal.Delta(&since.causal)}
}

// MarshalJSON shows the values as an object, by key.
func (m ORMap[K, S, P]) MarshalJSON() ([]byte, error) { return m.causal.MarshalJSON() }

// Encoding, version 1:
//
//	ORMap     version | context | n | (key | store) * n     as a DotMap, see causal.go

// AppendBinary appends the encoding of m to b. An error is that of a value; b is then returned as it was.
func (m *ORMap[K, S, P]) AppendBinary(b []byte) ([]byte, error) { return m.causal.appendTo("ORMap", b) }

// UnmarshalBinary replaces m with the value encoded in data. On an error m is as before. The error wraps [ErrCorrupt],
// [ErrVersion] or that of a value.
func (m *ORMap[K, S, P]) UnmarshalBinary(data []byte) error { return m.causal.decode("ORMap", data) }
