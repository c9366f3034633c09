// Package doctest holds the code in the documentation to the code in the repository.
//
// In README.md and in every page below docs:
//
//   - a go block is a whole program that compiles, or a part, indentation aside, of a Go file of this module (an
//     Example, where one fits; a program of testdata/illegal, to show what is refused);
//   - every command of a sh block stands in the table of commands_test.go, with the test or the
//     line of .ci/run that runs it;
//   - other blocks say what they are (text, json, yaml, mermaid, ...); a block without a language is an error, since it would escape.
//
// It also holds the public packages to their Examples: every operator, lattice, destination and constructor of a seal
// is shown in one that runs.
package doctest
