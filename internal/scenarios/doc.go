// Package scenarios holds the examples by which the literature tells what needs coordination from what does not, each as a pipeline:
// in the formulation that is correct, held to an oracle under random schedules and numbers of shards, with the verdict that it
// must have; and in the one that goes wrong, which must not compile, be refused by the planner, or be found by the checkers.
//
// docs/scenarios.md has the table of them. There is no code here but tests.
package scenarios
