package kernel

import (
	"bytes"
	"fmt"
	"slices"

	"github.com/calmstream/calmstream/internal/plan"
)

// byContent orders records of one key and time, which are in the order of the log, by their encodings, so that how the inputs were
// interleaved does not show. That is rare enough to encode them for it. Those that cannot be encoded have no place in that order: they are
// left out, and failed is told of each.
func byContent[E any](all []E, encode func(E) ([]byte, error), failed func(error)) []E {
	if len(all) < 2 {
		return all
	}
	type encoded struct {
		of   E
		text []byte
	}
	order := make([]encoded, 0, len(all))
	for _, e := range all {
		text, err := encoding(e, encode)
		if err != nil {
			failed(err)
			continue
		}
		order = append(order, encoded{e, text})
	}
	slices.SortStableFunc(order, func(x, y encoded) int { return bytes.Compare(x.text, y.text) })
	out := make([]E, len(order))
	for i := range order {
		out[i] = order[i].of
	}
	return out
}

// encoding encodes a record; a panic of the user's codec is an error.
func encoding[E any](e E, encode func(E) ([]byte, error)) (text []byte, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("its codec panicked: %v", r)
		}
	}()
	return encode(e)
}

// unordered returns what makes dead letters of records that byContent leaves out.
func (g *guard) unordered(m plan.Meta) func(error) {
	return func(err error) {
		m.Index++ // or one letter would stand for all of them
		g.rt.Reject(plan.Rejected{Node: g.node, Meta: m, Err: fmt.Errorf("a record of %s (%s) stands beside others of its key and time, and cannot be encoded to be put in order with them: %w", g.node.Label(), g.node.Site, err)})
	}
}
