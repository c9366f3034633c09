package plan

import "fmt"

// Assembly is the kernels of one shard, connected.
type Assembly struct {
	// Source is set for a stage that reads an input, Receiver for one behind an exchange.
	Source   Source
	Receiver Receiver
}

// Assemble builds the kernels of a stage for one shard, from the results upwards.
func (p *Plan) Assemble(s *Stage, rt *Runtime) (*Assembly, error) {
	down, err := p.consumers(s.Root, rt)
	if err != nil {
		return nil, err
	}
	root, err := s.Root.Build(rt, down)
	if err != nil {
		return nil, err
	}
	if s.From == nil {
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

// consumers builds the kernels below a node. KeyBy and Window have none of their own: the folds below them take
// their records directly.
func (p *Plan) consumers(n *Node, rt *Runtime) ([]Operator, error) {
	var ops []Operator
	for _, out := range n.Out {
		if out.Kind == KindKeyBy || out.Kind == KindWindow {
			below, err := p.consumers(out, rt)
			if err != nil {
				return nil, err
			}
			ops = append(ops, below...)
			continue
		}
		op, err := p.consumer(out, rt)
		if err != nil {
			return nil, err
		}
		ops = append(ops, op)
	}
	return ops, nil
}

func (p *Plan) consumer(n *Node, rt *Runtime) (Operator, error) {
	if n.Kind != KindFold {
		down, err := p.consumers(n, rt)
		if err != nil {
			return nil, err
		}
		return n.Build(rt, down)
	}
	var next Operator
	var err error
	if p.Exchanged(n) {
		next, err = n.Send(rt)
	} else {
		var down []Operator
		if down, err = p.consumers(n, rt); err == nil {
			next, err = n.Build(rt, down)
		}
	}
	if err != nil {
		return nil, err
	}
	return n.Lift(rt, next)
}
