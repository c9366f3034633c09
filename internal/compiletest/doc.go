// Package compiletest holds programs to not compiling, for the reason they should not.
//
// Each folder of cases holds one small program that breaks one rule, and want.txt with the errors of the compiler as regular
// expressions, one a line (blank lines and lines that begin with # aside). The program must not compile, each expression must
// match an error, and each error must be matched: otherwise a program that fails for another reason, such as a renamed
// function, would pass.
package compiletest
