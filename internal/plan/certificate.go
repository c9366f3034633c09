package plan

import "fmt"

// Certified reports whether states of the pipeline are sealed, so that there are certificates.
func (p *Plan) Certified() bool {
	for _, n := range p.Graph.Nodes {
		if n.Kind == KindFold && n.Rule.Set && !n.Derived {
			return true
		}
	}
	return false
}

// Follows reports whether a node stands behind a seal, or a join that waits for one, in some way: what comes from there has no place
// of its own in a log.
func (n *Node) Follows() bool {
	for _, m := range n.lineage() {
		if m != n && (m.Kind == KindSeal && !m.Rule.Evidence || m.Outer || m.Sealed) {
			return true
		}
	}
	return false
}

// CertificateKind says what a certificate is about.
type CertificateKind uint8

// The kinds of certificates.
const (
	// ByWindow is about a window with all its keys.
	ByWindow CertificateKind = iota
	// BySession is about the sessions that end in a period, which is Window: those with Start <= end < End.
	BySession
	// ByEvidence is about the states that were completed in a range of positions of the shard's log.
	ByEvidence
)

func (k CertificateKind) String() string {
	return [...]string{"window", "sessions", "evidence"}[k]
}

// Certificate says of a window of a state, in one shard, that it has been sealed; or of many states that were sealed one by one.
type Certificate struct {
	// Node is the operator that keeps the state.
	Node *Node
	Kind CertificateKind
	// By is the seal, where a state can have several.
	By *Node
	// Window is the window or the period.
	Window Span
	// Value is, of a state that is sealed by values of an attribute, the value: all of its keys are sealed. Valued tells the empty
	// value from none.
	Value  string
	Valued bool
	// Keys is how many keys it holds, and Digest that of all of them with their states: of a window xxhash64 of what a checkpoint would
	// keep, in the order of the keys; else the sum of the xxhash64 of each.
	Keys   int
	Digest uint64
	// Seq is the place in the shard's log up to which the state was fed. Of evidence it is the end of the range that begins at First, or 0
	// if there is one range only.
	First, Seq uint64
}

// Token renders what the certificate is about as one or two tokens of a subject, unique for a state.
func (c *Certificate) Token() string {
	switch {
	case c.Valued:
		return c.Window.Token() + "." + KeyToken(c.Value)
	case c.Kind != ByEvidence:
		return c.Window.Token()
	}
	return fmt.Sprintf("evidence%d-%d-%d", c.By.ID, c.First, c.Seq)
}

// About renders it for people.
func (c *Certificate) About() string {
	switch {
	case c.Kind != ByEvidence:
		return c.Window.String()
	case c.Seq == 0:
		return "all positions"
	}
	return fmt.Sprintf("positions %d to %d", c.First, c.Seq)
}

// Rule renders what has sealed it.
func (c *Certificate) Rule() string {
	if c.By == nil {
		return c.Node.Rule.String()
	}
	return c.By.Rule.String() + ": " + c.By.Detail
}
