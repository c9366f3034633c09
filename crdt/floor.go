package crdt

// Floor is a lower bound of a value that may still grow. It can only be compared upward: it says that the value is at
// least so much, or unknown, and never how much.
//
// There is no accessor and no ==. A number that is read too early is as wrong as a set that is read too early, once it is
// compared with == or in an else ("edible" in Hellerstein, "CRDTs: Don't Read"); a comparison upward stays true.
// The zero Floor knows nothing.
type Floor[T Ordered] struct {
	_       [0]func() // not comparable
	atLeast Max[T]
	settled bool
}

// FloorOf returns what state says at the least about the largest value of f.
func FloorOf[A any, T Ordered](f Monotonic[A, Max[T]], state *A) Floor[T] {
	return Floor[T]{atLeast: monotonic(f).of(state), settled: settled(state)}
}

// AtLeast answers whether the value is x or more: true (stable) or unknown.
func (f Floor[T]) AtLeast(x T) Answer[Yes] {
	return bounded(f.atLeast.seen && f.atLeast.max >= x, f.settled)
}

// String returns the bound for people, such as "at least 5".
func (f Floor[T]) String() string {
	if !f.atLeast.seen {
		return "unknown"
	}
	return "at least " + elementName(f.atLeast.max)
}

// Ceiling is an upper bound of a value that may still fall, such as a Min: the dual of [Floor]. It can only be compared
// downward. The zero Ceiling knows nothing.
type Ceiling[T Ordered] struct {
	_       [0]func() // not comparable
	atMost  Min[T]
	settled bool
}

// CeilingOf returns what state says at the most about the smallest value of f.
func CeilingOf[A any, T Ordered](f Monotonic[A, Min[T]], state *A) Ceiling[T] {
	return Ceiling[T]{atMost: monotonic(f).of(state), settled: settled(state)}
}

// AtMost answers whether the value is x or less: true (stable) or unknown.
func (c Ceiling[T]) AtMost(x T) Answer[Yes] {
	return bounded(c.atMost.seen && c.atMost.min <= x, c.settled)
}

// String returns the bound for people, such as "at most 5".
func (c Ceiling[T]) String() string {
	if !c.atMost.seen {
		return "unknown"
	}
	return "at most " + elementName(c.atMost.min)
}

func bounded(holds, settled bool) Answer[Yes] {
	switch {
	case !holds:
		return Answer[Yes]{}
	case settled:
		return Answer[Yes]{known: true, verdict: Final, basis: basisSettled}
	default:
		return Answer[Yes]{known: true, verdict: Stable}
	}
}
