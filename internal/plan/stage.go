package plan

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
)

// Stage is the operators between two exchanges, run by a fixed number of shards.
type Stage struct {
	// Name is stable: the name of the Read node or of the fold that begins the stage.
	Name string
	// Root is the Read node or the fold that begins the stage.
	Root *Node
	// Shards is how many shards run it.
	Shards int
	// From are the stages on the other side of the exchange, none if the stage reads an input.
	From []*Stage
	// To are the stages that this one feeds.
	To []*Stage
	// Nodes are the operators of the stage in the order of the program. A fold behind an exchange belongs to the stage it
	// begins; what stands below a union without state belongs to the stage of each of its inputs.
	Nodes []*Node
	// Single says that each message must be applied by itself. Some operator has two ways by which records leave or come in one
	// order: by two inputs from within the stage, or, from an outer join, with a record that arrives and with a frontier
	// that advances. How far one way is ahead of the other must not be as much as a batch happens to hold, where that shows: see order.go.
	Single bool
}

// Exchanged reports whether the stage stands behind an exchange.
func (s *Stage) Exchanged() bool { return len(s.From) > 0 }

// Producers is the number of shards that send to the stage.
func (s *Stage) Producers() (n int) {
	for _, from := range s.From {
		n += from.Shards
	}
	return n
}

// Producer is the number, among the producers of the stage, of a shard of one of the stages it reads from.
func (s *Stage) Producer(from *Stage, shard int) int {
	for _, f := range s.From {
		if f == from {
			break
		}
		shard += f.Shards
	}
	return shard
}

// ProducerAt returns the stage and the shard that have a number among the producers.
func (s *Stage) ProducerAt(number int) (from *Stage, shard int) {
	for _, from = range s.From {
		if number < from.Shards {
			break
		}
		number -= from.Shards
	}
	return from, number
}

// Plan is a graph cut into stages.
type Plan struct {
	Graph  *Graph
	Stages []*Stage
	// Writes are the Write nodes.
	Writes []*Node
	// Fingerprint identifies the pipeline: see fingerprint.go.
	Fingerprint string

	stagesOf map[*Node][]*Stage
}

// Exchanged reports whether an exchange stands above the node: it begins a stage that does not read an input.
func (p *Plan) Exchanged(n *Node) bool {
	stages := p.stagesOf[n]
	return len(stages) == 1 && stages[0].Root == n && stages[0].Exchanged()
}

// StagesOf returns the stages that run a node: one, unless it is a stateless node below a union.
func (p *Plan) StagesOf(n *Node) []*Stage { return p.stagesOf[n] }

var validName = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)

// ValidName reports whether a name can stand in subjects and keys.
func ValidName(name string) bool { return validName.MatchString(name) }

// Cut checks the graph and cuts it into stages: each input begins one, and so does each stateful operator whose keys
// several shards may hold. It returns all mistakes, joined.
func Cut(g *Graph) (*Plan, error) {
	if err := errors.Join(g.Err(), check(g)); err != nil {
		return nil, err
	}
	p := &Plan{Graph: g, stagesOf: make(map[*Node][]*Stage)}
	for _, n := range g.Nodes {
		above := p.above(n)
		switch {
		case n.Kind == KindRead:
			p.begin(n, nil, len(n.Source.Filters))
		case n.Kind.stateful() && (len(above) > 1 || above[0].Shards > 1) && !p.partitioned(n, above):
			shards := g.Shards
			for _, from := range above {
				if g.Shards == 0 {
					shards = max(shards, from.Shards)
				}
			}
			p.begin(n, above, shards)
		default:
			for _, s := range above {
				s.Nodes = append(s.Nodes, n)
			}
			p.stagesOf[n] = above
		}
		if n.Kind == KindWrite {
			p.Writes = append(p.Writes, n)
		}
	}
	for _, s := range p.Stages {
		s.Single = s.meets()
	}
	p.Fingerprint = fingerprint(p)
	return p, nil
}

// above returns the stages that run the inputs of a node, in the order of the program.
func (p *Plan) above(n *Node) (stages []*Stage) {
	for _, s := range p.Stages {
		for _, in := range n.In {
			if slices.Contains(p.stagesOf[in], s) {
				stages = append(stages, s)
				break
			}
		}
	}
	return stages
}

func (p *Plan) begin(root *Node, from []*Stage, shards int) {
	s := &Stage{Name: root.Name, Root: root, Shards: shards, From: from, Nodes: []*Node{root}}
	for _, f := range from {
		f.To = append(f.To, s)
	}
	p.stagesOf[root], p.Stages = []*Stage{s}, append(p.Stages, s)
}

