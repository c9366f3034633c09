package exact

import (
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"math/big"
	"math/bits"
	"strings"

	"github.com/calmstream/calmstream/crdt/internal/wire"
)

// Scale says how many digits stand behind the point. It is a type, so that decimals of two scales do not meet by mistake:
//
//	type Cents struct{}
//
//	func (Cents) Digits() int { return 2 }
type Scale interface {
	// Digits returns the number, from 0 to [MaxDigits]. It must not depend on the value.
	Digits() int
}

// MaxDigits is the largest number of digits behind the point: what 128 bits hold. More count as that.
const MaxDigits = 38

// Decimal is a number with a fixed number of digits behind the point, kept as an integer of 128 bits: at most 38 digits in all,
// exactly the numbers whose units are between -(2^127-1) and 2^127-1. The zero Decimal is 0. Decimals compare with ==.
type Decimal[S Scale] struct {
	hi int64 // two's complement
	lo uint64
}

// ErrDecimal is what errors of parsing wrap: the text is no decimal of that scale.
var ErrDecimal = errors.New("exact: not a decimal of this scale")

func digits[S Scale]() int {
	var s S
	return min(max(s.Digits(), 0), MaxDigits)
}

// DecimalOf returns units of the last digit: 1234 of the scale 2 is 12.34.
func DecimalOf[S Scale](units int64) Decimal[S] { return Decimal[S]{units >> 63, uint64(units)} }

// longestText bounds what is parsed: 38 digits, a sign, a point, and zeros that change nothing.
const longestText = 128

// ParseDecimal parses a text such as "-12.3". Digits behind the point beyond the scale must be zeros: nothing is rounded. It takes no
// exponent. Errors wrap [ErrDecimal].
func ParseDecimal[S Scale](text string) (d Decimal[S], err error) {
	refuse := func(why string) (Decimal[S], error) {
		return Decimal[S]{}, fmt.Errorf("%w: %.40q %s", ErrDecimal, text, why)
	}
	if len(text) > longestText {
		return refuse("is too long")
	}
	unsigned := strings.TrimPrefix(text, "-")
	negative := len(unsigned) < len(text)
	if !negative {
		unsigned = strings.TrimPrefix(text, "+")
	}
	whole, fraction, point := strings.Cut(unsigned, ".")
	if whole == "" || point && fraction == "" {
		return refuse("lacks digits")
	}
	scale := digits[S]()
	for len(fraction) > scale && fraction[len(fraction)-1] == '0' {
		fraction = fraction[:len(fraction)-1]
	}
	if len(fraction) > scale {
		return refuse(fmt.Sprintf("has more than %d digits behind the point", scale))
	}
	var units wide
	for _, part := range []string{whole, fraction, strings.Repeat("0", scale-len(fraction))} {
		for i := range len(part) {
			digit := part[i] - '0'
			if digit > 9 {
				return refuse("holds something else than digits")
			}
			if units = units.timesTen(digit); units.hi>>63 != 0 {
				return refuse("exceeds 128 bits")
			}
		}
	}
	return decimalOf[S](units, negative), nil
}

// timesTen returns 10w + digit, for a w below 2^127: what exceeds that may be anything from it on.
func (w wide) timesTen(digit byte) wide {
	over, lo := bits.Mul64(w.lo, 10)
	carry, hi := bits.Mul64(w.hi, 10)
	if carry != 0 {
		return widest
	}
	return wide{hi, 0}.plus(wide{over, lo}).plus(wide{lo: uint64(digit)})
}

// decimalOf returns a number of units below 2^127.
func decimalOf[S Scale](units wide, negative bool) Decimal[S] {
	if negative {
		lo, borrow := bits.Sub64(0, units.lo, 0)
		hi, _ := bits.Sub64(0, units.hi, borrow)
		return Decimal[S]{int64(hi), lo}
	}
	return Decimal[S]{int64(units.hi), units.lo}
}

// units returns the magnitude and the sign.
func (d Decimal[S]) units() (w wide, negative bool) {
	if d.hi >= 0 {
		return wide{uint64(d.hi), d.lo}, false
	}
	lo, borrow := bits.Sub64(0, d.lo, 0)
	hi, _ := bits.Sub64(0, uint64(d.hi), borrow)
	return wide{hi, lo}, true
}

// decimalNear returns the decimal of a number of units; ok is false if it exceeds 128 bits, and d is then the nearest.
func decimalNear[S Scale](units *big.Int) (d Decimal[S], ok bool) {
	if units.BitLen() > 127 {
		return decimalOf[S](wide{widest.hi >> 1, widest.lo}, units.Sign() < 0), false
	}
	var b [16]byte
	units.FillBytes(b[:])
	return decimalOf[S](wide{binary.BigEndian.Uint64(b[:8]), binary.BigEndian.Uint64(b[8:])}, units.Sign() < 0), true
}

// Units returns the number of units of the last digit: 1234 for 12.34.
func (d Decimal[S]) Units() *big.Int {
	w, negative := d.units()
	u := w.big()
	if negative {
		u.Neg(u)
	}
	return u
}

// Compare is negative, 0 or positive as d is below, equal to or above other.
func (d Decimal[S]) Compare(other Decimal[S]) int {
	return cmp.Or(cmp.Compare(d.hi, other.hi), cmp.Compare(d.lo, other.lo))
}

// String renders the decimal with all its digits behind the point: "12.30".
func (d Decimal[S]) String() string {
	w, negative := d.units()
	text := w.big().String()
	if scale := digits[S](); scale > 0 {
		if missing := scale + 1 - len(text); missing > 0 {
			text = strings.Repeat("0", missing) + text
		}
		text = text[:len(text)-scale] + "." + text[len(text)-scale:]
	}
	if negative {
		return "-" + text
	}
	return text
}

// The encoding of a decimal, version 1:
//
//	version | sign | units     sign: a byte, 1 below 0 and else 0; units: a wide

// AppendBinary appends the encoding of d to b. The error is always nil.
func (d Decimal[S]) AppendBinary(b []byte) ([]byte, error) {
	units, negative := d.units()
	b = append(b, wire.Version1, 0)
	if negative {
		b[len(b)-1] = 1
	}
	return units.append(b), nil
}

// UnmarshalBinary replaces d with the decimal encoded in data. On an error, which wraps [crdt.ErrCorrupt] or
// [crdt.ErrVersion], d is as before.
func (d *Decimal[S]) UnmarshalBinary(data []byte) error {
	r := wire.Open("Decimal", data)
	sign := r.Take(1)
	units := readWide(&r)
	if r.OK() && (sign[0] > 1 || units.hi>>63 != 0 || sign[0] == 1 && units == (wide{})) {
		r.Corrupt("it is no decimal")
	}
	if err := r.Close(); err != nil {
		return err
	}
	*d = decimalOf[S](units, sign[0] == 1)
	return nil
}

// MarshalText is String. In JSON a decimal is a string, since most readers would make a binary fraction of a number.
func (d Decimal[S]) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText is [ParseDecimal]. On an error d is as before.
func (d *Decimal[S]) UnmarshalText(text []byte) error {
	parsed, err := ParseDecimal[S](string(text))
	if err == nil {
		*d = parsed
	}
	return err
}

// UnmarshalJSON takes a string or a number, exactly; null changes nothing.
func (d *Decimal[S]) UnmarshalJSON(data []byte) error {
	if string(data) == "null" {
		return nil
	}
	if n := len(data); n >= 2 && data[0] == '"' {
		data = data[1 : n-1]
	}
	return d.UnmarshalText(data)
}
