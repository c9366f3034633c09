package wordcount_test

import (
	"strings"
	"testing"

	"github.com/calmstream/calmstream/cmd/calmstream/internal/wordcount"
	"pgregory.net/rapid"
)

// all returns the names that a server sees. Subjects are held apart by what they begin with.
func all(n wordcount.Names) map[string]bool {
	streams := map[string]bool{}
	for _, name := range []string{n.Source, n.Results, n.DeadLetters, n.Checkpoints, n.SourceSubject + ".", n.ResultsSubject + "."} {
		streams[name] = true
	}
	return streams
}

func TestRunsShareNoNames(t *testing.T) {
	t.Parallel()
	// Parts of names, put together at random, are what could be taken for another name.
	part := rapid.SampledFrom([]string{"wordcount", "wordcount-", "in", "out", "IN_", "OUT_", "WC_", "_", "-", "x", "1"})
	run := rapid.Custom(func(t *rapid.T) string { return strings.Join(rapid.SliceOfN(part, 1, 4).Draw(t, "parts"), "") })
	rapid.Check(t, func(t *rapid.T) {
		a, b := run.Draw(t, "a"), run.Draw(t, "b")
		one, err := wordcount.NamesOf(a)
		if err != nil {
			t.Fatal(err)
		}
		other, err := wordcount.NamesOf(b)
		if err != nil {
			t.Fatal(err)
		}
		if len(all(one)) != 6 {
			t.Fatalf("two streams of %q have one name: %+v", a, one)
		}
		for name := range all(one) {
			if a != b && all(other)[name] {
				t.Fatalf("%q and %q share %s", a, b, name)
			}
		}
	})
}

func TestEveryNameIsOneOfAPipeline(t *testing.T) {
	t.Parallel()
	for _, run := range []string{wordcount.DefaultRun, "x", strings.Repeat("x", 54)} {
		names, err := wordcount.NamesOf(run)
		if err != nil {
			t.Fatal(err)
		}
		if err := wordcount.Pipeline(names, 3).Err(); err != nil {
			t.Error(err)
		}
	}
	for _, run := range []string{"", "a b", "a.b", "é", "*", ">", strings.Repeat("x", 55)} {
		if names, err := wordcount.NamesOf(run); err == nil {
			t.Errorf("%q was taken for the name of a run: %+v", run, names)
		}
	}
}
