// Package archtest holds the shape of the house as a test: which package may import which, what
// must not be called where, and how long a file may be.
//
// The tables are in table_test.go. Each row carries its reason, so that whoever runs into it
// can judge whether the row or the new code is wrong. A package without a row fails: it is
// given one when it is made. The checkers themselves are tested on small trees with planted violations.
//
// What the compiler or the linters hold already is not repeated here.
package archtest
