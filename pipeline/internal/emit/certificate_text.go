package emit

import (
	"fmt"
	"strings"
)

// String says in a few lines what was sealed, and on whose word.
func (c Certificate) String() string {
	var b strings.Builder
	if c.Value != nil {
		fmt.Fprintf(&b, "%s %q in ", c.Attribute, *c.Value)
	}
	fmt.Fprintf(&b, "window %s of state %s is sealed in shard %s/%d: %d keys, digest %s\n", c.Window, c.State, c.Stage, c.Shard, c.Keys, c.Digest)
	fmt.Fprintf(&b, "  by %s; witnessed by %s at position %s, frontier %s", c.Rule, c.Owner, c.Position, orNothing(c.Frontier))
	for _, w := range c.Registry {
		fmt.Fprintf(&b, "\n  %s is complete before %s", w.Name, orNothing(w.Frontier))
	}
	return b.String()
}

func orNothing(frontier string) string {
	if frontier == "" {
		return "the beginning"
	}
	return frontier
}
