package cli_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/calmstream/calmstream/benchmarks/nexmark"
	"github.com/calmstream/calmstream/benchmarks/nexmark/queries"
	"github.com/calmstream/calmstream/cmd/calmstream/internal/cli"
)

// command runs a command and returns its status and what it prints.
func command(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, err bytes.Buffer
	code = cli.Dispatch(t.Context(), args, &out, &err, false)
	return code, out.String(), err.String()
}

func TestDumpPrintsTheEventsOfTheGenerator(t *testing.T) {
	t.Parallel()
	args := []string{"nexmark", "dump", "--events", "500", "--seed", "8", "--rate", "official", "--generators", "2", "--out-of-order", "5"}
	code, stdout, stderr := command(t, args...)
	if code != 0 || stderr != "" {
		t.Fatalf("it ended with %d: %s", code, stderr)
	}
	all, err := nexmark.Config{Seed: 8, Events: 500, Rate: nexmark.OfficialRate, Generators: 2, OutOfOrder: 5}.All()
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.SplitAfter(stdout, "\n")
	for _, e := range all {
		var got nexmark.Event
		if err := json.Unmarshal([]byte(lines[0]), &got); err != nil {
			t.Fatalf("%q: %v", lines[0], err)
		}
		if want := string(e.AppendJSON(nil)) + "\n"; lines[0] != want || !got.Time().Equal(e.Time()) {
			t.Fatalf("got  %swant %s", lines[0], want)
		}
		lines = lines[1:]
	}
	if len(lines) != 1 || lines[0] != "" {
		t.Errorf("%d lines too many", len(lines)-1)
	}
	if _, again, _ := command(t, args...); again != stdout {
		t.Error("the same command prints something else")
	}
	if _, other, _ := command(t, "nexmark", "dump", "--events", "500", "--seed", "9"); other == stdout {
		t.Error("another seed prints the same")
	}
}

func TestCommandLinesOfNexmarkThatMakeNoSense(t *testing.T) {
	t.Parallel()
	for _, x := range []struct{ args, want string }{
		{"nexmark", "followed by dump"},
		{"nexmark load", "followed by dump"},
		{"nexmark dump more", "followed by dump"},
		{"nexmark dump --rate slow", "official, default or long"},
		{"nexmark dump --rate 0", "official, default or long"},
		{"nexmark dump --out-of-order 1906", "953"},
		{"nexmark dump --generators -2", "generators"},
		{"nexmark dump --events many", "events"},
	} {
		code, stdout, stderr := command(t, strings.Fields(x.args)...)
		if code != 2 || stdout != "" || !strings.Contains(stderr, x.want) || strings.Count(stderr, "\n") != 1 {
			t.Errorf("%s: ended with %d and said %q; want %q in one line", x.args, code, stderr, x.want)
		}
	}
	if code, stdout, _ := command(t, "help", "nexmark"); code != 0 || !strings.Contains(stdout, "-out-of-order") {
		t.Errorf("help ended with %d and printed %q", code, stdout)
	}
}

var errFull = errors.New("no space left on device")

// full is standard output that takes nothing.
type full struct{}

func (full) Write([]byte) (int, error) { return 0, errFull }

func TestADumpThatCannotBeWrittenFails(t *testing.T) {
	t.Parallel()
	var stderr bytes.Buffer
	code := cli.Dispatch(t.Context(), []string{"nexmark", "dump", "--events", "100000000"}, full{}, &stderr, false)
	if code != 1 || !strings.Contains(stderr.String(), errFull.Error()) {
		t.Errorf("it ended with %d and said %q", code, stderr.String())
	}
}

func TestASignalEndsADump(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(cli.ErrInterrupt)
	var stdout, stderr bytes.Buffer
	code := cli.Dispatch(ctx, []string{"nexmark", "dump", "--events", "100000000"}, &stdout, &stderr, false)
	if code != 130 || !strings.Contains(stderr.String(), "SIGINT after 1024 of 100000000") {
		t.Errorf("it ended with %d and said %q", code, stderr.String())
	}
}

