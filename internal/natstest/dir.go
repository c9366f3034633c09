package natstest

import (
	"os"
	"testing"
	"time"
)

// dir makes a directory for a server's files and removes it at the end of the test. It is not t.TempDir: a server that has
// shut down may still be writing the batch that a test left open, and a directory that fills while it is removed
// would fail the test.
func dir(t testing.TB) string {
	t.Helper()
	path, err := os.MkdirTemp("", "natstest-") //nolint:usetesting // see above
	if err != nil {
		t.Fatalf("natstest: cannot make a directory: %v", err)
	}
	t.Cleanup(func() {
		deadline := time.Now().Add(patience)
		for {
			err := os.RemoveAll(path)
			if err == nil {
				return
			}
			if time.Now().After(deadline) {
				t.Errorf("natstest: the directory of a server cannot be removed: %v", err)
				return
			}
		}
	})
	return path
}
