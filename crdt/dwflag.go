package crdt

import (
	"encoding/json"
	"iter"
)

// DWFlag is a switch that is off if concurrent updates disagree: disable wins (Almeida, Shoker, Baquero, JPDC 2018, §7.4.1). The zero
// DWFlag is off. Use [Clone] to copy one.
//
// Each Enable and each Disable has a [Dot] of its own and takes away those that it knows of. The flag is on if there is an
// Enable and no Disable left. In the paper the flag begins switched on; here it begins off, as flags do in Go, and a
// flag that was switched off keeps one dot to win with.
//
// The law that its users keep: an origin names one history, such as the shard of a log, see [Dot].
//
// Class of reads: On is not monotone, since the flag may have been switched elsewhere: read it after a seal. That an update was
// heard of, or overtaken, is final: ask [Saw] and [Superseded].
//
// A DWFlag is 64 bytes, and once it was switched 24 for its context and 24 for its dot.
type DWFlag struct {
	causal Causal[DWFlagStore, *DWFlagStore]
}

// Enable switches the flag on in the name of an origin and returns the delta.
func (f *DWFlag) Enable(origin string) (delta DWFlag) {
	c := f.causal.clock(origin)
	f.causal.store.Enable(&c)
	return DWFlag{f.causal.delta(&c)}
}

// Disable switches the flag off in the name of an origin and returns the delta.
func (f *DWFlag) Disable(origin string) (delta DWFlag) {
	c := f.causal.clock(origin)
	f.causal.store.Disable(&c)
	return DWFlag{f.causal.delta(&c)}
}

// On reports whether the flag is on. It is not monotone: read it after a seal.
func (f *DWFlag) On() bool { return f.causal.store.On() }

// Context returns a copy of what was heard of: see [Causal.Context].
func (f *DWFlag) Context() DotContext { return f.causal.Context() }

func (f *DWFlag) parts() (*DotContext, store) { return f.causal.parts() }

// Merge takes over the updates of other and reports whether any was new.
func (f *DWFlag) Merge(other *DWFlag) (grew bool) { return f.causal.Merge(&other.causal) }

// Decompose yields the updates heard of: see [Causal.Decompose].
func (f *DWFlag) Decompose() iter.Seq[DWFlag] {
	return func(yield func(DWFlag) bool) {
		for part := range f.causal.Decompose() {
			if !yield(DWFlag{part}) {
				return
			}
		}
	}
}

// Delta returns the updates that since has not heard of.
func (f *DWFlag) Delta(since *DWFlag) (delta DWFlag) {
	return DWFlag{f.causal.Delta(&since.causal)}
}

// MarshalJSON shows true or false.
func (f DWFlag) MarshalJSON() ([]byte, error) { return f.causal.MarshalJSON() }

// Encoding, version 1:
//
//	DWFlag    version | context | n | (dot | on) * n     context: see dotcontext.go; dot: see dotstore.go; dots ascending; on: 0 or 1

// AppendBinary appends the encoding of f to b. The error is always nil.
func (f *DWFlag) AppendBinary(b []byte) ([]byte, error) { return f.causal.appendTo("DWFlag", b) }

// UnmarshalBinary replaces f with the value encoded in data. On an error, which wraps [ErrCorrupt]
// or [ErrVersion], f is as before.
func (f *DWFlag) UnmarshalBinary(data []byte) error { return f.causal.decode("DWFlag", data) }

// DWFlagStore is the store of a [DWFlag], which can be nested in an [ORMap] and in a [DotMap].
type DWFlagStore struct {
	switched dotValues[bool, onOffValue]
}

// Enable switches the flag on.
func (s *DWFlagStore) Enable(c *Clock) { s.switched.replace(c, true) }

// Disable switches the flag off.
func (s *DWFlagStore) Disable(c *Clock) { s.switched.replace(c, false) }

// On reports whether the flag is on.
func (s *DWFlagStore) On() bool {
	for e := range s.switched.table.all {
		if !e.v {
			return false
		}
	}
	return !s.switched.empty()
}

// MarshalJSON shows true or false.
func (s DWFlagStore) MarshalJSON() ([]byte, error) { return json.Marshal(s.On()) }

func (s *DWFlagStore) core() store { return s.switched.core() }
