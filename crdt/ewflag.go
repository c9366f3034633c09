package crdt

import (
	"encoding/json"
	"iter"
)

// EWFlag is a switch that is on if concurrent updates disagree: enable wins (Almeida, Shoker, Baquero, JPDC 2018, §7.4.1; Akka's
// Flag, riak's flag). The zero EWFlag is off. Use [Clone] to copy one.
//
// Each Enable has a [Dot] of its own; Disable takes away the dots that it knows of and leaves nothing behind. An Enable
// that was made elsewhere at the same time keeps the flag on.
//
// The law that its users keep: an origin names one history, such as the shard of a log, see [Dot].
//
// Class of reads: On is not monotone, since the flag may have been switched elsewhere: read it after a seal. That an update was
// heard of, or overtaken, is final: ask [Saw] and [Superseded]. For a switch that is never switched off use a [Max].
//
// An EWFlag is 64 bytes, 24 for its context and 16 while it is on.
type EWFlag struct {
	causal Causal[EWFlagStore, *EWFlagStore]
}

// Enable switches the flag on in the name of an origin and returns the delta. It renews the flag if it is on, so that it
// outlives a Disable at the same time.
func (f *EWFlag) Enable(origin string) (delta EWFlag) {
	c := f.causal.clock(origin)
	f.causal.store.Enable(&c)
	return EWFlag{f.causal.delta(&c)}
}

// Disable switches the flag off, as far as it is known to be on, and returns the delta, which is bottom if it was off.
func (f *EWFlag) Disable() (delta EWFlag) {
	c := f.causal.removals()
	f.causal.store.Disable(&c)
	return EWFlag{f.causal.delta(&c)}
}

// On reports whether the flag is on. It is not monotone: read it after a seal.
func (f *EWFlag) On() bool { return f.causal.store.On() }

// Context returns a copy of what was heard of: see [Causal.Context].
func (f *EWFlag) Context() DotContext { return f.causal.Context() }

func (f *EWFlag) parts() (*DotContext, store) { return f.causal.parts() }

// Merge takes over the updates of other and reports whether any was new.
func (f *EWFlag) Merge(other *EWFlag) (grew bool) { return f.causal.Merge(&other.causal) }

// Decompose yields the updates heard of: see [Causal.Decompose].
func (f *EWFlag) Decompose() iter.Seq[EWFlag] {
	return func(yield func(EWFlag) bool) {
		for part := range f.causal.Decompose() {
			if !yield(EWFlag{part}) {
				return
			}
		}
	}
}

// Delta returns the updates that since has not heard of.
func (f *EWFlag) Delta(since *EWFlag) (delta EWFlag) {
	return EWFlag{f.causal.Delta(&since.causal)}
}

// MarshalJSON shows true or false.
func (f EWFlag) MarshalJSON() ([]byte, error) { return f.causal.MarshalJSON() }

// Encoding, version 1:
//
//	EWFlag    version | context | n | dot * n     context: see dotcontext.go; dot: see dotstore.go; dots ascending

// AppendBinary appends the encoding of f to b. The error is always nil.
func (f *EWFlag) AppendBinary(b []byte) ([]byte, error) { return f.causal.appendTo("EWFlag", b) }

// UnmarshalBinary replaces f with the value encoded in data. On an error, which wraps [ErrCorrupt]
// or [ErrVersion], f is as before.
func (f *EWFlag) UnmarshalBinary(data []byte) error { return f.causal.decode("EWFlag", data) }

// EWFlagStore is the store of an [EWFlag], which can be nested in an [ORMap] and in a [DotMap].
type EWFlagStore struct {
	set DotSet
}

// Enable switches the flag on.
func (s *EWFlagStore) Enable(c *Clock) { s.set.Renew(c) }

// Disable switches the flag off.
func (s *EWFlagStore) Disable(c *Clock) { s.set.Clear(c) }

// On reports whether the flag is on.
func (s *EWFlagStore) On() bool { return s.set.Len() > 0 }

// MarshalJSON shows true or false.
func (s EWFlagStore) MarshalJSON() ([]byte, error) { return json.Marshal(s.On()) }

func (s *EWFlagStore) core() store { return s.set.core() }
