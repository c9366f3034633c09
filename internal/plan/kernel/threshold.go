package kernel

import (
	"encoding/binary"
	"fmt"

	"github.com/calmstream/calmstream/crdt"
	"github.com/calmstream/calmstream/internal/plan"
)

// probe is the kernel of Threshold. The fold above asks it about each state that grew until it has fired, once, for that
// key and window; since the state never shrinks, what fired stays true.
type probe[K plan.Key, L any] struct {
	at   crdt.UpSet[L]
	keys plan.KeyCodec[K]
	out  outlet[K]
}

// Threshold yields the key when its state reaches the set.
func Threshold[K plan.Key, L any](n *plan.Node, down []plan.Operator, at crdt.UpSet[L]) (plan.Operator, error) {
	out, err := newOutlet[K](n, down)
	return &probe[K, L]{at: at, keys: plan.KeyCodecOf[K](), out: out}, err
}

func (k *probe[K, L]) holds(value *L) bool { return k.at.Holds(value) }

func (k *probe[K, L]) seals() bool { return false }

func (k *probe[K, L]) fire(m plan.Meta, key K, span plan.Span, _ *L) {
	m.Group = &plan.Group{Key: k.keys.Text(key), Window: span}
	k.out.batch.Add(m, key)
}

func (k *probe[K, L]) flush()                 { k.out.flush() }
func (k *probe[K, L]) Advance(frontier int64) { k.out.advance(frontier) }

// witness is the kernel of SealWhen: a threshold whose yes says that the state is complete, so that it hands on the state, unless
// that contradicts itself.
type witness[K plan.Key, L any, P crdt.Lattice[L]] struct {
	guard
	tally    tally
	complete crdt.UpSet[L]
	keys     plan.KeyCodec[K]
	out      outlet[plan.Fact[K, L]]
}

// SealWhen yields the state of a key when it reaches the set.
func SealWhen[K plan.Key, L any, P crdt.Lattice[L]](n *plan.Node, rt *plan.Runtime, down []plan.Operator, complete crdt.UpSet[L]) (plan.Operator, error) {
	out, err := newOutlet[plan.Fact[K, L]](n, down)
	return &witness[K, L, P]{guard: guard{n, rt}, tally: newEvidence(n, rt), complete: complete, keys: plan.KeyCodecOf[K](), out: out}, err
}

func (k *witness[K, L, P]) holds(value *L) bool { return k.complete.Holds(value) }
func (k *witness[K, L, P]) seals() bool         { return true }
func (k *witness[K, L, P]) counts() *tally      { return &k.tally }

func (k *witness[K, L, P]) fire(m plan.Meta, key K, span plan.Span, value *L) {
	if c, ok := any(value).(crdt.Conflicter); ok && c.Conflict() {
		k.rt.Reject(plan.Rejected{Node: k.node, Meta: m, Err: fmt.Errorf("with this record the state of key %q is complete by its own evidence, but it is in conflict with itself, so that it is not handed on: find out who broke the rule of %T", k.keys.Text(key), *value)})
		return
	}
	if k.tally.wanted() {
		b := binary.AppendVarint(k.keys.Append(binary.AppendUvarint(k.tally.buf[:0], uint64(k.keys.Size(key))), key), span.Start)
		k.tally.buf = encoded[L, P](b, value)
		k.tally.add(k.tally.at(m.Seq), k.tally.buf)
	}
	m.Group = &plan.Group{Key: k.keys.Text(key), Window: span}
	k.out.batch.Add(m, plan.Fact[K, L]{Key: key, Window: span, Value: crdt.Clone[L, P](value)})
}

func (k *witness[K, L, P]) flush() { k.out.flush() }

func (k *witness[K, L, P]) Advance(frontier int64) {
	if frontier == plan.End {
		k.tally.end()
	}
	k.out.advance(frontier)
}
