package crdt

// Clone returns a copy of x that shares no memory with it. A plain assignment is enough to hand a value over, but not
// when both copies live on.
func Clone[L any, P Lattice[L]](x *L) L {
	var c L
	P(&c).Merge(x)
	return c
}
