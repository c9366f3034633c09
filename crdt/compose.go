package crdt

// Composition keeps the strongest class that is true. The names of composed queries read from the outside to the inside:
// "size of (keys)".

// Compose is the morphism "first f, then g".
func Compose[A, B, C any](f Morphism[A, B], g Morphism[B, C]) Morphism[A, C] {
	return Morphism[A, C]{then(f.morphism, g.morphism)}
}

// ComposeMonotone is the monotone function "first f, then g". Two morphisms make more: see [Compose].
func ComposeMonotone[A, B, C any](f Monotonic[A, B], g Monotonic[B, C]) Monotone[A, C] {
	return Monotone[A, C]{then(monotonic(f), monotonic(g))}
}

// ComposeNonMonotone is the query "first f, then g" where one of the two is, or may be, non-monotone: then so is the whole.
// With a zero query it never answers.
func ComposeNonMonotone[A, B, C any](f Query[A, B], g Query[B, C]) NonMonotone[A, C] {
	in, out := anyQuery(f), anyQuery(g)
	if in.apply == nil || out.apply == nil {
		return NonMonotone[A, C]{}
	}
	return NonMonotone[A, C]{then(in, out)}
}

// ComposeUpSet holds for a state once u holds for f of it.
func ComposeUpSet[A, B any](f Monotonic[A, B], u UpSet[B]) UpSet[A] {
	in := monotonic(f)
	return UpSet[A]{
		name:  inside(u.String(), in.named("bottom")),
		holds: func(state *A) bool { return u.Holds(in.look(state)) },
	}
}

// ComposeRelation has the rows that r has for f of the state.
func ComposeRelation[A, B any, T comparable](f Monotonic[A, B], r Relation[B, T]) Relation[A, T] {
	in := monotonic(f)
	return Relation[A, T]{
		name:     inside(r.String(), in.named("bottom")),
		rows:     func(state *A, yield func(T) bool) { r.each(in.look(state), yield) },
		distinct: r.distinct,
	}
}

// Derive is the query for f of the result of q. What is final may be treated by any function; it must depend on
// nothing but the result.
func Derive[A, R, S any](q NonMonotone[A, R], name string, f func(R) S) NonMonotone[A, S] {
	in := q.nonMonotone
	if in.apply == nil {
		return NonMonotone[A, S]{}
	}
	return ExactRead(inside(name, in.name), func(state *A) S { return f(in.apply(state)) })
}

func then[A, B, C any](f function[A, B], g function[B, C]) function[A, C] {
	if f.apply == nil && g.apply == nil {
		return function[A, C]{}
	}
	return function[A, C]{
		name:  inside(g.named("bottom"), f.named("bottom")),
		apply: func(state *A) C { return g.of(f.look(state)) },
		peek:  func(state *A) *C { return g.look(f.look(state)) },
	}
}

func inside(outer, inner string) string { return outer + " of (" + inner + ")" }
