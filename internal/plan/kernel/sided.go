package kernel

import "github.com/calmstream/calmstream/internal/plan"

// Sided is a record of one of the two sides of a join.
type Sided[A, B any] struct {
	Right bool
	A     A
	B     B
}

// SidedCodec encodes what crosses an exchange: the side, then the record.
func SidedCodec[A, B any](left plan.Codec[A], right plan.Codec[B]) ValueCodec[Sided[A, B]] {
	return ValueCodec[Sided[A, B]]{
		Append: func(b []byte, v *Sided[A, B]) ([]byte, error) {
			return appendSide(append(b, flag(v.Right)), v, left, right)
		},
		Decode: func(data []byte) (v Sided[A, B], err error) {
			if len(data) == 0 || data[0] > 1 {
				return v, errRecord
			}
			return decodeSide(data[0] == 1, data[1:], left, right)
		},
	}
}

// NoCodec encodes nothing.
var NoCodec = plan.Codec[struct{}]{
	Name:   "none",
	Append: func(b []byte, _ struct{}) ([]byte, error) { return b, nil },
	Decode: func(data []byte) (v struct{}, err error) {
		if len(data) > 0 {
			err = errRecord
		}
		return v, err
	},
}

func appendSide[A, B any](b []byte, v *Sided[A, B], left plan.Codec[A], right plan.Codec[B]) ([]byte, error) {
	if v.Right {
		return right.Append(b, v.B)
	}
	return left.Append(b, v.A)
}

func decodeSide[A, B any](isRight bool, data []byte, left plan.Codec[A], right plan.Codec[B]) (v Sided[A, B], err error) {
	if v.Right = isRight; isRight {
		v.B, err = right.Decode(data)
	} else {
		v.A, err = left.Decode(data)
	}
	return v, err
}
