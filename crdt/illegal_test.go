package crdt_test

import (
	"testing"

	"github.com/calmstream/calmstream/internal/compiletest"
)

// Each folder of testdata/illegal holds one small program that breaks one rule of the query model: see package compiletest.
func TestIllegalQueriesDoNotCompile(t *testing.T) {
	t.Parallel()
	problems, cases, err := compiletest.Check("..", "crdt/testdata/illegal")
	if err != nil {
		t.Fatal(err)
	}
	if cases == 0 {
		t.Fatal("crdt/testdata/illegal holds no program: nothing proves that unsealed state cannot be read exactly")
	}
	for _, p := range problems {
		t.Error(p)
	}
}
