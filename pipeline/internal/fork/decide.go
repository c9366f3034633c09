package fork

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/calmstream/calmstream/internal/plan"
)

// ErrRefused is wrapped by the error of Take if the new version cannot take over the state of the old one.
var ErrRefused = errors.New("the new version cannot go on from the state of the active one")

// decision is what becomes of the states of an old version.
type decision struct {
	// kept has for the number of each operator whose state is kept its number in the new plan.
	kept map[int]int
	// dropped are the numbers of the operators whose state is not.
	dropped map[int]bool
	// stages are those whose shards go on where the old ones were.
	stages []plan.StageDocument
	// lost and fresh are the states that are dropped, and those that begin empty.
	lost, fresh, states []string
}

// decide compares two versions. It returns an error that wraps ErrRefused and has all reasons, if next cannot go on from before, and an empty decision if
// there is nothing that it could keep.
func decide(before, next plan.Document) (d decision, err error) {
	d.kept, d.dropped = make(map[int]int), make(map[int]bool)
	var reasons []string
	for _, c := range before.Compare(next) {
		switch c.Fate {
		case plan.Kept:
			o, n := named(before, c.State), named(next, c.State)
			d.kept[o.Number], d.states = n.Number, append(d.states, c.State)
			for _, reason := range readable(before, next, o, n) {
				reasons = append(reasons, fmt.Sprintf("state %s: %s", c.State, reason))
			}
		case plan.Refused:
			reasons = append(reasons, fmt.Sprintf("state %s: %s", c.State, c.Reason))
		case plan.Dropped:
			d.lost = append(d.lost, c.State)
			d.dropped[named(before, c.State).Number] = true
		case plan.New:
			d.fresh = append(d.fresh, c.State)
		case plan.Shared: // it is no other version
		}
	}
	if len(d.kept) == 0 && len(reasons) == 0 {
		return decision{}, nil
	}
	for _, s := range before.Stages {
		if len(changed(before, next, s.Name)) == 0 {
			d.stages = append(d.stages, s)
		}
	}
	if len(reasons) > 0 {
		return decision{}, fmt.Errorf("%w:\n  %s", ErrRefused, strings.Join(reasons, "\n  "))
	}
	return d, nil
}

func named(d plan.Document, state string) plan.OperatorDocument {
	i := slices.IndexFunc(d.Operators, func(o plan.OperatorDocument) bool { return o.State != nil && o.Name == state })
	return d.Operators[i]
}

// readable says why the state of o means something else for n, although its entries can be read.
func readable(before, next plan.Document, o, n plan.OperatorDocument) (reasons []string) {
	if was, is := consumers(before, o, isSeal), consumers(next, n, isSeal); !slices.Equal(was, is) {
		reasons = append(reasons, fmt.Sprintf("it was sealed by %s and is by %s; what is late, and which windows are closed, would be of both; give the new state a name of its own, which begins empty", list(was), list(is)))
	}
	was := consumers(before, o, isEarly)
	for _, early := range consumers(next, n, isEarly) {
		if !slices.Contains(was, early) {
			reasons = append(reasons, fmt.Sprintf("%s is new, and would say nothing of the keys that are past it already; give it a state with a name of its own, which begins empty", early))
		}
	}
	if len(o.Inputs) != len(n.Inputs) {
		reasons = append(reasons, fmt.Sprintf("it had %d inputs and has %d; give the new state a name of its own, which begins empty", len(o.Inputs), len(n.Inputs)))
	}
	if !slices.Equal(o.Stages, n.Stages) {
		return append(reasons, fmt.Sprintf("it was in stage %s and is in stage %s; keep the names of inputs, and the number of their shards", list(o.Stages), list(n.Stages)))
	}
	for _, stage := range o.Stages {
		for _, reason := range changed(before, next, stage) {
			if !slices.Contains(reasons, reason) {
				reasons = append(reasons, reason)
			}
		}
	}
	return reasons
}

// stageOf returns the stage of a name.
func stageOf(d plan.Document, name string) (s plan.StageDocument, found bool) {
	i := slices.IndexFunc(d.Stages, func(s plan.StageDocument) bool { return s.Name == name })
	if i < 0 {
		return s, false
	}
	return d.Stages[i], true
}

// feeds returns the stages that a stage of a document feeds, in the order in which its shards keep the numbers of what they have sent.
func feeds(d plan.Document, name string) (to []plan.StageDocument) {
	for _, s := range d.Stages {
		if slices.Contains(s.From, name) {
			to = append(to, s)
		}
	}
	return to
}

// changed says why the positions of a stage mean nothing for the one of the same name. Behind an exchange they are about what the stages that feed
// it have sent, so that nothing may have changed in those either.
func changed(before, next plan.Document, name string) (reasons []string) {
	o, _ := stageOf(before, name)
	n, found := stageOf(next, name)
	if !found {
		return []string{fmt.Sprintf("there is no stage %s any more", name)}
	}
	if len(o.From) > 0 || len(n.From) > 0 {
		if was, now := list(o.From), list(n.From); was != now {
			return []string{fmt.Sprintf("stage %s was fed by %s and is by %s; what is on its way, and how far each has come, would be of others; give the new state a name of its own, which begins empty", name, was, now)}
		}
		if o.Shards != n.Shards {
			reasons = append(reasons, fmt.Sprintf("the shards of stage %s were %d and are %d, so that its keys are divided in another way; keep Pipeline.Shards, or give the new state a name of its own, which begins empty", name, o.Shards, n.Shards))
		}
		for _, from := range o.From {
			reasons = append(reasons, changed(before, next, from)...)
		}
		return reasons
	}
	for _, c := range []struct {
		what     string
		was, now string
	}{
		{"shards", fmt.Sprint(o.Shards), fmt.Sprint(n.Shards)},
		{"stream", o.Stream, n.Stream},
		{"subjects", list(o.Subjects), list(n.Subjects)},
		{"settings", read(before, o.Name).Detail, read(next, n.Name).Detail},
	} {
		if c.was != c.now {
			reasons = append(reasons, fmt.Sprintf("the %s of the input %s were %q and are %q; positions in one are none in the other", c.what, o.Name, c.was, c.now))
		}
	}
	return reasons
}

// read returns the operator that begins a stage.
func read(d plan.Document, name string) plan.OperatorDocument {
	for _, o := range d.Operators {
		if o.Name == name && len(o.Inputs) == 0 {
			return o
		}
	}
	return plan.OperatorDocument{}
}

func isSeal(operator string) bool { return strings.HasPrefix(operator, "seal") }

// isEarly reports whether an operator answers once, when a state grows past something.
func isEarly(operator string) bool { return operator == "threshold" || operator == "bounds" }

// consumers returns what the operators that read o say of themselves, each once and sorted.
func consumers(d plan.Document, o plan.OperatorDocument, which func(operator string) bool) (all []string) {
	for _, c := range d.Operators {
		if slices.Contains(c.Inputs, o.Number) && which(c.Operator) {
			all = append(all, c.Operator+" ("+c.Detail+")")
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

func list(of []string) string {
	if len(of) == 0 {
		return "nothing"
	}
	return strings.Join(of, ", ")
}
