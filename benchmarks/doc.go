// Package benchmarks measures pipelines against floors in the same run: what the same work costs without calmstream.
//
// Every benchmark checks its result against what was put in, and fails on a difference. Figures are ratios
// of runs that took turns, since machines are shared and noisy.
package benchmarks
