package ask

import (
	"fmt"
	"reflect"

	"github.com/calmstream/calmstream/crdt"
	"github.com/calmstream/calmstream/internal/plan"
)

// Named returns a state as something to ask, from what its document says: the name of its lattice and of the class of its keys. It fails for lattices
// that are not known by name.
func Named(n *plan.Node, lattice, keys string) (*plan.Sharing, error) {
	var s *plan.Sharing
	switch keys {
	case "string":
		s = named[string](n, lattice)
	case "signed":
		s = named[int64](n, lattice)
	case "unsigned":
		s = named[uint64](n, lattice)
	}
	if s == nil {
		return nil, fmt.Errorf("a state of type %s with %s keys is known to its program alone", lattice, keys)
	}
	return s, nil
}

func named[K plan.Key](n *plan.Node, lattice string) *plan.Sharing {
	for _, try := range []func(*plan.Node, string) *plan.Sharing{
		is[K, crdt.GCounter], is[K, crdt.PNCounter], is[K, crdt.Bool],
		is[K, crdt.GSet[string]], is[K, crdt.GSet[int]], is[K, crdt.GSet[int64]], is[K, crdt.GSet[uint64]],
		is[K, crdt.Max[string]], is[K, crdt.Max[int]], is[K, crdt.Max[int64]], is[K, crdt.Max[uint64]],
		is[K, crdt.Min[string]], is[K, crdt.Min[int]], is[K, crdt.Min[int64]], is[K, crdt.Min[uint64]],
	} {
		if s := try(n, lattice); s != nil {
			return s
		}
	}
	return nil
}

// is returns the state if that is the name of its lattice.
func is[K plan.Key, L any, P crdt.Lattice[L]](n *plan.Node, lattice string) *plan.Sharing {
	if reflect.TypeFor[L]().String() != lattice {
		return nil
	}
	return Sharing[K, L, P](n)
}

// Key returns the canonical encoding of a key that is given as text, by the class of its type.
func Key(keys, text string) ([]byte, error) {
	switch keys {
	case "string":
		return []byte(text), nil
	case "signed":
		key, err := plan.ParseKey[int64](text)
		return plan.KeyCodecOf[int64]().Append(nil, key), err
	case "unsigned":
		key, err := plan.ParseKey[uint64](text)
		return plan.KeyCodecOf[uint64]().Append(nil, key), err
	}
	return nil, fmt.Errorf("keys of the class %q are known to their program alone", keys)
}
