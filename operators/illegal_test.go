package operators_test

import (
	"testing"

	"github.com/calmstream/calmstream/internal/compiletest"
)

// Each folder of testdata/illegal holds one small program that breaks one rule of the DSL: see package compiletest.
func TestIllegalProgramsDoNotCompile(t *testing.T) {
	t.Parallel()
	problems, cases, err := compiletest.Check("..", "operators/testdata/illegal")
	if err != nil {
		t.Fatal(err)
	}
	if cases == 0 {
		t.Fatal("operators/testdata/illegal holds no program: nothing proves that illegal pipelines do not compile")
	}
	for _, p := range problems {
		t.Error(p)
	}
}
