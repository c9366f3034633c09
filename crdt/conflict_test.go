package crdt_test

import (
	"testing"

	"github.com/calmstream/calmstream/crdt"
	"github.com/calmstream/calmstream/crdt/crdttest"
)

// That a state is in conflict stays true.
func TestInConflictIsUpwardClosed(t *testing.T) {
	t.Parallel()
	if err := crdttest.UpwardClosed(crdt.InConflict[crdt.SealedSet[int8]](), sealedSamples()); err != nil {
		t.Error(err)
	}
	if err := crdttest.UpwardClosed(crdt.InConflict[crdt.Point[string]](), []crdt.Point[string]{pointOf("a"), pointOf("b"), pointOf("a", "b")}); err != nil {
		t.Error(err)
	}
}
