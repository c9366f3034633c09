package crdttest

import (
	"bytes"
	"fmt"
	"reflect"
	"testing"

	"github.com/calmstream/calmstream/crdt"
)

// CheckZeroValue fails t if [ZeroValue] finds a difference.
func CheckZeroValue[L any, P crdt.Lattice[L]](t testing.TB) {
	t.Helper()
	fail(t, ZeroValue[L, P]())
}

// ZeroValue calls every exported method of *L on the zero value and on a decoded bottom, with zero arguments (an *L points to
// a bottom of either kind), and checks that none panics, that the answers are the same, and that the values are afterwards. Iterators
// are begun. Methods with parameters that have no useful zero, such as functions, interfaces and pointers to other
// types, are left out. It returns nil or joined errors.
func ZeroValue[L any, P crdt.Lattice[L]]() error {
	return newChecker(boxed[L, P](nil)).zeroValue()
}

func (c *checker) zeroValue() error {
	if c.checkEncoding(); len(c.errs) > 0 {
		return c.err()
	}
	decoded := func() value { return c.decoded(c.bottom()) }
	zero := c.bottom
	if !c.is(decoded(), c.enc[0]) {
		c.add(LawZeroValue, "the zero value is encoded as a, and decoded as b", c.enc[0], c.bytesOf(decoded()))
	}
	methods := reflect.TypeOf(c.bottom().pointer())
	for m := range methods.NumMethod() {
		want, ok := c.call(m, zero(), zero)
		if !ok {
			continue
		}
		for _, bottoms := range [][2]func() value{{decoded, zero}, {zero, decoded}} {
			if got, _ := c.call(m, bottoms[0](), bottoms[1]); got != want {
				c.add(LawZeroValue, fmt.Sprintf("%s answers %s for the zero value and %s for a decoded one", methods.Method(m).Name, want, got))
			}
		}
	}
	return c.err()
}

// call calls a method and describes what came of it. It is not ok if the method cannot be called.
func (c *checker) call(m int, x value, bottom func() value) (outcome string, ok bool) {
	method := reflect.ValueOf(x.pointer()).Method(m)
	name, typ := reflect.TypeOf(c.bottom().pointer()).Method(m).Name, method.Type()
	var args []reflect.Value
	for k := range typ.NumIn() {
		switch in := typ.In(k); {
		case in == reflect.TypeOf(c.bottom().pointer()):
			args = append(args, reflect.ValueOf(bottom().pointer()))
		case typ.IsVariadic() && k == typ.NumIn()-1:
		case in.Kind() == reflect.Func, in.Kind() == reflect.Interface, in.Kind() == reflect.Pointer, in.Kind() == reflect.Chan:
			return "", false
		default:
			args = append(args, reflect.Zero(in))
		}
	}
	defer func() {
		if p := recover(); p != nil {
			c.add(LawZeroValue, fmt.Sprintf("%s of the zero value (or of a decoded one) panicked: %v", name, p))
		}
	}()
	var answer bytes.Buffer
	for _, out := range method.Call(args) {
		c.describe(&answer, out)
	}
	fmt.Fprintf(&answer, "and leaves 0x%x", c.bytesOf(x))
	return answer.String(), true
}

// describe writes what can be compared of a result: the encoding of an L, plain values, and how often an iterator yields.
func (c *checker) describe(w *bytes.Buffer, out reflect.Value) {
	if bottom := c.bottom(); out.Type() == reflect.TypeOf(bottom.pointer()).Elem() {
		reflect.ValueOf(bottom.pointer()).Elem().Set(out)
		fmt.Fprintf(w, "0x%x ", c.bytesOf(bottom))
		return
	}
	if v, ok := out.Interface().([]byte); ok {
		fmt.Fprintf(w, "%q ", v)
		return
	}
	switch typ := out.Type(); {
	case typ.Kind() <= reflect.Complex128 || typ.Kind() == reflect.String:
		fmt.Fprintf(w, "%v ", out)
	case typ.Kind() == reflect.Func && (typ.CanSeq() || typ.CanSeq2()):
		yields := 0
		out.Call([]reflect.Value{reflect.MakeFunc(typ.In(0), func([]reflect.Value) []reflect.Value {
			yields++
			return []reflect.Value{reflect.ValueOf(false)}
		})})
		fmt.Fprintf(w, "%d yields ", yields)
	case typ.Kind() == reflect.Slice || typ.Kind() == reflect.Map:
		fmt.Fprintf(w, "%d of %v ", out.Len(), typ)
	}
}
