package pipeline

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/calmstream/calmstream/crdt"
	"github.com/calmstream/calmstream/internal/plan"
	"github.com/calmstream/calmstream/operators"
	"github.com/calmstream/calmstream/sinks"
)

// A value of a state, as EncodeState writes it, is
//
//	byte version (1)  uvarint(len key)  key  value
//
// with the key in its canonical encoding and the value in its lattice's.
const stateVersion = 1

// EncodeState encodes a lower bound for [ReadState]: key and value, both to be read back. It is for Write.
func EncodeState[K operators.Key, V any, P crdt.Lattice[V]](b operators.Bound[K, V]) ([]byte, error) {
	if !b.Window.IsGlobal() {
		return nil, fmt.Errorf("pipeline: a state of the window %s cannot be read as one: ReadState has no windows", b.Window)
	}
	keys := plan.KeyCodecOf[K]()
	data := binary.AppendUvarint([]byte{stateVersion}, uint64(keys.Size(b.Key)))
	return P(&b.Value).AppendBinary(keys.Append(data, b.Key))
}

// StateSource says where the states of other pipelines are.
type StateSource struct {
	// Stream is the JetStream stream to read: that of the others' sink, or one that has several of them as its sources, also from
	// other domains.
	Stream string
	// Subjects has one subject filter for each shard, as in Source. Any division will do.
	Subjects []string
	// Bounded says that the input ends with what is in the stream when the run begins.
	Bounded bool
}

// ReadState begins a pipeline with the growing state of others: lower bounds that they publish, with operators.Bounds and EncodeState, are
// merged for each key. The state is at least what each of them has published, whatever order the values come in, how often, and which of them are missing. It grows with
// theirs, and can be asked and sealed as any other. Name is that of the state, and key that of the attribute of its keys.
//
// Counts of other pipelines are counts of other things, though their shards have the same names: so the origins in a value that knows
// scopes, such as crdt.GCounter, get that of the pipeline, its domain and its log (see sinks.Record.Origin). The merged count is the sum of what they all have counted. A pipeline that
// has been moved to another server or another input, or whose exchange was made again, counts anew in another scope: do not merge what it has published before and after.
//
// To read it, publish [crdt.Whole] of a state, or another lattice that can be merged over pipelines: a Max of counts is the largest of
// theirs, and not the sum. A message that is no such value goes to the dead letters.
func ReadState[K operators.Key, V any, P crdt.Lattice[V]](p *Pipeline, name, key string, from StateSource) operators.Growing[K, V] {
	site := plan.Site(1)
	read := Read(p, name+"-values", Source[stateValue[K, V]]{Stream: from.Stream, Subjects: from.Subjects, Bounded: from.Bounded, Decode: decodeState[K, V, P]})
	keyed := operators.KeyBy(read, key, func(v stateValue[K, V]) K { return v.key })
	state := operators.Aggregate[K, stateValue[K, V], V, P](name, keyed, func(v stateValue[K, V]) V { return v.value })
	for _, n := range []*plan.Node{plan.OfStream(read), plan.OfKeyed(keyed), plan.OfGrowing(state)} {
		n.Site = site
	}
	return state
}

// stateValue is a value of a key's state.
type stateValue[K operators.Key, V any] struct {
	key   K
	value V
}

// scoped is a lattice whose values name the histories that they are of.
type scoped[V any] interface{ Scoped(scope string) V }

var errState = errors.New("pipeline: the message is no state as EncodeState writes it")

func decodeState[K operators.Key, V any, P crdt.Lattice[V]](m *Message) (v stateValue[K, V], err error) {
	if verdict := header(m, sinks.VerdictHeader); verdict == crdt.Provisional.String() {
		return v, fmt.Errorf("pipeline: a state that is %s may be wrong, and so would be all that is made of it", verdict)
	}
	if v, err = readState[K, V, P](m.Data); err != nil {
		return v, err
	}
	if origin := header(m, sinks.OriginHeader); origin != "" {
		if s, ok := any(P(&v.value)).(scoped[V]); ok {
			v.value = s.Scoped(origin)
		}
	}
	return v, nil
}

func header(m *Message, name string) string {
	if values := m.Header[name]; len(values) > 0 {
		return values[0]
	}
	return ""
}

func readState[K operators.Key, V any, P crdt.Lattice[V]](data []byte) (v stateValue[K, V], err error) {
	if len(data) == 0 || data[0] != stateVersion {
		return v, errState
	}
	size, n := binary.Uvarint(data[1:])
	if n <= 0 || size > uint64(len(data)-1-n) {
		return v, errState
	}
	key, value := data[1+n:1+n+int(size)], data[1+n+int(size):]
	if v.key, err = plan.KeyCodecOf[K]().Decode(key); err != nil {
		return v, fmt.Errorf("%w: %w", errState, err)
	}
	if err := P(&v.value).UnmarshalBinary(value); err != nil {
		return v, fmt.Errorf("%w: %w", errState, err)
	}
	return v, nil
}
