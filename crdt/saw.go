package crdt

import (
	"encoding/json"
	"strconv"
)

// contextual is implemented by pointers to causal types: they know what they have heard of and what of it is in force.
type contextual[L any] interface {
	*L
	parts() (*DotContext, store)
}

// Saw holds once a causal state, such as an [AWSet], has heard of all the updates in a context. Take the context of a delta to ask
// whether an update, and those it overtook, have arrived: to read one's own writes.
func Saw[L any, P contextual[L]](updates DotContext) UpSet[L] {
	updates = Clone(&updates)
	text, _ := json.Marshal(updates) // of strings and numbers: no error
	return UpSet[L]{
		name: "saw " + string(text),
		holds: func(state *L) bool {
			context, _ := P(state).parts()
			return updates.below(context)
		},
	}
}

// Superseded holds once a causal state, such as an [AWSet], has heard of the update d, and of one that overtook it: the element that was
// added with d was removed or added again, the value that was written with d was overwritten.
func Superseded[L any, P contextual[L]](d Dot) UpSet[L] {
	return UpSet[L]{
		name: "superseded " + strconv.Quote(d.String()),
		holds: func(state *L) bool {
			context, store := P(state).parts()
			return context.Contains(d) && !store.has(d)
		},
	}
}
