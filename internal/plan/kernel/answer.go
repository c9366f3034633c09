package kernel

import (
	"github.com/calmstream/calmstream/crdt"
	"github.com/calmstream/calmstream/internal/plan"
)

// Find returns the state of a key in the last window that holds an instant.
func (k *folder[K, C, L, P]) Find(encoded []byte, instant int64) (found plan.Finding, err error) {
	defer k.broken(&err)
	key, err := k.keys.Decode(encoded)
	if err != nil {
		return found, err
	}
	found.Known = true
	pane := k.panes.byStart[k.windowing.Assign(instant).Start]
	if pane == nil {
		return found, nil
	}
	if s := pane.get(key); s != nil {
		return present[L, P](&s.value, pane.span)
	}
	return found, nil
}

// Find returns the state of a key in the session that holds an instant.
func (k *sessions[K, C, L, P]) Find(encoded []byte, instant int64) (found plan.Finding, err error) {
	defer k.broken(&err)
	key, err := k.keys.Decode(encoded)
	if err != nil {
		return found, err
	}
	found.Known = true
	v := k.visits.get(key)
	if v == nil {
		return found, nil
	}
	for i := range v.value.sessions {
		if s := &v.value.sessions[i]; s.span.Start <= instant && instant < s.span.End {
			return present[L, P](&s.value, s.span)
		}
	}
	return found, nil
}

// Find returns the state of a key.
func (k *valued[K, C, L, P]) Find(encoded []byte, _ int64) (found plan.Finding, err error) {
	defer k.broken(&err)
	key, err := k.keys.Decode(encoded)
	if err != nil {
		return found, err
	}
	found.Known = true
	if s := k.states[key]; s != nil {
		return present[L, P](&s.value, plan.Global)
	}
	return found, nil
}

func present[L any, P crdt.Lattice[L]](value *L, window plan.Span) (plan.Finding, error) {
	data, err := P(value).AppendBinary(nil)
	return plan.Finding{Known: true, Present: err == nil, Window: window, Value: data}, err
}
