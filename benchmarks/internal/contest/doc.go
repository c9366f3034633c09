// Package contest is what the harness and the contenders of a benchmark agree on. A contender is a process: it is given a Job in its
// environment, does it, writes what it found to a file, and says on its standard output what it took.
package contest
