package crdt

import (
	"encoding/json"
	"iter"
)

// Bool is a fact that becomes known: it goes from false to true once and stays there. It merges by "or"; the zero Bool is
// false. Plain copies are independent. (The smallest lattice that can say something: lbool of Conway et al., "Logic and
// Lattices for Distributed Programming", SoCC 2012; Flag of Akka.)
//
// A Bool that can be lowered again is another type, since the outcome then depends on what the one who lowers it has seen.
//
// Class of reads: Value is monotone. True is final, ask [Raised]; false means only that nobody is known to have raised it, and may turn
// until the input is sealed.
//
// A Bool is 1 byte. All its operations are O(1), without allocation.
type Bool struct {
	raised bool
}

// BoolOf returns a Bool that is raised or not.
func BoolOf(raised bool) Bool { return Bool{raised: raised} }

// Raise makes it true and returns the delta: bottom if it was true.
func (x *Bool) Raise() (delta Bool) {
	if x.raised {
		return delta
	}
	x.raised = true
	return *x
}

// Value reports whether it is known to be raised. True is final. False is not an answer before a seal.
func (x *Bool) Value() bool { return x.raised }

// Merge makes x true if other is, and reports whether that changed it.
func (x *Bool) Merge(other *Bool) (grew bool) {
	grew = other.raised && !x.raised
	x.raised = x.raised || other.raised
	return grew
}

// Settled reports whether x is true: it can grow no further.
func (x *Bool) Settled() bool { return x.raised }

// Raised holds once a Bool is true.
func Raised() UpSet[Bool] {
	return UpSet[Bool]{name: "raised", holds: func(x *Bool) bool { return x.raised }}
}

// Decompose yields x if it is true. There is nothing between false and true.
func (x *Bool) Decompose() iter.Seq[Bool] {
	return func(yield func(Bool) bool) {
		if x.raised {
			yield(*x)
		}
	}
}

// Delta returns x if since is below it, else bottom.
func (x *Bool) Delta(since *Bool) (delta Bool) { return Bool{raised: x.raised && !since.raised} }

// MarshalJSON shows true or false.
func (x Bool) MarshalJSON() ([]byte, error) { return json.Marshal(x.raised) }

// Encoding, version 1:
//
//	Bool       version | 1?                            nothing: false

// AppendBinary appends the encoding of x to b. The error is always nil.
func (x *Bool) AppendBinary(b []byte) ([]byte, error) {
	b = append(b, version1)
	if x.raised {
		b = append(b, 1)
	}
	return b, nil
}

// UnmarshalBinary replaces x with the value encoded in data. On an error, which wraps [ErrCorrupt]
// or [ErrVersion], x is as before.
func (x *Bool) UnmarshalBinary(data []byte) error {
	r := open("Bool", data)
	raised := len(data) > 1
	if raised && r.uvarint() != 1 {
		r.corrupt("it is neither true nor left out")
	}
	if err := r.close(); err != nil {
		return err
	}
	x.raised = raised
	return nil
}
