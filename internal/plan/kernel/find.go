package kernel

import (
	"bytes"
	"encoding/binary"
	"fmt"

	"github.com/calmstream/calmstream/internal/plan"
)

// Finder looks for the state of one key in one window among the entries of a fold, without its kernel: whoever asks about
// a key need not hold the others. Of the parts of a checkpoint the newest that knows something is right, since an entry is absolute.
type Finder struct {
	key     []byte // in the canonical encoding
	window  plan.Span
	instant int64 // of a session
	see     func(entry []byte) error
	drop    []byte // the entry that drops the key's value of the attribute
	found   plan.Finding
}

// Find returns what looks for the state of a key in the window that holds an instant: of several windows the last, and of sessions
// whichever does. The state of a fold without windows is in the global one.
func Find[K plan.Key](n *plan.Node, key K, instant int64) (*Finder, error) {
	encoded := plan.KeyCodecOf[K]().Append(nil, key)
	if n.Rule.Attribute == "" {
		return FindKey(n, encoded, instant)
	}
	value, ok := valueOf[K](n.DependencyOf(0))
	if !ok {
		return nil, fmt.Errorf("plan: %s (%s): %s is declared for keys of another type", n.Label(), n.Site, n.Rule.Attribute)
	}
	f := finder(n, encoded, instant)
	f.drop = appendDrop(nil, plan.ValuesOf(n.Rule.Attribute).ID(value(key)))
	f.see = f.seeValued
	return f, nil
}

// FindKey is Find for a key in its canonical encoding. It cannot look for keys that are sealed by values of an attribute.
func FindKey(n *plan.Node, key []byte, instant int64) (*Finder, error) {
	f := finder(n, key, instant)
	switch {
	case n.Windowing.Cut:
		return nil, fmt.Errorf("plan: %s (%s) has windows of recorded cuts, which cannot be asked for by time", n.Label(), n.Site)
	case n.Rule.Attribute != "":
		return nil, fmt.Errorf("plan: %s (%s) is sealed by values of %s, which its program alone knows", n.Label(), n.Site, n.Rule.Attribute)
	case n.Windowing.Gap > 0:
		f.see = f.seeVisits
	default:
		f.drop = binary.AppendVarint([]byte{entryDrop}, f.window.Start)
		f.see = f.seePane
	}
	return f, nil
}

func finder(n *plan.Node, key []byte, instant int64) *Finder {
	return &Finder{key: key, window: n.Windowing.Assign(instant), instant: instant}
}

// Window returns the window that is looked for, if it is known without a look: that of a session is not.
func (f *Finder) Window() plan.Span { return f.window }

// See takes an entry of the fold.
func (f *Finder) See(entry []byte) error {
	if len(entry) == 0 {
		return errEntry
	}
	return f.see(entry)
}

// Take returns what the entries since the last call say.
func (f *Finder) Take() (found plan.Finding) {
	found, f.found = f.found, plan.Finding{}
	return found
}

func (f *Finder) seePane(entry []byte) error {
	switch entry[0] {
	case entryTally:
		return nil
	case entryDrop, entryPut:
		return f.seeDropOrPut(entry)
	}
	return errEntry
}

func (f *Finder) seeValued(entry []byte) error {
	switch entry[0] {
	case entryVotes:
		return nil
	case entryDropValue, entryPut:
		return f.seeDropOrPut(entry)
	}
	return errEntry
}

func (f *Finder) seeDropOrPut(entry []byte) error {
	if entry[0] != entryPut {
		if bytes.Equal(entry, f.drop) {
			f.found = plan.Finding{Known: true}
		}
		return nil
	}
	start, n := binary.Varint(entry[1:])
	if n <= 0 {
		return errEntry
	}
	key, value, err := cutBytes(entry[1+n:])
	if err == nil && start == f.window.Start && bytes.Equal(key, f.key) {
		f.found = plan.Finding{Known: true, Present: true, Window: f.window, Value: bytes.Clone(value)}
	}
	return err
}

func (f *Finder) seeVisits(entry []byte) error {
	if bytes.HasPrefix(entry, tallyMark) {
		return nil
	}
	key, rest, err := cutBytes(entry)
	if err != nil || !bytes.Equal(key, f.key) {
		return err
	}
	f.found = plan.Finding{Known: true}
	for len(rest) > 0 {
		span, value, after, err := cutVisit(rest)
		if err != nil {
			return err
		}
		if span.Start <= f.instant && f.instant < span.End {
			f.found = plan.Finding{Known: true, Present: true, Window: span, Value: bytes.Clone(value)}
		}
		rest = after
	}
	return nil
}