func TestRunsOfAQueryPrintTheSame(t *testing.T) {
	t.Parallel()
	line := []string{"run", "nexmark-q3", "--events", "1000", "--seed", "4", "--out-of-order", "10", "--output", "json"}
	code, first, stderr := command(t, append(line, "--shards", "1")...)
	if code != 0 || stderr != "" || first == "" {
		t.Fatalf("it ended with %d, printed %q and said %q", code, first, stderr)
	}
	for row := range strings.Lines(first) {
		var result struct {
			Verdict string
			Row     struct{ Name, City, State string }
		}
		if err := json.Unmarshal([]byte(row), &result); err != nil || result.Verdict != "stable" || !strings.Contains("OR ID CA", result.Row.State) {
			t.Fatalf("row %s: %v", row, err)
		}
	}
	if _, again, _ := command(t, append(line, "--shards", "3")...); again != first {
		t.Errorf("three shards have\n%s\nand one has\n%s", again, first)
	}
	line[5] = "5"
	if _, other, _ := command(t, line...); other == first || other == "" {
		t.Error("another seed has the same rows, or none")
	}
}

func TestARunThatIsKeptGoesOnAndTakesNoOtherEvents(t *testing.T) {
	t.Parallel()
	line := []string{"run", "nexmark-q7", "--events", "1500", "--store", t.TempDir()}
	code, first, stderr := command(t, line...)
	if code != 0 || strings.Count(first, "\tfinal\n") < 2 {
		t.Fatalf("it ended with %d, printed %q and said %q", code, first, stderr)
	}
	if code, again, stderr := command(t, line...); code != 0 || again != first {
		t.Errorf("again it ended with %d, said %q, and printed\n%s\nafter\n%s", code, stderr, again, first)
	}
	if code, stdout, stderr := command(t, append(line, "--seed", "2")...); code != 1 || stdout != "" || !strings.Contains(stderr, "--run") {
		t.Errorf("with another seed it ended with %d, printed %q and said %q", code, stdout, stderr)
	}
	if code, _, stderr := command(t, append(line, "--seed", "2", "--run", "two")...); code != 0 {
		t.Errorf("another run ended with %d and said %q", code, stderr)
	}
}

func TestExplainShowsWhatQueriesWaitFor(t *testing.T) {
	t.Parallel()
	for _, q := range queries.All() {
		code, plan, stderr := command(t, "explain", "nexmark-"+q.Name)
		if code != 0 {
			t.Fatalf("%s: it ended with %d and said %q", q.Name, code, stderr)
		}
		_, points, _ := strings.Cut(plan, "\npoints of order\n")
		none := strings.Contains(points, "none: every result leaves at once")
		if want := q.Class == queries.Monotone && q.Waits == ""; none != want || !none && !strings.Contains(points, "  seal ") {
			t.Errorf("%s is %s, and the points of order are\n%s", q.Name, q.Class, points)
		}
	}
}

func TestCommandLinesOfQueriesThatMakeNoSense(t *testing.T) {
	t.Parallel()
	for _, x := range []struct{ args, want string }{
		{"run nexmark-q24", `no pipeline "nexmark-q24"`},
		{"run nexmark-q24 --events 10", `no pipeline "nexmark-q24"`},
		{"explain nexmark-q24", `no pipeline "nexmark-q24"`},
		{"run nexmark-q5 more", "too much"},
		{"run nexmark-q5 --events 0", "--events"},
		{"run nexmark-q5 --output xml", "text or json"},
		{"run nexmark-q5 --shards 0", "--shards"},
		{"run nexmark-q5 --run a.b", "a.b"},
		{"run nexmark-q5 --out-of-order 953", "953"},
		{"run nexmark-q5 --nats nats://a --store b", "--nats"},
	} {
		code, stdout, stderr := command(t, strings.Fields(x.args)...)
		if code != 2 || stdout != "" || !strings.Contains(stderr, x.want) || strings.Count(stderr, "\n") != 1 {
			t.Errorf("%s: ended with %d and said %q; want %q in one line", x.args, code, stderr, x.want)
		}
	}
	if code, stdout, _ := command(t, "run", "nexmark-q5", "--help"); code != 0 || !strings.Contains(stdout, "-out-of-order") {
		t.Errorf("help ended with %d and printed %q", code, stdout)
	}
}
