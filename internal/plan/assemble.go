package plan

import "fmt"

// Assembly is the kernels of one shard, connected.
type Assembly struct {
	// Source is set for a stage that reads an input, Receiver for one behind an exchange.
	Source   Source
	Receiver Receiver
}

// Inlet is one input of a kernel that may have several.
type Inlet struct {
	// To is the kernel, and Edge the number of the input among all of the node's.
	To   Operator
	Edge int
	// Sample takes contributions as To does, to encode them for Runtime.Sample. It is nil where nobody does.
	Sample Operator
	// Apart says that the kernel has the keys of its shard alone, and other shards of the stage have others, with nothing to exchange.
	Apart bool

	joint *joint
}

// Advance tells that this input is complete before frontier. The kernel is told the lowest of its inputs.
func (i Inlet) Advance(frontier int64) { i.joint.advance(i.Edge, frontier) }

// joint is where the inputs of a kernel within one stage meet.
type joint struct {
	to        Operator
	sample    Operator
	frontiers map[int]int64 // by edge
}

func (j *joint) advance(edge int, frontier int64) {
	before := j.lowest()
	j.frontiers[edge] = max(j.frontiers[edge], frontier)
	if now := j.lowest(); now > before {
		j.to.Advance(now)
	}
}

func (j *joint) lowest() int64 {
	lowest := int64(End)
	for _, f := range j.frontiers {
		lowest = min(lowest, f)
	}
	return lowest
}

// assembler builds the kernels of one stage for one shard.
type assembler struct {
	plan   *Plan
	stage  *Stage
	rt     *Runtime
	joints map[*Node]*joint
}

// Assemble builds the kernels of a stage for one shard, from the results upwards.
func (p *Plan) Assemble(s *Stage, rt *Runtime) (*Assembly, error) {
	a := assembler{plan: p, stage: s, rt: rt, joints: make(map[*Node]*joint)}
	down, err := a.consumers(s.Root)
	if err != nil {
		return nil, err
	}
	root, err := s.Root.Build(rt, down)
	if err != nil {
		return nil, err
	}
	if !s.Exchanged() {
		source, ok := root.(Source)
		if !ok {
			return nil, fmt.Errorf("plan: %s (%s) is no source: %T", s.Root.Label(), s.Root.Site, root)
		}
		return &Assembly{Source: source}, nil
	}
	op, err := s.Root.Receive(rt, root)
	if err != nil {
		return nil, err
	}
	receiver, ok := op.(Receiver)
	if !ok {
		return nil, fmt.Errorf("plan: %s (%s) is no receiver: %T", s.Root.Label(), s.Root.Site, op)
	}
	return &Assembly{Receiver: receiver}, nil
}

// consumers builds the kernels below a node. KeyBy and Window have none of their own: what stands below them
// takes their records directly.
func (a *assembler) consumers(n *Node) ([]Operator, error) {
	var ops []Operator
	for i, out := range n.Out {
		if first := indexOf(n.Out, out); first < i {
			continue // a node that reads n twice was built, with both its inputs
		}
		for edge, in := range out.In {
			if in != n {
				continue
			}
			below, err := a.consumer(out, edge)
			if err != nil {
				return nil, err
			}
			ops = append(ops, below...)
		}
	}
	return ops, nil
}

func indexOf(nodes []*Node, n *Node) int {
	for i, o := range nodes {
		if o == n {
			return i
		}
	}
	return -1
}

func (a *assembler) consumer(n *Node, edge int) ([]Operator, error) {
	if n.Kind == KindKeyBy || n.Kind == KindWindow {
		return a.consumers(n)
	}
	if n.Lift == nil {
		down, err := a.consumers(n)
		if err != nil {
			return nil, err
		}
		op, err := n.Build(a.rt, down)
		return []Operator{op}, err
	}
	j, err := a.joint(n)
	if err != nil {
		return nil, err
	}
	op, err := n.Lift(a.rt, Inlet{To: j.to, Edge: edge, Sample: j.sample, Apart: a.stage.Shards > 1 && !a.plan.Exchanged(n), joint: j})
	return []Operator{op}, err
}

// joint returns the kernel behind the inputs of a node, which is made once for the stage.
func (a *assembler) joint(n *Node) (*joint, error) {
	if j := a.joints[n]; j != nil {
		return j, nil
	}
	j := &joint{frontiers: make(map[int]int64)}
	for edge, in := range n.In {
		if indexOf(a.stage.Nodes, in) >= 0 {
			j.frontiers[edge] = Beginning
		}
	}
	var err error
	if a.plan.Exchanged(n) {
		j.to, err = n.Send(a.rt)
	} else {
		var down []Operator
		if down, err = a.consumers(n); err == nil {
			j.to, err = n.Build(a.rt, down)
		}
	}
	if err == nil && a.rt.Sample != nil && n.Kind.stateful() && !n.Derived {
		j.sample, err = n.Send(a.sampling())
	}
	a.joints[n] = j
	return j, err
}

// sampling makes of the upper end of an exchange what encodes samples. A value that cannot be encoded is found elsewhere.
func (a *assembler) sampling() *Runtime {
	return &Runtime{
		Origin: a.rt.Origin,
		Reject: func(Rejected) {},
		Send:   func(to *Node, _, record []byte) { a.rt.Sample(to, record) },
	}
}
