package ask

import (
	"encoding/json"
	"fmt"

	"github.com/calmstream/calmstream/crdt"
	"github.com/calmstream/calmstream/internal/plan"
	"github.com/calmstream/calmstream/internal/plan/kernel"
)

// Sharing returns the state of a node as something to ask.
func Sharing[K plan.Key, L any, P crdt.Lattice[L]](n *plan.Node) *plan.Sharing {
	codec := plan.KeyCodecOf[K]()
	return &plan.Sharing{
		Node: n,
		Key: func(text string) ([]byte, error) {
			key, err := plan.ParseKey[K](text)
			return codec.Append(nil, key), err
		},
		Home: func(p *plan.Plan, encoded []byte) (*plan.Stage, int, error) {
			key, err := codec.Decode(encoded)
			if err != nil {
				return nil, 0, err
			}
			return kernel.ShardOf(p, n, key)
		},
		Check: func(set string) error {
			_, err := Set[L](set)
			return err
		},
		Read: read[L, P],
	}
}

// read decodes a state and says what it says. A lattice of the user's may panic.
func read[L any, P crdt.Lattice[L]](found plan.Finding, name string) (r plan.Reading, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("the lattice panicked: %v", p)
		}
	}()
	var state L
	if found.Present {
		if err := P(&state).UnmarshalBinary(found.Value); err != nil {
			return r, err
		}
	}
	if name != "" {
		set, err := Set[L](name)
		if err != nil {
			return r, err
		}
		r.Holds = set.Holds(&state)
	}
	_, r.Settled = crdt.SealSettled[L, P](&state)
	r.Value, err = json.Marshal(shown(&state))
	return r, err
}

// shown is how a state is shown: a count without its origins, which say nothing to who asks. What has no form for people is null.
func shown[L any](state *L) any {
	switch s := any(state).(type) {
	case *crdt.GCounter:
		return s.Value()
	case json.Marshaler:
		return s
	case fmt.Stringer:
		return s.String()
	}
	return nil
}
