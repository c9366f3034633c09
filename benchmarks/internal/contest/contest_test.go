//go:build unix

package contest_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/calmstream/calmstream/benchmarks/internal/contest"
)

func TestCompare(t *testing.T) {
	t.Parallel()
	name := filepath.Join(t.TempDir(), "results")
	found := map[string]string{"a": "1", "b \"\n": "2 3", "": "4"}
	if err := contest.WriteResults(name, found); err != nil {
		t.Fatal(err)
	}
	if err := contest.Compare(name, found); err != nil {
		t.Error(err)
	}
	for _, c := range []struct {
		want map[string]string
		says string
	}{
		{map[string]string{"a": "1", "b \"\n": "2 3"}, "nothing should be"},
		{map[string]string{"a": "1", "b \"\n": "2 3", "": "5"}, "4 was found, 5 expected"},
		{map[string]string{"a": "1", "b \"\n": "2 3", "": "4", "c": "0"}, "c: nothing was found, 0 expected"},
	} {
		if err := contest.Compare(name, c.want); err == nil || !strings.Contains(err.Error(), "1 wrong results") || !strings.Contains(err.Error(), c.says) {
			t.Errorf("got %v, want %s", err, c.says)
		}
	}
	if err := os.WriteFile(name, []byte("no quotes\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if contest.Compare(name, nil) == nil {
		t.Error("a file that is none of ours is read")
	}
}
