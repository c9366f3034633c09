package plan

// How the shards of a stage divide the keys of a state.
const (
	PartitionHash    = "hash"    // of the encoding
	PartitionToken   = "token"   // of the text, as the partition function of a NATS server
	PartitionProgram = "program" // by a function of the program's
)

// Shape says, for those who have the plan and not the program, where in checkpoints a state is and when it leaves them.
type Shape struct {
	Windows Windowing `json:"windows"`
	// Seal is nil if nothing seals the state.
	Seal *SealRule `json:"seal,omitempty"`
	// Retracts says that the value as it is shown may go back.
	Retracts bool `json:"retracts,omitempty"`
	// Partition is one of the constants.
	Partition string `json:"partition"`
}

// shapeOf returns the shape of a fold; nil for other states, which cannot be asked.
func (p *Plan) shapeOf(n *Node) *Shape {
	if n.Kind != KindFold {
		return nil
	}
	s := &Shape{Windows: n.Windowing, Retracts: n.Retracts, Partition: PartitionProgram}
	if n.sealed() {
		s.Seal = &n.Rule
	}
	switch stage := p.stagesOf[n][0]; {
	case p.Exchanged(n) || stage.Shards == 1:
		s.Partition = PartitionHash
	case n.PartitionOf().OfKey == nil:
		s.Partition = PartitionToken
	}
	return s
}

// Node returns a node for looking at the state. It belongs to no graph and builds nothing.
func (s *Shape) Node(o OperatorDocument) *Node {
	n := &Node{ID: o.Number, Kind: KindFold, Op: o.Operator, Name: o.Name, Site: o.Site, Windowing: s.Windows, Retracts: s.Retracts}
	if s.Seal != nil {
		n.Rule, n.Out = *s.Seal, []*Node{{Kind: KindSeal}}
	}
	return n
}
