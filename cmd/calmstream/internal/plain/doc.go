// Package plain says what went wrong in the words of the command line.
//
// Errors of packages are made for programs: they begin with the name of the package and give advice to who writes a
// pipeline. Who runs calmstream has flags.
package plain
