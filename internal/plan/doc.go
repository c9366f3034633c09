// Package plan holds the logical plan of a pipeline: the graph that the DSL builds, the four handles
// that its functions pass around, and the planner that cuts the graph into stages.
//
// The package also defines what the batch kernels of a stage and the engine owe each other (Operator,
// Runtime). It starts nothing and talks to nobody.
package plan
