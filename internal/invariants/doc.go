// Package invariants holds the assertions of the engine: conditions that only a bug can break.
//
// They cost nothing in a normal build. In a build with the race detector or with the tag
// "invariants" (go test -race, go test -tags invariants) a broken one stops the program at
// the place where it broke, before the wrong value can reach state or output. What a user, a
// server or a disk can get wrong is not an invariant: that is an error, and it is returned.
//
// This is the only package of the module that panics; internal/archtest holds that rule.
package invariants
