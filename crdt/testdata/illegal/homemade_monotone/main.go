// Command illegal breaks one rule of the query model, and must not compile: a type of the user claims to be monotone, and asserts nothing.
package main

import "github.com/calmstream/calmstream/crdt"

type emptiness struct{}

func (emptiness) Apply(s *crdt.GSet[string]) crdt.Max[int] { return crdt.MaxOf(-s.Len()) }

func main() {
	var f crdt.Monotonic[crdt.GSet[string], crdt.Max[int]] = emptiness{}
	_ = f
}
