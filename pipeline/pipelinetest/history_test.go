package pipelinetest_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/calmstream/calmstream/operators"
	"github.com/calmstream/calmstream/pipeline"
	"github.com/calmstream/calmstream/pipeline/pipelinetest"
)

// arrivals shows which record of a sensor came first, over two shards: what comes first in the exchange depends on the schedule.
func arrivals() *pipeline.Pipeline {
	p := pipeline.New("arrivals")
	first := operators.Aggregate("first", bySensor(read(p, 2)), liftArrival)
	pipeline.Write(p, "first", operators.Finals(operators.Seal(first, operators.EndOfInput())), nowhere("first"), encodeArrival)
	return p
}

func failure(t *testing.T, build func() *pipeline.Pipeline, in []pipelinetest.Log, o pipelinetest.Options) *pipelinetest.Failure {
	t.Helper()
	_, err := pipelinetest.Run(build, in, o)
	f := (*pipelinetest.Failure)(nil)
	if !errors.As(err, &f) {
		t.Fatalf("got %v", err)
	}
	return f
}

// What is found is made as short as a person would write it, is printed with the seed, and shows the same when it is read back.
func TestHistoriesAreShort(t *testing.T) {
	t.Parallel()
	for seed := range uint64(3) {
		f := failure(t, arrivals, logs(2, 60), pipelinetest.Options{Seed: 1 + seed, Owners: 3})
		h := f.History
		if messages := len(h.Logs[0].Messages) + len(h.Logs[1].Messages); messages != 2 || h.Steps() > 2 || h.Owners != 1 || f.Flaky {
			t.Errorf("%v", f)
		}
		if f.Messages != 2*60 || f.Steps < 100 {
			t.Errorf("drawn with %d messages and %d steps", f.Messages, f.Steps)
		}
		if text := f.Error(); !strings.Contains(text, fmt.Sprintf("seed %d, round", 1+seed)) || !strings.Contains(text, h.String()) {
			t.Errorf("it does not print its seed and history: %s", text)
		}
		back, err := pipelinetest.Reparse(h)
		if err != nil {
			t.Fatal(err)
		}
		if back.String() != h.String() {
			t.Errorf("got %s, want %s", back, h)
		}
		if _, err := back.Run(arrivals, pipelinetest.Options{}); err == nil || !strings.Contains(f.Error(), "the results differ") {
			t.Errorf("it does not show it again: %v", err)
		}
	}
}

// One seed finds one thing.
func TestSeedsRepeat(t *testing.T) {
	t.Parallel()
	first := failure(t, arrivals, logs(2, 20), pipelinetest.Options{Seed: 7})
	again := failure(t, arrivals, logs(2, 20), pipelinetest.Options{Seed: 7})
	if first.History.Round != again.History.Round || first.Steps != again.Steps || first.Err.Error() != again.Err.Error() {
		t.Errorf("%v\n%v", first, again)
	}
}

// Each kind of line is read back as it was written, and what is not understood is named.
func TestHistoryText(t *testing.T) {
	t.Parallel()
	const text = `calmstream history 1
pipeline "p"
seed 18446744073709551615 round 3
owners 2
shards 3
message in/0 "a\x00\xff\n"
message in/0 2024-02-03T04:05:06.000000007Z "b"
message in/1 ""
apply in/0#1 3
publish in/0#1 0112
publish in/0#0
snapshot in/0#0 full
snapshot in/0#0
commit in/0#0
crash counts/1#0 from nothing
crash counts/1#0 from 2
deliver 5
`
	var h pipelinetest.History
	if err := h.UnmarshalText([]byte(text)); err != nil {
		t.Fatal(err)
	}
	if h.String() != text {
		t.Errorf("got %s", h.String())
	}
	if err := h.UnmarshalText([]byte(strings.ReplaceAll(text, "\nseed", "\n\n# why it failed\nseed"))); err != nil || h.String() != text {
		t.Errorf("with a comment: %v", err)
	}
	for _, line := range []string{
		"apply in/0#0", "apply in#0 1", "apply in/0 1", "jump in/0#0", "publish in/0#0 3", "snapshot in/0#0 half", "commit in/0#0 now",
		"crash in/0#0", "crash in/0#0 from -2", "deliver", "deliver x", "message in/0 a", "message in/0 yesterday \"a\"", "owners", "shards 0", "seed x", "pipeline p",
	} {
		if err := h.UnmarshalText([]byte(text + line)); err == nil || !strings.Contains(err.Error(), "line 18") {
			t.Errorf("%s: %v", line, err)
		}
		if h.String() != text {
			t.Errorf("%s: it changed the history", line)
		}
	}
	for _, other := range []string{"", "calmstream history 2\nowners 1", "calmstream history 1\n"} {
		if err := h.UnmarshalText([]byte(other)); err == nil {
			t.Errorf("%q is taken for a history", other)
		}
	}
}

// FuzzHistory: any text is a history that is written and read back the same, or an error.
func FuzzHistory(f *testing.F) {
	f.Add("calmstream history 1\npipeline \"p\"\nowners 2\nmessage in/0 \"a\"\napply in/0#1 3\ncrash in/0#0 from nothing\n")
	f.Fuzz(func(t *testing.T, text string) {
		var h pipelinetest.History
		if h.UnmarshalText([]byte(text)) != nil {
			return
		}
		back, err := pipelinetest.Reparse(&h)
		if err != nil || back.String() != h.String() {
			t.Errorf("%v: got %s, want %s", err, back, &h)
		}
	})
}

