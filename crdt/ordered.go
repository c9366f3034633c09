package crdt

import (
	"math"
	"reflect"
	"strconv"
)

// Ordered are the types of keys and elements: integers and strings.
//
// Floats are left out on purpose. NaN is neither above nor below anything, itself included, so Max would
// depend on the order of merges and a set could hold NaN many times; and 0 and -0 are equal but differ in
// their bytes, so equal states would have unequal encodings. Scale to an integer (cents,
// microdegrees, nanoseconds) instead.
type Ordered interface {
	~int | ~int8 | ~int16 | ~int32 | ~int64 |
		~uint | ~uint8 | ~uint16 | ~uint32 | ~uint64 |
		~string
}

// appendElement appends the encoding of x: see encoding.go.
//
// Only reflection tells the kind behind a named type. It allocates nothing, but takes as long as the encoding itself, so the types
// that most elements have go first.
func appendElement[T Ordered](b []byte, x T) []byte {
	switch p := any(&x).(type) {
	case *string:
		return appendString(b, *p)
	case *uint64:
		return appendUvarint(b, *p)
	case *int64:
		return appendUvarint(b, zigzag(*p))
	case *int:
		return appendUvarint(b, zigzag(int64(*p)))
	}
	switch v := reflect.ValueOf(&x).Elem(); {
	case v.CanInt():
		return appendUvarint(b, zigzag(v.Int()))
	case v.CanUint():
		return appendUvarint(b, v.Uint())
	default:
		return appendString(b, v.String())
	}
}

// readElement reads what appendElement wrote. A number that T cannot hold is an error.
func readElement[T Ordered](r *reader) (x T) {
	switch p := any(&x).(type) {
	case *string:
		*p = string(r.bytes())
	case *uint64:
		*p = r.uvarint()
	case *int64:
		*p = unzigzag(r.uvarint())
	default:
		readKind(r, reflect.ValueOf(p).Elem())
	}
	return x
}

// readKind reads an element by its kind.
func readKind(r *reader, v reflect.Value) {
	switch {
	case v.CanInt():
		i := unzigzag(r.uvarint())
		if v.OverflowInt(i) {
			r.corrupt("the number does not fit the element type")
			return
		}
		v.SetInt(i)
	case v.CanUint():
		u := r.uvarint()
		if v.OverflowUint(u) {
			r.corrupt("the number does not fit the element type")
			return
		}
		v.SetUint(u)
	default:
		v.SetString(string(r.bytes()))
	}
}

// elementName is how plans show x. It does not call a String method: names of plans are compared across
// releases of the user's program, and two elements must not share a name.
func elementName[T Ordered](x T) string {
	v := reflect.ValueOf(&x).Elem()
	switch {
	case v.CanInt():
		return strconv.FormatInt(v.Int(), 10)
	case v.CanUint():
		return strconv.FormatUint(v.Uint(), 10)
	default:
		return strconv.Quote(v.String())
	}
}

// saturatingAdd is a+b, or the largest uint64 where that would wrap. It is associative, commutative and monotone.
func saturatingAdd(a, b uint64) uint64 {
	if sum := a + b; sum >= a {
		return sum
	}
	return math.MaxUint64
}
