package kernel

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/calmstream/calmstream/internal/plan"
)

// valueCheck is what stands before a state that is sealed by values of an attribute, where a record enters: whether the value of its
// key is complete already, in the shard that the record comes from, and whether the record agrees that it is the value of its key.
type valueCheck[K plan.Key, T any] struct {
	value    func(K) string
	claim    func(T) string // nil if there is none
	ids      *plan.Values
	sealed   func(plan.ValueID) bool
	name     string // of the attribute
	keyNamed string
}

// newValueCheck returns the check for an input of a state, nil if the state is not sealed so.
func newValueCheck[K plan.Key, T any](n *plan.Node, edge int, rt *plan.Runtime) (*valueCheck[K, T], error) {
	if n.Rule.Attribute == "" {
		return nil, nil
	}
	c := &valueCheck[K, T]{ids: plan.ValuesOf(n.Rule.Attribute), sealed: rt.Sealed, name: n.Rule.Attribute, keyNamed: n.KeyName}
	d := n.DependencyOf(edge)
	var ok bool
	if c.value, ok = valueOf[K](d); !ok {
		return nil, fmt.Errorf("plan: %s (%s): %s is declared for keys of another type: %T", n.Label(), n.Site, c.name, d.OfKey)
	}
	if c.claim, ok = d.OfRecord.(func(T) string); !ok && d.OfRecord != nil {
		return nil, fmt.Errorf("plan: %s (%s): %s is declared for other records: %T", n.Label(), n.Site, c.name, d.OfRecord)
	}
	return c, nil
}

// valueOf returns the function that gives a key its value of an attribute: its own text if the attribute is the key.
func valueOf[K plan.Key](d plan.Dependency) (of func(K) string, ok bool) {
	if d.OfKey == nil {
		return plan.KeyCodecOf[K]().Text, true
	}
	of, ok = d.OfKey.(func(K) string)
	return of, ok
}

// check returns an error if the record cannot be taken, and whether that is since it is late.
func (c *valueCheck[K, T]) check(key K, v T) (late bool, err error) {
	value := c.value(key)
	if c.claim != nil {
		if own := c.claim(v); own != value {
			return false, fmt.Errorf("the record says that its %s is %s, but that of its %s is %s: what operators.AssertDetermines claims is not so", c.name, short(own), c.keyNamed, short(value))
		}
	}
	if !c.sealed(c.ids.ID(value)) {
		return false, nil
	}
	return true, fmt.Errorf("late: %s %s was sealed before it came, since all producers had promised that it was complete in its shard", c.name, short(value))
}

// late reports whether the record is late: for a latecomer.
func (c *valueCheck[K, T]) late(key K, v T) bool {
	late, err := c.check(key, v)
	return late && err != nil
}

// short renders a value for people.
func short(value string) string {
	const most = 64
	if len(value) > most {
		return fmt.Sprintf("%q and %d more bytes", value[:most], len(value)-most)
	}
	return fmt.Sprintf("%q", value)
}

// valueSealer is told that a value is complete in the shard: the state itself, or what stands above its exchange.
type valueSealer interface{ sealValue(v plan.ValueID) }

// watchValues connects what is behind a lifter with the promises of the shard.
func watchValues(n *plan.Node, rt *plan.Runtime, next plan.Operator) error {
	s, ok := next.(valueSealer)
	if !ok {
		return fmt.Errorf("plan: %s (%s) cannot be sealed by values: %T", n.Label(), n.Site, next)
	}
	rt.Watch(n, s.sealValue)
	return nil
}

// lateByValue is the kernel of Late for a state that is sealed by values.
type lateByValue[K plan.Key, T any] struct {
	key   func(T) K
	check *valueCheck[K, T]
	out   outlet[T]
}

// LateByValue hands on the records whose value is complete already, for the state of n.Late, which takes them by the given edge.
func LateByValue[K plan.Key, T any](n *plan.Node, rt *plan.Runtime, down []plan.Operator, edge int, key func(T) K) (plan.Operator, error) {
	out, err := newOutlet[T](n, down)
	if err != nil {
		return nil, err
	}
	check, err := newValueCheck[K, T](n.Late, edge, rt)
	if err == nil && check == nil {
		err = errors.New("plan: the state is not sealed by values")
	}
	return &lateByValue[K, T]{key: key, check: check, out: out}, err
}

func (k *lateByValue[K, T]) Consume(b *plan.Batch[T]) {
	for i := 0; i < b.Len(); {
		i = k.run(b, i)
	}
	k.out.flush()
}

// run passes over a record whose functions panic: the state itself makes a dead letter of it.
func (k *lateByValue[K, T]) run(b *plan.Batch[T], from int) (next int) {
	defer func() {
		if recover() != nil {
			next++
		}
	}()
	for next = from; next < b.Len(); next++ {
		if k.check.late(k.key(b.Val[next]), b.Val[next]) {
			k.out.batch.Add(b.Meta[next], b.Val[next])
		}
	}
	return next
}

func (k *lateByValue[K, T]) Advance(frontier int64) { k.out.advance(frontier) }

// A seal of a value crosses an exchange as a record of its own:
//
//	uvarint(2^64-1)  uvarint(number of the shard that it comes from)  16 bytes ID of the value
//
// No key is as long as its first number, by which other records begin. It is numbered like them, and so is taken once, behind all
// that its shard sent before it.
const sealMark = ^uint64(0)

// appendSeal appends such a record without the first number.
func appendSeal(b []byte, feeder int, v plan.ValueID) []byte {
	return append(binary.AppendUvarint(b, uint64(feeder)), v[:]...)
}

// sealValue sends the seal to all shards of the state.
func (k *sender[K, C]) sealValue(v plan.ValueID) {
	k.record = appendSeal(binary.AppendUvarint(k.record[:0], sealMark), k.rt.Feeder(k.node), v)
	k.rt.Broadcast(k.node, k.record)
}

// voter is a state that counts in how many shards a value is complete.
type voter interface {
	vote(feeder uint64, v plan.ValueID) error
}

// seal takes the seal of a value, behind what came before it.
func (k *receiver[K, C]) seal(record []byte) error {
	feeder, n := binary.Uvarint(record)
	if n <= 0 || len(record)-n != len(plan.ValueID{}) || k.voter == nil {
		return errRecord
	}
	k.out.flush()
	return k.voter.vote(feeder, plan.ValueID(record[n:]))
}
