package pipelinetest

import (
	"slices"
	"time"
)

// Bounds on the search for a shorter history.
const (
	shrinkTime = 5 * time.Second
	shrinkRuns = 20_000
	pairSteps  = 50
)

// shrinker makes a history shorter, by leaving out parts of it as long as what is left breaks the same kind of promise (delta
// debugging: Zeller and Hildebrandt, IEEE TSE 28(2), 2002).
type shrinker struct {
	*search
	best *History
	err  error   // what best shows
	want Outcome // the plain outcome of the messages of best
	runs int
	end  time.Time
}

// shorten returns the failure with the shortest history that shows it.
func (s *search) shorten(h *History, want Outcome, err error) *Failure {
	f := &Failure{Err: err, History: h, Steps: len(h.steps), Messages: h.messages()}
	if s.asDrawn {
		return f
	}
	k := &shrinker{search: s, best: h, err: err, want: want, end: time.Now().Add(shrinkTime)}
	if again := s.replay(h, want); again == nil {
		f.Flaky = true
		return f
	}
	for before := -1; before != k.size() && !k.spent(); {
		before = k.size()
		k.fewerOwners()
		k.fewerSteps()
		k.fewerMessages()
		k.simplerSteps()
		k.fewerPairs()
	}
	if k.replay(k.best, k.want) == nil {
		f.Flaky = true
		return f
	}
	f.History, f.Err = k.best, k.err
	return f
}

func (k *shrinker) size() int   { return len(k.best.steps) + k.best.messages() + k.best.Owners }
func (k *shrinker) spent() bool { return k.runs >= shrinkRuns || time.Now().After(k.end) }

// try takes over a history if it shows the same kind of fault.
func (k *shrinker) try(h History, sameMessages bool) bool {
	if k.spent() {
		return false
	}
	k.runs++
	want := k.want
	if !sameMessages {
		var err error
		if want, err = k.plain(h.Logs); err != nil {
			return false
		}
	}
	err := k.replay(&h, want)
	if err == nil || !alike(err, k.err) {
		return false
	}
	k.best, k.err, k.want = &h, err, want
	return true
}

func (k *shrinker) fewerOwners() {
	for owners := 1; owners < k.best.Owners; owners++ {
		h := *k.best
		h.Owners = owners
		h.steps = slices.DeleteFunc(slices.Clone(h.steps), func(s step) bool { return s.owner >= owners })
		if k.try(h, true) {
			return
		}
		h.steps = slices.Clone(k.best.steps)
		for i := range h.steps { // perhaps those that are left can do it all
			h.steps[i].owner %= owners
		}
		if k.try(h, true) {
			return
		}
	}
}

func (k *shrinker) fewerSteps() {
	leaveOut(len(k.best.steps), func(from, to int) bool {
		h := *k.best
		h.steps = slices.Concat(h.steps[:from], h.steps[to:])
		return k.try(h, true)
	})
}

func (k *shrinker) fewerMessages() {
	for i := range k.best.Logs {
		leaveOut(len(k.best.Logs[i].Messages), func(from, to int) bool {
			h := *k.best
			h.Logs = slices.Clone(h.Logs)
			h.Logs[i] = h.Logs[i].without(from, to)
			return k.try(h, false)
		})
	}
}

// fewerPairs leaves out any two steps that only make sense together. It is for histories that are short already.
func (k *shrinker) fewerPairs() {
	if len(k.best.steps) > pairSteps {
		return
	}
	for i := 0; i < len(k.best.steps); i++ {
		for j := i + 1; j < len(k.best.steps); j++ {
			h := *k.best
			h.steps = slices.Concat(h.steps[:i], h.steps[i+1:j], h.steps[j+1:])
			if k.try(h, true) {
				j = i // the ones that stand there now
			}
		}
	}
}

// simplerSteps writes each step in the simplest way that still shows the fault.
func (k *shrinker) simplerSteps() {
	for i := range k.best.steps {
		for _, simpler := range k.best.steps[i].simpler() {
			h := *k.best
			h.steps = slices.Clone(h.steps)
			if h.steps[i] = simpler; k.try(h, true) {
				break
			}
		}
	}
}

// simpler returns what is simpler than the step, the simplest first.
func (s step) simpler() (all []step) {
	plain := step{verb: s.verb, shard: s.shard, owner: s.owner, n: s.n}
	switch {
	case s.verb == apply && s.n > 1:
		plain.n = 1
		return []step{plain}
	case s.verb == publish && s.acks != "":
		return []step{plain}
	case s.verb == crash && s.n >= 0:
		plain.n = -1
		return []step{plain}
	case s.verb == snapshot:
		plain.verb = publish // with which a snapshot begins
		all = append(all, plain)
		if !s.full {
			plain.verb, plain.full = snapshot, true
			all = append(all, plain)
		}
	}
	return all
}

// leaveOut asks for ever smaller parts of n things whether they can be left out, until no single one can.
func leaveOut(n int, can func(from, to int) bool) {
	for size := n; size > 0; {
		found := false
		for from := 0; from < n; {
			if to := min(from+size, n); can(from, to) {
				n -= to - from
				found = true
			} else {
				from = to
			}
		}
		if size == 1 && !found {
			return
		}
		size = max(1, min(size/2, n))
		if n == 0 {
			return
		}
	}
}
