package shard

import "github.com/calmstream/calmstream/internal/plan"

// watcher is told of the values of an attribute that are complete in this shard, for one state.
type watcher struct {
	state *plan.Node
	told  func(v plan.ValueID)
}

// watch adds a watcher. A state with several inputs in this stage is told once.
func (m *Machine) watch(state *plan.Node, told func(v plan.ValueID)) {
	for _, w := range m.watchers {
		if w.state == state {
			return
		}
	}
	m.watchers = append(m.watchers, watcher{state, told})
}

// feeder is the number of this shard among those that feed the stage of a node.
func (m *Machine) feeder(to *plan.Node) int {
	for _, s := range m.env.Stage.To {
		if s.Root == to {
			return s.Producer(m.env.Stage, m.env.ID.Shard)
		}
	}
	return 0
}

// sealValues puts into effect which values have become complete. Everything before has gone through the kernels, which hand on
// what they have in a plain call: so states have all of it, or have it on its way before the seal.
func (m *Machine) sealValues() {
	if !m.keys.Pending() {
		return
	}
	for _, d := range m.keys.Decided() {
		for _, w := range m.watchers {
			if w.state.Rule.Attribute == d.Attribute {
				w.told(d.Value)
			}
		}
	}
}
