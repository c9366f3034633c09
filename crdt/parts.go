package crdt

import "iter"

// What a constructor of lattices does with the parts of a value, whether or not the type of the value is Decomposable.

// partsOf yields the parts of v. A value that does not come apart, but for the bottom, is one part.
func partsOf[V any, P Lattice[V]](v *V) iter.Seq[V] {
	if d, ok := any(P(v)).(Decomposable[V]); ok {
		return d.Decompose()
	}
	return onePart(Clone[V, P](v), !isBottom[V, P](v))
}

// onePart yields x, if there is something in it: the parts of a value of a chain.
func onePart[V any](x V, some bool) iter.Seq[V] {
	return func(yield func(V) bool) {
		if some {
			yield(x)
		}
	}
}

// deltaOf returns the delta of v since another value: the least one if V is Decomposable, else all of v, or the
// bottom if v is below since.
func deltaOf[V any, P Lattice[V]](v, since *V) (delta V) {
	if d, ok := any(P(v)).(Decomposable[V]); ok {
		return d.Delta(since)
	}
	if Below[V, P](v, since) {
		return delta
	}
	return Clone[V, P](v)
}

// isBottom reports whether v adds nothing to the bottom. O(size of v).
func isBottom[V any, P Lattice[V]](v *V) bool {
	var bottom V
	return !P(&bottom).Merge(v)
}
