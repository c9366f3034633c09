// Package lattices measures every type of package crdt in the same way: an update, the merge of its delta elsewhere, the difference of
// two states, and the encoding, with 10, 1000 and 1000000 elements, and allocations:
//
//	go test -run '^$' -bench 'Lattices/GSet' ./benchmarks/lattices
//
// The same table of workloads is held to what must not grow with the state: see TestUpdatesDoNotCostMoreInLargeStates.
package lattices