// recorder is a test that is seen from outside.
type recorder struct {
	testing.TB
	name string
	said string
}

func (r *recorder) Helper()             {}
func (r *recorder) Logf(string, ...any) {}
func (r *recorder) Name() string        { return r.name }
func (r *recorder) Fatal(args ...any) {
	r.said = fmt.Sprint(args...)
	runtime.Goexit()
}

func (r *recorder) Fatalf(format string, args ...any) { r.Fatal(fmt.Sprintf(format, args...)) }

// outside runs f as the test with this name, and returns what it said when it failed.
func outside(name string, f func(t testing.TB)) string {
	r := &recorder{name: name}
	done := make(chan struct{})
	go func() {
		defer close(done)
		f(r)
	}()
	<-done
	return r.said
}

// A failure is saved, tried first from then on, and can be replayed by itself.
func TestFailuresAreSaved(t *testing.T) {
	t.Chdir(t.TempDir())
	in := logs(2, 20)
	check := func(build func() *pipeline.Pipeline, o pipelinetest.Options) string {
		return outside("TestX/y", func(t testing.TB) { pipelinetest.Check(t, build, in, o) })
	}
	said := check(arrivals, pipelinetest.Options{Seed: 1})
	files, err := filepath.Glob("testdata/pipelinetest/TestX/y/*")
	if err != nil || len(files) != 1 || !strings.Contains(said, files[0]) {
		t.Fatalf("%v: %v, said %s", err, files, said)
	}
	// The messages of this Check could not show it.
	in = []pipelinetest.Log{{Read: "readings"}}
	if again := check(arrivals, pipelinetest.Options{Rounds: 1}); !strings.Contains(again, "the saved history "+files[0]) {
		t.Errorf("said %q", again)
	}
	if again := outside("TestZ", func(t testing.TB) { pipelinetest.Replay(t, arrivals, files[0], pipelinetest.Options{}) }); !strings.Contains(again, "the results differ") {
		t.Errorf("said %q", again)
	}
	// It is about one pipeline, and one test.
	if other := outside("TestX/y", func(t testing.TB) { // which could not read its messages
		pipelinetest.Check(t, words, []pipelinetest.Log{texts("lines", 0, "a b a")}, pipelinetest.Options{Rounds: 1})
	}); other != "" {
		t.Errorf("another pipeline: %s", other)
	}
	if other := outside("TestX", func(t testing.TB) { pipelinetest.Check(t, arrivals, in, pipelinetest.Options{Rounds: 1}) }); other != "" {
		t.Errorf("another test: %s", other)
	}
	if other := check(func() *pipeline.Pipeline { // with one shard, which is another thing
		p := pipeline.New("arrivals")
		pipeline.Write(p, "all", read(p, 1), nowhere("all"), pipeline.EncodeJSON)
		return p
	}, pipelinetest.Options{Rounds: 1}); other != "" {
		t.Errorf("another number of shards: %s", other)
	}
	// Repaired.
	repaired := func() *pipeline.Pipeline {
		p := pipeline.New("arrivals")
		sums := operators.Sum("first", bySensor(read(p, 2)), valueIn)
		pipeline.Write(p, "first", operators.Finals(operators.Seal(sums, operators.EndOfInput())), nowhere("first"), encodeSum)
		return p
	}
	if after := check(repaired, pipelinetest.Options{Rounds: 1}); after != "" {
		t.Errorf("repaired: %s", after)
	}
	out := pipelinetest.Replay(t, repaired, files[0], pipelinetest.Options{})
	if len(out.Results) != 1 {
		t.Errorf("results %v", out.Results)
	}
	if err := os.WriteFile(files[0], []byte("nonsense"), 0o600); err != nil {
		t.Fatal(err)
	}
	if said := check(repaired, pipelinetest.Options{Rounds: 1}); !strings.Contains(said, files[0]) || !strings.Contains(said, "nonsense") {
		t.Errorf("a damaged file: %q", said)
	}
}

// The name of a test may be anything, and stays below testdata.
func TestFailuresAreSavedBelowTestdata(t *testing.T) {
	t.Chdir(t.TempDir())
	said := outside(`TestX/../../a:"b"|*`, func(t testing.TB) {
		pipelinetest.Check(t, arrivals, logs(2, 20), pipelinetest.Options{Seed: 1})
	})
	files, err := filepath.Glob("testdata/pipelinetest/TestX/__/__/a__b___/*")
	if err != nil || len(files) != 1 || !strings.Contains(said, files[0]) {
		t.Errorf("%v: %v, said %s", err, files, said)
	}
}

// What a run leaves behind, or a clock, does not show the same each time: that is said, and nothing is saved.
func TestWhatDoesNotRepeatIsSaid(t *testing.T) {
	t.Chdir(t.TempDir())
	builds := 0
	said := outside("TestX", func(t testing.TB) {
		pipelinetest.Check(t, func() *pipeline.Pipeline {
			builds++
			odd := builds == 3 // the plain run is the first
			return sensors(1, func(r reading) reading {
				if odd {
					r.Value++
				}
				return r
			})()
		}, logs(1, 20), pipelinetest.Options{})
	})
	if !strings.Contains(said, "does not show it each time") {
		t.Errorf("said %q", said)
	}
	if _, err := os.Stat("testdata"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("something was saved: %v", err)
	}
}
