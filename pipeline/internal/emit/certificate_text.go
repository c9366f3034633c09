package emit

import (
	"fmt"
	"strings"
)

// String says in a few lines what was sealed, and on whose word.
func (c Certificate) String() string {
	var b strings.Builder
	switch c.Kind {
	case "":
		if c.Value != nil {
			fmt.Fprintf(&b, "%s %q in ", c.Attribute, *c.Value)
		}
		fmt.Fprintf(&b, "window %s of state %s is sealed in shard %s/%d: %d keys, digest %s\n", c.Window, c.State, c.Stage, c.Shard, c.Keys, c.Digest)
	case "sessions":
		fmt.Fprintf(&b, "%d sessions of state %s that end in %s are sealed in shard %s/%d: digest %s\n", c.Keys, c.State, c.Window, c.Stage, c.Shard, c.Digest)
	default:
		fmt.Fprintf(&b, "%d keys of state %s were complete at %s of shard %s/%d: digest %s\n", c.Keys, c.State, c.Window, c.Stage, c.Shard, c.Digest)
	}
	fmt.Fprintf(&b, "  by %s; witnessed by %s at position %s, frontier %s", c.Rule, c.Owner, c.Position, orNothing(c.Frontier))
	for _, w := range c.Registry {
		fmt.Fprintf(&b, "\n  %s is complete before %s", w.Name, orNothing(w.Frontier))
	}
	if all := c.Registered; all != nil {
		fmt.Fprintf(&b, "\n  and %d more, of %d with the digest %s", all.Count-len(c.Registry), all.Count, all.Digest)
	}
	return b.String()
}

func orNothing(frontier string) string {
	if frontier == "" {
		return "the beginning"
	}
	return frontier
}
