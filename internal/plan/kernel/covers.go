package kernel

import (
	"bytes"
	"encoding/binary"
	"fmt"

	"github.com/calmstream/calmstream/crdt"
	"github.com/calmstream/calmstream/internal/plan"
)

// Covers holds an entry of a snapshot taken before against the present state.
func (k *folder[K, C, L, P]) Covers(entry []byte) error {
	if len(entry) == 0 {
		return errEntry
	}
	if entry[0] == entryTally {
		return nil // it grows and begins anew
	}
	start, n := binary.Varint(entry[1:])
	if n <= 0 {
		return errEntry
	}
	pane := k.panes.byStart[start]
	if entry[0] == entryDrop || pane == nil {
		return nil
	}
	encoded, value, err := cutBytes(entry[1+n:])
	if err != nil {
		return err
	}
	key, err := k.keys.Decode(encoded)
	if err != nil {
		return err
	}
	now := pane.get(key)
	if now == nil {
		return fmt.Errorf("the state of %s of key %q in window %s is gone before its window has closed", k.node.Label(), k.keys.Text(key), pane.span)
	}
	if !covers[L, P](&now.value, value) {
		return k.fell(k.keys.Text(key), pane.span)
	}
	return nil
}

// Covers holds an entry of a snapshot taken before against the present state. Sessions may have grown together since.
func (k *sessions[K, C, L, P]) Covers(entry []byte) error {
	if bytes.HasPrefix(entry, tallyMark) {
		return nil
	}
	encoded, rest, err := cutBytes(entry)
	if err != nil {
		return err
	}
	key, err := k.keys.Decode(encoded)
	if err != nil {
		return err
	}
	var open []session[L]
	if v := k.visits.get(key); v != nil {
		open = v.value.sessions
	}
	for len(rest) > 0 {
		var before session[L]
		if before, rest, err = k.cutSession(rest); err != nil {
			return err
		}
		value, err := P(&before.value).AppendBinary(nil)
		if err != nil {
			return err
		}
		from, to := meeting(open, before.span)
		for i := from; i < to; i++ {
			if !covers[L, P](&open[i].value, value) {
				return k.fell(k.keys.Text(key), open[i].span)
			}
		}
	}
	return nil
}

func (g *guard) fell(key string, span plan.Span) error {
	return fmt.Errorf("the state of %s of key %q in window %s is not above what could be read of it before: its Merge does not only grow it", g.node.Label(), key, span)
}

// covers reports whether a state is above one that was encoded before. A lattice that cannot be asked is found elsewhere.
func covers[L any, P crdt.Lattice[L]](now *L, before []byte) (above bool) {
	defer func() {
		if recover() != nil {
			above = true
		}
	}()
	var old, joined L
	held, err := P(now).AppendBinary(nil)
	if err != nil || P(&joined).UnmarshalBinary(held) != nil || P(&old).UnmarshalBinary(before) != nil {
		return true
	}
	if !P(&joined).Merge(&old) {
		return true
	}
	after, err := P(&joined).AppendBinary(nil)
	return err != nil || bytes.Equal(held, after)
}
