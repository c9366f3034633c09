// Command bench measures calmstream beside the least that a program can do, and beside other libraries.
//
//	go run ./benchmarks/bench list          what there is to measure
//	go run ./benchmarks/bench               all of it
//	go run ./benchmarks/bench subject json  a part
//
// The contenders of a workload are processes of their own, and so is the server. They take turns, beginning with another one in each
// repetition, after one round that is not counted. Each says what it took: time, the processor's time of its own, memory and allocations;
// the server's time is read from outside. What each has found is compared with what the generator of the input knows, and a
// difference ends the run. Numbers of a contender are given as ratios to a floor in the same repetition.
//
// It writes results.json, report.md and a plot for each workload to benchmarks/results, or to -out, and prints the targets, each with what was
// reached, as a table for docs/performance.md.
package main
