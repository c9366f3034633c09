package plan

import "slices"

// TokenPartition returns the partition, of n, of a value given as text: what the partition function of a NATS server returns for that subject token,
// which is FNV-1a, modulo n.
func TokenPartition(text string, n int) int {
	const offset, prime = 2166136261, 16777619
	h := uint32(offset)
	for i := range len(text) {
		h = (h ^ uint32(text[i])) * prime
	}
	return int(h % uint32(n))
}

// partitioned reports whether the shards of the stage above a state divide its keys already, so that there is nothing to exchange: the
// input says by which attribute they do, and the key is that one or determines it.
func (p *Plan) partitioned(n *Node, above []*Stage) bool {
	if len(above) != 1 || n.Kind != KindFold || n.Derived || len(n.In) != 1 {
		return false
	}
	s := above[0]
	return (p.Graph.Shards == 0 || p.Graph.Shards == s.Shards) && !s.Exchanged() && n.PartitionedBy() != ""
}

// PartitionedBy returns the attribute by which the shards of the input divide the keys of a state; "" if they do not.
func (n *Node) PartitionedBy() string {
	reads := n.reads()
	if len(reads) != 1 || slices.ContainsFunc(n.lineage(), func(m *Node) bool { return m != n && m.Kind.stateful() }) {
		return ""
	}
	a := reads[0].Source.PartitionedBy
	if _, declared := dependencyOf(n.In[0], a); a == "" || !declared && n.In[0].KeyName != a {
		return ""
	}
	return a
}

// PartitionOf returns the function that gives a key its value of that attribute; it is the zero Dependency if the attribute is the key itself.
func (n *Node) PartitionOf() Dependency {
	d, _ := dependencyOf(n.In[0], n.PartitionedBy())
	return d
}
