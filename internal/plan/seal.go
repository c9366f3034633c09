package plan

import (
	"fmt"
	"time"
)

// SealRule says when a window is complete.
type SealRule struct {
	// Set tells a rule from no rule: without one a window never closes.
	Set bool `json:"set,omitempty"`
	// OnlyAtEnd closes windows only at the end of bounded input.
	OnlyAtEnd bool `json:"onlyAtEnd,omitempty"`
	// Evidence seals each state by itself, as soon as it holds the evidence that it is complete; windows never close.
	Evidence bool `json:"evidence,omitempty"`
	// Punctuation closes windows by the promises of producers alone: a Lateness of 0, over inputs that all have a registry.
	Punctuation bool `json:"punctuation,omitempty"`
	// Cut closes windows by recorded cuts: a Lateness of 0, over windows between cuts.
	Cut bool `json:"cut,omitempty"`
	// Attribute, if it is not empty, seals keys by the values of that attribute which producers promise to be complete. OnlyAtEnd is
	// set too: nothing else but the end of the input says more.
	Attribute string `json:"attribute,omitempty"`
	// Lateness is how far, in event time, records may trail the latest record of their shard.
	Lateness time.Duration `json:"lateness,omitempty"`
}

// Closed reports whether a window that ends at end is complete once everything before frontier has been seen.
func (r SealRule) Closed(frontier, end int64) bool {
	switch {
	case !r.Set || r.Evidence:
		return false
	case frontier == End:
		return true
	case end == End:
		return false
	}
	return r.After(frontier) >= end
}

// Closing returns the least frontier at which a window that ends at end is complete; it is End also for a window that never is.
func (r SealRule) Closing(end int64) int64 {
	if !r.Set || r.Evidence || r.OnlyAtEnd || end > End-int64(r.Lateness) {
		return End
	}
	return end + int64(r.Lateness)
}

// After returns the frontier of what lies behind the seal.
func (r SealRule) After(frontier int64) int64 {
	switch {
	case frontier == End || frontier == Beginning || r.Evidence:
		return frontier
	case r.OnlyAtEnd:
		return Beginning
	case frontier < Beginning+int64(r.Lateness):
		return Beginning
	}
	return frontier - int64(r.Lateness)
}

func (r SealRule) String() string {
	switch {
	case !r.Set:
		return "none"
	case r.Attribute != "":
		return "values of " + r.Attribute + ", by promises of the registered producers"
	case r.OnlyAtEnd:
		return "end of bounded input"
	case r.Evidence:
		return "evidence in the state"
	}
	if r.Cut {
		return "recorded cut"
	}
	if r.Punctuation {
		return "punctuation of the registered producers"
	}
	return fmt.Sprintf("event-time watermark, lateness %s", r.Lateness)
}
