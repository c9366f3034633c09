package pipelinetest

import (
	"math/rand/v2"
	"slices"
)

// Deal deals logs to so many shards of a Read.
func Deal(logs []Log, read string, shards int) []Log {
	of := map[string]int{read: shards}
	d := &dealer{records: recordsOf(logs)}
	return logsOf(d.deal(rand.New(rand.NewPCG(1, 1)), of), of)
}

// Without leaves out messages.
func Without(l Log, from, to int) Log {
	l.Messages = slices.Clone(l.Messages)
	return l.without(from, to)
}

// Reparse writes a history as text and reads it back.
func Reparse(h *History) (*History, error) {
	text, err := h.MarshalText()
	if err != nil {
		return nil, err
	}
	back := new(History)
	return back, back.UnmarshalText(text)
}

// Certificates are what was sealed, by shard, state and window.
func (o *Outcome) Certificates() map[string]string { return o.sealed }
