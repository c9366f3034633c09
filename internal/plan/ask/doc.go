// Package ask makes of a state what can be asked about without knowing the types of its keys and values: keys are given as text, sets by
// the names that crdt.UpSet.String returns, and values are shown in JSON.
//
// Only sets of lattices of package crdt are known by name, with elements that are strings or integers. Those of users, and what they
// assert, stay in their programs.
package ask
