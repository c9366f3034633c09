package shard

import (
	"cmp"
	"slices"

	"github.com/calmstream/calmstream/internal/plan"
)

// Bound is the end of a log whose input is what stood there when the run began.
type Bound struct {
	// Set says that there is one. Last is the sequence of the last message that belongs to the input.
	Set  bool
	Last uint64
}

// within returns the messages that belong to the input, and whether it has come to its end with them. Where the log has nothing at
// the bound for this shard, it is the position that says so.
func (s *session) within(messages []plan.Message) (inside []plan.Message, end bool) {
	b := s.env.Bound
	if !b.Set {
		return messages, false
	}
	n, _ := slices.BinarySearchFunc(messages, b.Last+1, func(m plan.Message, seq uint64) int { return cmp.Compare(m.Seq, seq) })
	at := max(s.position.Seq, s.log.Position())
	if len(messages) > 0 {
		at = messages[len(messages)-1].Seq
	}
	return messages[:n], at >= b.Last
}

// bounded says whether the log has been read up to its bound.
func (s *session) bounded() bool {
	return s.env.Bound.Set && max(s.position.Seq, s.log.Position()) >= s.env.Bound.Last
}

// close ends the input at its bound, as an end marker there would have.
func (s *session) close() {
	s.End()
	s.env.Stats.OpenWindows.Store(int64(s.open()))
	s.env.Stats.Frontier.Store(s.frontier)
	s.position.Seq, s.dirty = s.env.Bound.Last, true
}

// End ends the input behind what was applied.
func (m *Machine) End() {
	m.frontier = plan.End
	m.kernels.Source.Advance(m.frontier)
	for _, s := range m.senders {
		s.Flush()
	}
}
