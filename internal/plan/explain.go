package plan

import (
	"fmt"
	"path/filepath"
	"strings"
)

// Explain renders the plan as text: stages, operators with the labels of their edges, points of order.
func (p *Plan) Explain() string {
	var b strings.Builder
	fmt.Fprintf(&b, "pipeline %s", p.Graph.Name)
	if p.Graph.Version != "" {
		fmt.Fprintf(&b, ", version %s", p.Graph.Version)
	}
	fmt.Fprintf(&b, ", fingerprint %s\n", p.Fingerprint)
	for _, s := range p.Stages {
		b.WriteString("\n")
		p.explainStage(&b, s)
	}
	b.WriteString("\nresults\n")
	for _, write := range p.Writes {
		b.WriteString(p.path(write))
	}
	b.WriteString("\npoints of order\n")
	points := p.PointsOfOrder()
	for _, pt := range points {
		fmt.Fprintf(&b, "  %s %s (%s)\n    waits for %s\n    because %s\n    instead: %s\n",
			pt.Node.Op, pt.Name, shortSite(pt.Node.Site), pt.Waits, pt.Reason, pt.Repair)
	}
	if len(points) == 0 {
		b.WriteString("  none: every result leaves at once\n")
	}
	return b.String()
}

func (p *Plan) explainStage(b *strings.Builder, s *Stage) {
	fmt.Fprintf(b, "stage %s, %s", s.Name, plural(s.Shards, "shard"))
	if !s.Exchanged() {
		fmt.Fprintf(b, ", reads stream %s", s.Root.Source.Stream)
		if f := s.Root.Source.Filters; len(f) > 1 || f[0] != "" {
			fmt.Fprintf(b, " by %s", strings.Join(f, ", "))
		}
	} else {
		fmt.Fprintf(b, ", behind an exchange from %s on %s", names(s.From), s.Root.KeyName)
	}
	b.WriteString("\n")
	for _, n := range s.Nodes {
		fmt.Fprintf(b, "  #%-2d %-28s", n.ID, n.Label())
		var parts []string
		if n.Detail != "" {
			parts = append(parts, n.Detail)
		}
		if n.State != "" {
			parts = append(parts, "state "+n.State+", "+n.Windowing.String()+" windows")
		}
		if n.Kind == KindWrite {
			parts = append(parts, "to "+n.Target, p.WriteVerdict(n).String())
		}
		for _, in := range n.In {
			parts = append(parts, fmt.Sprintf("from #%d", in.ID))
		}
		b.WriteString(strings.TrimRight(" "+strings.Join(parts, "; "), " ") + "\n")
		if n.Kind != KindWrite {
			fmt.Fprintf(b, "      yields: %s\n", p.LabelOf(n))
		}
	}
	for _, to := range s.To {
		fmt.Fprintf(b, "  exchange to stage %s: the keys (%s) of several shards meet there\n", to.Name, to.Root.KeyName)
	}
}

// Mermaid renders the plan as a Mermaid flow chart.
func (p *Plan) Mermaid() string {
	var b strings.Builder
	b.WriteString("flowchart TD\n")
	for i, s := range p.Stages {
		fmt.Fprintf(&b, "  subgraph s%d[\"%s, %s\"]\n", i, quote(s.Name), plural(s.Shards, "shard"))
		for _, n := range s.Nodes {
			open, shut := "[", "]"
			switch n.Kind {
			case KindSeal:
				open, shut = "{{", "}}"
			case KindRead, KindWrite:
				open, shut = "([", "])"
			default:
			}
			text := n.Label()
			if n.Detail != "" {
				text += "<br/>" + n.Detail
			}
			fmt.Fprintf(&b, "    n%d%s\"%s\"%s\n", n.ID, open, quote(text), shut)
		}
		b.WriteString("  end\n")
	}
	for _, n := range p.Graph.Nodes {
		for _, in := range n.In {
			arrow := "-->"
			if p.Exchanged(n) {
				arrow = "==>"
			}
			fmt.Fprintf(&b, "  n%d %s|\"%s\"| n%d\n", in.ID, arrow, quote(p.LabelOf(in).short()), n.ID)
		}
	}
	return b.String()
}

func quote(s string) string { return strings.ReplaceAll(s, `"`, "#quot;") }

func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// shortSite keeps the last folder of a site, which tells a reader enough and does not tell where the program was built.
func shortSite(site string) string {
	return filepath.Join(filepath.Base(filepath.Dir(site)), filepath.Base(site))
}
