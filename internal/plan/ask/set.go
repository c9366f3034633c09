package ask

import (
	"fmt"
	"reflect"
	"strconv"
	"strings"

	"github.com/calmstream/calmstream/crdt"
)

// Set returns the set of states that has a name.
func Set[L any](name string) (set crdt.UpSet[L], err error) {
	var found any
	var form string
	switch any((*L)(nil)).(type) {
	case *crdt.GCounter:
		form = "count >= 100"
		if n, ok := number(name, "count >= ", strconv.ParseUint); ok {
			found = crdt.AtLeast(n)
		}
	case *crdt.Bool:
		form = "raised"
		if name == form {
			found = crdt.Raised()
		}
	default:
		found, form = ofElements[L](name)
	}
	if set, ok := found.(crdt.UpSet[L]); ok {
		return set, nil
	}
	return set, fmt.Errorf("the set %q is not known for a %s; one that is: %s", name, reflect.TypeFor[L](), form)
}

// ofElements is Set for lattices of elements.
func ofElements[L any](name string) (found any, form string) {
	for _, of := range []func(string, any) (any, string){
		sets(text), sets(integer[int]), sets(integer[int64]), sets(integer[int32]), sets(natural[uint64]), sets(natural[uint32]),
		extremes(text), extremes(integer[int]), extremes(integer[int64]), extremes(integer[int32]), extremes(natural[uint64]), extremes(natural[uint32]),
	} {
		if found, form = of(name, (*L)(nil)); form != "" {
			return found, form
		}
	}
	return nil, "there is none"
}

// sets finds sets of sets with elements of one type; form is empty if the lattice is another.
func sets[T crdt.Ordered](parse func(string) (T, bool)) func(name string, lattice any) (found any, form string) {
	return func(name string, lattice any) (found any, form string) {
		if _, is := lattice.(*crdt.GSet[T]); !is {
			return nil, ""
		}
		if n, ok := number(name, "size >= ", strconv.ParseInt); ok && int64(int(n)) == n {
			found = crdt.SizeAtLeast[T](int(n))
		} else if rest, ok := strings.CutPrefix(name, "contains "); ok {
			if x, ok := parse(rest); ok {
				found = crdt.Contains(x)
			}
		}
		return found, `contains ` + example[T]() + `, or size >= 3`
	}
}

// extremes finds sets of maxima and minima.
func extremes[T crdt.Ordered](parse func(string) (T, bool)) func(name string, lattice any) (found any, form string) {
	return func(name string, lattice any) (found any, form string) {
		switch lattice.(type) {
		case *crdt.Max[T]:
			if rest, ok := strings.CutPrefix(name, "max >= "); ok {
				if x, ok := parse(rest); ok {
					found = crdt.MaxAtLeast(x)
				}
			}
			return found, "max >= " + example[T]()
		case *crdt.Min[T]:
			if rest, ok := strings.CutPrefix(name, "min <= "); ok {
				if x, ok := parse(rest); ok {
					found = crdt.MinAtMost(x)
				}
			}
			return found, "min <= " + example[T]()
		}
		return nil, ""
	}
}

func example[T crdt.Ordered]() string {
	if reflect.TypeFor[T]().Kind() == reflect.String {
		return `"x"`
	}
	return "3"
}

func number[N any](name, prefix string, parse func(string, int, int) (N, error)) (n N, ok bool) {
	rest, ok := strings.CutPrefix(name, prefix)
	if !ok {
		return n, false
	}
	n, err := parse(rest, 10, 64)
	return n, err == nil
}

func text(s string) (string, bool) {
	x, err := strconv.Unquote(s)
	return x, err == nil
}

func integer[T int | int32 | int64](s string) (T, bool) {
	n, err := strconv.ParseInt(s, 10, 64)
	return T(n), err == nil && int64(T(n)) == n
}

func natural[T uint32 | uint64](s string) (T, bool) {
	n, err := strconv.ParseUint(s, 10, 64)
	return T(n), err == nil && uint64(T(n)) == n
}