// check finds the mistakes that only the whole graph shows, and passes the rules of the seals up to the folds.
func check(g *Graph) error {
	var errs []error
	fail := func(n *Node, format string, args ...any) {
		errs = append(errs, fmt.Errorf("%s: %s: %s", n.Site, n.Label(), fmt.Sprintf(format, args...)))
	}
	if !ValidName(g.Name) {
		errs = append(errs, fmt.Errorf("pipeline: the name %q must be 1 to 64 letters, digits, '-' or '_'", g.Name))
	}
	if g.Shards < 0 {
		errs = append(errs, fmt.Errorf("pipeline: Shards must not be negative, but is %d", g.Shards))
	}
	names, targets, writes := map[string]*Node{}, map[string]*Node{}, 0
	for _, n := range g.Nodes {
		switch n.Kind {
		case KindRead, KindFold, KindJoin, KindDeduplicate, KindWrite, KindKeyBy:
			if !ValidName(n.Name) {
				fail(n, "the name %q must be 1 to 64 letters, digits, '-' or '_'", n.Name)
			}
		default:
		}
		switch n.Kind {
		case KindRead, KindFold, KindJoin, KindDeduplicate, KindWrite:
			id := n.Name
			if n.Kind == KindWrite {
				id = "write " + id // results have names of their own
			}
			if other := names[id]; other != nil {
				fail(n, "the name is taken by %s at %s; names are identities and must differ", other.Label(), other.Site)
			}
			names[id] = n
		default:
		}
		switch n.Kind {
		case KindRead:
			n.Source.Attributes = nil // a graph may be cut several times
			if a, b, found := overlaps(n.Source.Filters); found {
				fail(n, "the subjects %q and %q overlap; each shard needs messages of its own, or they count twice", n.Source.Filters[a], n.Source.Filters[b])
			}
		case KindFold, KindJoin, KindDeduplicate:
			errs = append(errs, rules(n))
		case KindBounds:
			errs = append(errs, bounds(n))
		case KindLate:
			errs = append(errs, late(n))
		case KindWrite:
			writes++
			if other := targets[n.Target]; other != nil {
				fail(n, "%s writes to %s too (%s); two outputs in one place would claim the same identities, so give each its own", other.Label(), n.Target, other.Site)
			}
			targets[n.Target] = n
		default:
		}
	}
	if writes == 0 && g.Err() == nil { // a mistake may be a refused Write, which is no reason to ask for one
		errs = append(errs, fmt.Errorf("pipeline %s: nothing is written; end it with pipeline.Write", g.Name))
	}
	return errors.Join(errs...)
}

// rules checks what a node with state says about time.
func rules(n *Node) error {
	var err error
	if n.Kind == KindFold {
		err = seals(n)
	}
	return errors.Join(err, promised(n), cuts(n), valued(n))
}

// seals gives a fold the rule of the seals below it. There can be only one rule: it decides which records are late for the state
// they share.
func seals(fold *Node) error {
	if fold.Derived {
		fold.Rule = SealRule{Set: true}
		return nil
	}
	var first *Node
	for _, n := range fold.Out {
		if n.Kind != KindSeal {
			continue
		}
		if !n.Rule.OnlyAtEnd && !n.Rule.Evidence && n.Rule.Set && fold.Windowing.Size == 0 && fold.Windowing.Gap == 0 {
			return fmt.Errorf("%s: seal of %s: a watermark never closes the global window; put operators.Window before %s, or seal with operators.EndOfInput", n.Site, fold.Name, fold.Op)
		}
		if first != nil && first.Rule != n.Rule {
			return fmt.Errorf("%s: seal of %s: it is sealed by another rule (%s) at %s; a state has one rule, so give each its own %s", n.Site, fold.Name, first.Rule, first.Site, fold.Op)
		}
		first, fold.Rule = n, n.Rule
	}
	return nil
}

// promised checks that a state which closes by punctuation has only inputs with a registry.
func promised(fold *Node) error {
	if !fold.Rule.Punctuation {
		return nil
	}
	var errs []error
	for _, read := range fold.reads() {
		if len(read.Source.Producers) == 0 {
			errs = append(errs, fmt.Errorf("%s: seal of %s by punctuation: nobody can promise anything for %s (%s), which has no registered producers; name them in its Source.Producers, or seal with operators.Watermark", fold.Site, fold.Name, read.Label(), read.Site))
		}
	}
	return errors.Join(errs...)
}

// reads returns the Read nodes above n.
func (n *Node) reads() []*Node {
	return slices.DeleteFunc(n.lineage(), func(m *Node) bool { return m.Kind != KindRead })
}

// lineage returns n and all nodes above it, each once, in the order of the program.
func (n *Node) lineage() []*Node {
	seen := make(map[*Node]bool)
	var visit func(m *Node)
	visit = func(m *Node) {
		if seen[m] {
			return
		}
		seen[m] = true
		for _, in := range m.In {
			visit(in)
		}
	}
	visit(n)
	return slices.SortedFunc(maps.Keys(seen), func(a, b *Node) int { return cmp.Compare(a.ID, b.ID) })
}
