package plan

import (
	"fmt"
	"strings"
)

// DOT renders the plan as a graph of Graphviz: stages as clusters, points of order as octagons, exchanges as bold edges.
func (p *Plan) DOT() string {
	var b strings.Builder
	fmt.Fprintf(&b, "digraph %q {\n  rankdir=TB; node [shape=box];\n", p.Graph.Name)
	drawn := make(map[*Node]bool)
	for i, s := range p.Stages {
		fmt.Fprintf(&b, "  subgraph cluster_%d {\n    label=%q;\n", i, fmt.Sprintf("%s, %s", s.Name, plural(s.Shards, "shard")))
		for _, n := range s.Nodes {
			if drawn[n] { // below a union it belongs to several stages, and is drawn in the first
				continue
			}
			drawn[n] = true
			shape := ""
			switch {
			case n.Kind == KindSeal || n.Outer:
				shape = ", shape=octagon"
			case n.Kind == KindRead || n.Kind == KindWrite:
				shape = ", shape=oval"
			}
			text := n.Label()
			if n.Detail != "" {
				text += "\n" + n.Detail
			}
			fmt.Fprintf(&b, "    n%d [label=%q%s];\n", n.ID, text, shape)
		}
		b.WriteString("  }\n")
	}
	for _, n := range p.Graph.Nodes {
		style := ""
		if p.Exchanged(n) {
			style = ", style=bold"
		}
		for _, in := range n.In {
			fmt.Fprintf(&b, "  n%d -> n%d [label=%q%s];\n", in.ID, n.ID, p.LabelOf(in).short(), style)
		}
	}
	b.WriteString("}\n")
	return b.String()
}
