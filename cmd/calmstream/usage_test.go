package main_test

import (
	"strings"
	"testing"
)

func TestCommandLinesThatMakeNoSense(t *testing.T) {
	t.Parallel()
	input := file(t, "some words")
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"wordcount"}, `"wordcount" is not a command`},
		{[]string{"help", "me"}, `"me" is not a command`},
		{[]string{"version", "now"}, "version takes no arguments"},
		{[]string{"run"}, "run takes the name of a pipeline"},
		{[]string{"run", "adclicks"}, `run knows no pipeline "adclicks"`},
		{[]string{"run", "wordcount"}, "--input is missing"},
		{[]string{"run", "wordcount", input}, "files are given with --input"},
		{[]string{"run", "wordcount", "--inputs", input}, "flag provided but not defined: -inputs"},
		{[]string{"run", "wordcount", "--input", "-", "--input", "-"}, "standard input can be read once"},
		{[]string{"run", "wordcount", "--input", input, "--output", "xml"}, `--output is text or json, not "xml"`},
		{[]string{"run", "wordcount", "--input", input, "--shards", "0"}, "--shards is a number from 1 to 256, not 0"},
		{[]string{"run", "wordcount", "--input", input, "--shards", "many"}, `invalid value "many"`},
		{[]string{"run", "wordcount", "--input", input, "--run", "a.b"}, `--run: "a.b" cannot be the name of a run`},
		{[]string{"run", "wordcount", "--input", input, "--run", strings.Repeat("x", 55)}, "cannot be the name of a run"},
		{[]string{"run", "wordcount", "--input", input, "--nats", "nats://h", "--store", "d"}, "give one of them"},
		{[]string{"run", "wordcount", "--input", input, "--creds", "c"}, "belong to --nats"},
		{[]string{"run", "wordcount", "--input", input, "--nats", "h", "--tlscert", "c"}, "--tlscert and --tlskey belong together"},
		{[]string{"run", "wordcount", "--input", input, "--nats", "h", "--creds", "c", "--nkey", "k"}, "give one of them"},
		{[]string{"explain"}, "explain takes the name of one pipeline: adclicks or wordcount"},
		{[]string{"explain", "this"}, `explain knows no pipeline "this"; it knows adclicks or wordcount`},
		{[]string{"explain", "wordcount", "--format", "png"}, `--format is text, mermaid, dot or json, not "png"`},
		{[]string{"explain", "wordcount", "--shards", "-1"}, "--shards is a number from 0 to 256, not -1"},
	} {
		t.Run(strings.Join(c.args, " "), func(t *testing.T) {
			t.Parallel()
			code, stdout, stderr := tool(t, nil, c.args...)
			if code != 2 || stdout != "" {
				t.Errorf("it ended with %d, not 2, and printed %q", code, stdout)
			}
			if !strings.HasPrefix(stderr, "calmstream: ") || strings.Count(stderr, "\n") != 1 || !strings.Contains(stderr, c.want) {
				t.Errorf("want one sentence with %q, got: %s", c.want, stderr)
			}
			if inside := insider.FindString(stderr); inside != "" {
				t.Errorf("who runs the tool cannot know what %q is: %s", inside, stderr)
			}
		})
	}
}

func TestWhatIsAskedForIsPrinted(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"help"}, "calmstream run wordcount --input book.txt"},
		{[]string{"--help"}, "calmstream run wordcount --input book.txt"},
		{[]string{"help", "version"}, "calmstream run wordcount --input book.txt"},
		{[]string{"help", "run"}, "-shards number"},
		{[]string{"help", "run"}, "Counts words: runs of letters and digits, in lower case"},
		{[]string{"run", "wordcount", "-h"}, "-tlsca file"},
		{[]string{"help", "explain"}, "-format format"},
		{[]string{"help", "demo"}, "calmstream demo"},
		{[]string{"version"}, "calmstream "},
		{[]string{"explain", "wordcount"}, "reads stream WC_IN_wordcount by wc.wordcount.in.0, wc.wordcount.in.1, wc.wordcount.in.2, wc.wordcount.in.3"},
		{[]string{"explain", "--shards", "1", "wordcount"}, "stage chunks, 1 shard, reads stream WC_IN_wordcount by wc.wordcount.in.0\n"},
		{[]string{"explain", "adclicks", "--shards", "3"}, "stage events, 3 shards"},
		{[]string{"explain", "adclicks", "--format", "mermaid"}, "flowchart TD\n"},
		{[]string{"explain", "adclicks", "--format", "dot"}, "digraph \"adclicks\" {\n"},
		{[]string{"explain", "adclicks", "--format", "json"}, "\"pointsOfOrder\": ["},
	} {
		t.Run(strings.Join(c.args, " "), func(t *testing.T) {
			t.Parallel()
			code, stdout, stderr := tool(t, nil, c.args...)
			if code != 0 || stderr != "" || !strings.Contains(stdout, c.want) {
				t.Errorf("it ended with %d, complained %q, and printed, instead of %q:\n%s", code, stderr, c.want, stdout)
			}
		})
	}
}

func TestWithoutACommandTheUsageIsAnError(t *testing.T) {
	t.Parallel()
	if code, stdout, stderr := tool(t, nil); code != 2 || stdout != "" || !strings.Contains(stderr, "calmstream help") {
		t.Errorf("it ended with %d, printed %q and complained %q", code, stdout, stderr)
	}
}
