package cli_test

import (
	"bytes"
	"context"
	"encoding/json"
	"strings"
	"testing"

	"github.com/calmstream/calmstream/cmd/calmstream/internal/cli"
	"github.com/calmstream/calmstream/crdt"
	"github.com/calmstream/calmstream/internal/natstest"
	"github.com/calmstream/calmstream/operators"
	"github.com/calmstream/calmstream/pipeline"
	"github.com/calmstream/calmstream/pipeline/query"
	"github.com/calmstream/calmstream/sinks"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

func call(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, err bytes.Buffer
	code = cli.Dispatch(t.Context(), args, &out, &err, false)
	return code, out.String(), err.String()
}

// What the checkpoints of a run that is over say, with no program but this one: each key is looked for in its shard.
func TestQueryOfCheckpoints(t *testing.T) {
	t.Parallel()
	js, url := server(t)
	p := lengths()
	for _, subject := range []string{"q.0", "q.1", "q.0", "q.0"} {
		publish(t, js, subject, "a", "bb", "cc", "")
	}
	end(t, js)
	if err := p.Run(t.Context(), pipeline.Config{Conn: js.Conn()}); err != nil {
		t.Fatal(err)
	}
	for key, want := range map[string]string{
		"lower-bound -1": "4", "lower-bound -2": "8", "final 0": "4", "final -9": "0",
		"threshold -2 count >= 8": "true", "threshold -2 count >= 9": "false",
	} {
		kind, rest, _ := strings.Cut(key, " ")
		key, set, has := strings.Cut(rest, " ")
		args := []string{"query", "q", "lengths", kind, "--nats", url, "--format", "json", "--", key}
		if has {
			args = append(args, set)
		}
		code, stdout, stderr := call(t, args...)
		var r query.Reply
		if err := json.Unmarshal([]byte(stdout), &r); err != nil || code != 0 {
			t.Fatalf("%s: %d %q %q", args, code, stdout, stderr)
		}
		if string(r.Value) != want || r.Verdict != "final" || r.Frontier != "end" || r.Origin != "checkpoint" || r.Position.Stage != "lengths" || r.Position.Seq == 0 {
			t.Errorf("%s: %s", args, stdout)
		}
	}
	code, stdout, stderr := call(t, "query", "q", "words", "threshold", "bb", "count >= 1", "--nats", url)
	if code != 0 || !strings.HasPrefix(stdout, "true (final): the input has ended\n  window global, words/") || !strings.HasSuffix(stdout, ", complete up to end, says checkpoint\n") {
		t.Errorf("%d %q %q", code, stdout, stderr)
	}
}

// A worker that runs is asked first; it waits for what is not so yet, and another version is not taken for the active one.
func TestQueryOfWorkers(t *testing.T) {
	t.Parallel()
	js, url := server(t)
	for _, version := range []string{"", "other"} {
		p := lengths()
		p.Version = version
		ctx, stop := context.WithCancel(t.Context())
		ended, monitor := make(chan error, 1), new(pipeline.Monitor)
		go func() {
			ended <- p.Run(ctx, pipeline.Config{Conn: js.Conn(), Worker: "w" + version, Queries: true, Monitor: monitor})
		}()
		defer func() {
			stop()
			if err := <-ended; err != nil {
				t.Error(err)
			}
		}()
		natstest.Eventually(t, "the worker runs", monitor.Running)
	}
	publish(t, js, "q.0", "aa", "aa")
	publish(t, js, "q.1", "aa")
	ask := func(args ...string) (int, string, string) {
		return call(t, append([]string{"query", "q", "words", "--nats", url}, args...)...)
	}
	code, stdout, stderr := ask("await", "aa", "count >= 3", "--wait", "10s")
	if code != 0 || !strings.HasPrefix(stdout, "true (stable)\n  window global, words/") || !strings.HasSuffix(stdout, ", says worker w\n") {
		t.Errorf("%d %q %q", code, stdout, stderr)
	}
	code, stdout, stderr = ask("await", "aa", "count >= 4", "--wait", "20ms")
	if code != 1 || stdout != "" || stderr != "calmstream: after 20ms it is not known that aa is in count >= 4\n" {
		t.Errorf("%d %q %q", code, stdout, stderr)
	}
	for args, want := range map[string]string{
		"lower-bound aa": "3 (lower-bound)\n", "lower-bound aa --ask workers": "3 (lower-bound)\n", "final aa": "unknown: it may change yet\n",
	} {
		if code, stdout, stderr := ask(strings.Fields(args)...); code != 0 || !strings.HasPrefix(stdout, want) || !strings.HasSuffix(stdout, "says worker w\n") {
			t.Errorf("%s: %d %q %q", args, code, stdout, stderr)
		}
	}
	versions, err := pipeline.Versions(t.Context(), js.Conn(), "q")
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range versions {
		if code, _, stderr := call(t, "versions", "activate", "q", v.Epoch, "--nats", url); code != 0 {
			t.Fatal(stderr)
		}
		want := "says worker w\n"
		if v.Document.Version == "other" {
			want = "says worker wother\n"
		}
		for _, args := range [][]string{{"lower-bound", "aa"}, {"lower-bound", "aa", "--epoch", v.Epoch}} {
			if code, stdout, stderr := ask(args...); code != 0 || !strings.HasSuffix(stdout, want) {
				t.Errorf("%s of %q: %d %q %q", args, v.Document.Version, code, stdout, stderr)
			}
		}
	}
	for want, args := range map[string]string{
		"takes the names of": "lower-bound",
		`no question; there is threshold, await, lower-bound and final`: "guess aa",
		`threshold takes a set behind the key`:                          "threshold aa",
		`"too" is too much`:                                             "final aa too",
		"await, and nothing else, takes --wait":                         "await aa raised",
		"--ask is workers, checkpoints or any":                          "final aa --ask nobody",
		"--format is text or json":                                      "final aa --format xml",
		`the set "raised" is not known for a crdt.GCounter`:             "threshold aa raised",
		`the epoch is "e1", and there is e`:                             "final aa --epoch e1",
	} {
		if code, _, stderr := ask(strings.Fields(args)...); code == 0 || !strings.Contains(stderr, want) {
			t.Errorf("%s: %d %q", args, code, stderr)
		}
	}
	for want, args := range map[string][]string{
		"it has not run there":                             {"query", "nobody", "words", "final", "aa", "--nats", url},
		`it has no state "wrods"; there is words, lengths`: {"query", "q", "wrods", "final", "aa", "--nats", url},
		"the keys are integers, and \"aa\" is none":        {"query", "q", "lengths", "final", "aa", "--nats", url},
		"say where the pipeline runs":                      {"query", "q", "words", "final", "aa"},
	} {
		if code, _, stderr := call(t, args...); code == 0 || !strings.Contains(stderr, want) {
			t.Errorf("%q: %d %q", args, code, stderr)
		}
	}
	if code, text, _ := call(t, "help", "query"); code != 0 || !strings.Contains(text, "-ask") {
		t.Errorf("help: %d %q", code, text)
	}
}

// server runs a server with the input of lengths.
func server(t *testing.T) (js jetstream.JetStream, url string) {
	t.Helper()
	srv := natstest.Run(t)
	js = srv.JetStream(t)
	if _, err := js.CreateStream(t.Context(), jetstream.StreamConfig{Name: "Q", Subjects: []string{"q.*"}}); err != nil {
		t.Fatal(err)
	}
	return js, srv.URL()
}

func publish(t *testing.T, js jetstream.JetStream, subject string, words ...string) {
	t.Helper()
	for _, word := range words {
		if _, err := js.Publish(t.Context(), subject, []byte(word)); err != nil {
			t.Fatal(err)
		}
	}
}

func end(t *testing.T, js jetstream.JetStream) {
	t.Helper()
	for _, subject := range []string{"q.0", "q.1"} {
		m := nats.NewMsg(subject)
		m.Header.Set("Calm-Seal", "end")
		if _, err := js.PublishMsg(t.Context(), m); err != nil {
			t.Fatal(err)
		}
	}
}

// lengths counts words, and how many are how long, as a negative number.
func lengths() *pipeline.Pipeline {
	p := pipeline.New("q")
	in := pipeline.Read(p, "in", pipeline.Source[string]{Stream: "Q", Subjects: []string{"q.0", "q.1"}, Decode: pipeline.Text})
	words := operators.Count("words", operators.KeyBy(in, "word", strings.ToLower))
	nowhere := func(name string) sinks.Sink {
		return sinks.Func{Name: name, Do: func(context.Context, sinks.Record) error { return nil }}
	}
	pipeline.Write(p, "often", operators.Threshold(words, crdt.AtLeast(100)), nowhere("often"), pipeline.EncodeText)
	byLength := operators.Count("lengths", operators.KeyBy(in, "length", func(word string) int32 { return int32(-len(word)) }))
	pipeline.Write(p, "long", operators.Threshold(byLength, crdt.AtLeast(100)), nowhere("long"), pipeline.EncodeJSON)
	operators.Share(words)
	operators.Share(byLength)
	return p
}
