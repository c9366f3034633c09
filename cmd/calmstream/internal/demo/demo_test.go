package demo_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/calmstream/calmstream/cmd/calmstream/internal/demo"
	"github.com/calmstream/calmstream/internal/natstest"
	"github.com/nats-io/nats.go"
)

var (
	alertLine  = regexp.MustCompile(`(?m)^alert   stable  (\S+)  (\w+) reached 75 clicks, .*$`)
	sealedLine = regexp.MustCompile(`(?m)^sealed  final   (\S+)  (\w+ [\d,]+(, )?)+$`)
	summary    = regexp.MustCompile(`(?m)^[\d,]+ stable alerts?, in the median -?\d+\.\d\d s before the window was final$`)
	verdict    = regexp.MustCompile(`(?m)^all \d+ windows? agree with an independent count, and so do the alerts$`)
)

func TestDemoByItself(t *testing.T) {
	t.Parallel()
	var stdout, stderr bytes.Buffer
	if code := demo.Command(t.Context(), []string{"--for", "3s"}, &stdout, &stderr); code != 0 || stderr.Len() > 0 {
		t.Fatalf("exit %d, stderr %q, stdout:\n%s", code, &stderr, &stdout)
	}
	text := stdout.String()
	plan, rest, found := strings.Cut(text, "points of order")
	if !found || !strings.HasPrefix(text, "Ad events, 1,000 a second,") || !strings.Contains(plan, "pipeline demo, fingerprint") || alertLine.MatchString(plan) || sealedLine.MatchString(plan) {
		t.Errorf("the plan does not come first:\n%s", text)
	}
	early := 0
	for _, a := range alertLine.FindAllStringSubmatchIndex(rest, -1) {
		window := rest[a[2]:a[3]]
		sealed := strings.Index(rest, "sealed  final   "+window)
		if sealed < 0 {
			t.Errorf("there is an alert in window %s, which is never sealed", window)
		}
		if a[0] < sealed {
			early++
		}
	}
	if early == 0 {
		t.Errorf("no alert stands before the result of its window:\n%s", rest)
	}
	for _, want := range []*regexp.Regexp{
		sealedLine, summary, verdict, regexp.MustCompile(`(?m)^3,000 events generated, \d+ clicks counted$`),
		regexp.MustCompile(`(?m)^\d+ dead letters? and \d+ late clicks?, stored with the reason in CALM_DLQ_demo$`),
	} {
		if !want.MatchString(rest) {
			t.Errorf("nothing matches %s in:\n%s", want, rest)
		}
	}
}

// waiter is an output that tells when a text has been written to it.
type waiter struct {
	mu    sync.Mutex
	text  bytes.Buffer
	until string
	found chan struct{}
}

func waitFor(text string) *waiter { return &waiter{until: text, found: make(chan struct{})} }

func (w *waiter) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	before := strings.Contains(w.text.String(), w.until)
	w.text.Write(p)
	if !before && strings.Contains(w.text.String(), w.until) {
		close(w.found)
	}
	return len(p), nil
}

func (w *waiter) String() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.text.String()
}

// patience bounds waits that only a broken demo lets pass.
const patience = 30 * time.Second

func await(t *testing.T, what <-chan struct{}, out io.Writer) {
	t.Helper()
	select {
	case <-what:
	case <-time.After(patience):
		t.Fatalf("it has not come:\n%s", out)
	}
}

func TestInterruptEndsInOrder(t *testing.T) {
	t.Parallel()
	ctx, interrupt := context.WithCancel(t.Context())
	defer interrupt()
	stdout, stderr := waitFor("\nsealed  final"), new(bytes.Buffer)
	code := make(chan int, 1)
	go func() { code <- demo.Command(ctx, []string{"--store", t.TempDir(), "--rate", "400"}, stdout, stderr) }()
	await(t, stdout.found, stdout)
	interrupt()
	if got := <-code; got != 0 || stderr.Len() > 0 {
		t.Fatalf("exit %d, stderr %q", got, stderr)
	}
	if text := stdout.String(); !verdict.MatchString(text) || !strings.Contains(text, "everything is kept in the directory ") {
		t.Errorf("the summary is missing:\n%s", text)
	}
}

// An interrupt before anything has happened is no failure either.
func TestInterruptAtOnce(t *testing.T) {
	t.Parallel()
	ctx, interrupt := context.WithCancel(t.Context())
	interrupt()
	var stdout, stderr bytes.Buffer
	if code := demo.Command(ctx, nil, &stdout, &stderr); code != 0 || stderr.Len() > 0 {
		t.Fatalf("exit %d, stderr %q", code, &stderr)
	}
	if !strings.Contains(stdout.String(), "\nall 0 windows agree") {
		t.Errorf("the summary is missing:\n%s", &stdout)
	}
}

func TestSecondInterruptEndsAtOnce(t *testing.T) {
	t.Parallel()
	hard, interrupt := context.WithCancelCause(t.Context())
	defer interrupt(nil)
	stdout, stderr := waitFor("\nalert   stable"), new(bytes.Buffer)
	code := make(chan int, 1)
	dir := t.TempDir()
	go func() { code <- demo.CommandHard(t.Context(), hard, []string{"--store", dir}, stdout, stderr) }()
	await(t, stdout.found, stdout)
	interrupt(demo.ErrStopped)
	if got := <-code; got != 130 || strings.Count(stderr.String(), "\n") != 1 || !strings.Contains(stderr.String(), "not checked") {
		t.Errorf("exit %d, stderr %q", got, stderr)
	}
	if verdict.MatchString(stdout.String()) {
		t.Error("it claims to have checked")
	}
	// The directory is free again.
	var out bytes.Buffer
	if got := demo.Command(t.Context(), []string{"--store", dir, "--for", "100ms"}, &out, stderr); got != 0 {
		t.Errorf("the next demo on the directory: exit %d, stderr %q", got, stderr)
	}
}

// A false result among the results makes the demo fail, and the error says which.
func TestDemoFindsFalseResult(t *testing.T) {
	t.Parallel()
	srv := natstest.Run(t)
	stdout, stderr := waitFor("\nsealed  final"), new(bytes.Buffer)
	ctx, interrupt := context.WithCancel(t.Context())
	defer interrupt()
	code := make(chan int, 1)
	go func() { code <- demo.Command(ctx, []string{"--nats", srv.URL()}, stdout, stderr) }()
	await(t, stdout.found, stdout)

	js := srv.JetStream(t)
	name := regexp.MustCompile(`pipeline (demo-\S+), `).FindStringSubmatch(stdout.String())[1]
	s, err := js.Stream(t.Context(), name+"_TOP")
	if err != nil {
		t.Fatal(err)
	}
	genuine, err := s.GetMsg(t.Context(), 1)
	if err != nil {
		t.Fatal(err)
	}
	forged := nats.NewMsg(name + ".top.final.forged")
	forged.Header = nats.Header{"Calm-Verdict": {"final"}, "Calm-Window": genuine.Header["Calm-Window"]}
	forged.Data = []byte(`[{"key":"maps","score":1000}]`)
	if _, err := js.PublishMsg(t.Context(), forged); err != nil {
		t.Fatal(err)
	}
	interrupt()
	if got := <-code; got != 1 || !strings.Contains(stderr.String(), "the results are wrong: window") || strings.Count(stderr.String(), "\n") != 1 {
		t.Errorf("exit %d, stderr %q", got, stderr)
	}
	if verdict.MatchString(stdout.String()) {
		t.Error("it claims that everything agrees")
	}
}

// What cannot be read ends the demo: nobody would wait for the rest of the results.
func TestUnreadableResultEndsTheDemo(t *testing.T) {
	t.Parallel()
	srv := natstest.Run(t)
	stdout, stderr := waitFor("\nsealed  final"), new(bytes.Buffer)
	code := make(chan int, 1)
	go func() { code <- demo.Command(t.Context(), []string{"--nats", srv.URL()}, stdout, stderr) }()
	await(t, stdout.found, stdout)
	name := regexp.MustCompile(`pipeline (demo-\S+), `).FindStringSubmatch(stdout.String())[1]
	strange := nats.NewMsg(name + ".alerts.stable.strange")
	strange.Header = nats.Header{"Calm-Window": {"2026-03-14T12:00:00Z/2026-03-14T12:00:02Z"}}
	strange.Data = []byte("no JSON")
	if _, err := srv.JetStream(t).PublishMsg(t.Context(), strange); err != nil {
		t.Fatal(err)
	}
	select {
	case got := <-code:
		if got != 1 || !oneSentence(stderr.String()) || !strings.Contains(stderr.String(), "it is no alert") {
			t.Errorf("exit %d, stderr %q", got, stderr)
		}
	case <-time.After(patience):
		t.Fatal("the demo goes on")
	}
}

// An event that comes from elsewhere, and which the tally therefore does not know, shows in the results.
func TestDemoFindsStrangeEvent(t *testing.T) {
	t.Parallel()
	srv := natstest.Run(t)
	stdout, stderr := waitFor("\nsealed  final"), new(bytes.Buffer)
	ctx, interrupt := context.WithCancel(t.Context())
	defer interrupt()
	code := make(chan int, 1)
	go func() { code <- demo.Command(ctx, []string{"--nats", srv.URL()}, stdout, stderr) }()
	await(t, stdout.found, stdout)
	name := regexp.MustCompile(`pipeline (demo-\S+), `).FindStringSubmatch(stdout.String())[1]
	if _, err := srv.JetStream(t).Publish(t.Context(), name+".events.1", []byte("no event")); err != nil {
		t.Fatal(err)
	}
	interrupt()
	if got := <-code; got != 1 || !strings.Contains(stderr.String(), "the results are wrong: there are ") {
		t.Errorf("exit %d, stderr %q", got, stderr)
	}
}

func TestUsage(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{
		{"--unknown"},
		{"--for", "soon"},
		{"--for", "-1s"},
		{"--rate", "0"},
		{"--rate", "1000001"},
		{"extra"},
		{"--nats", "nats://localhost", "--store", "x"},
	} {
		var stdout, stderr bytes.Buffer
		if code := demo.Command(t.Context(), args, &stdout, &stderr); code != 2 || stdout.Len() > 0 || !oneSentence(stderr.String()) {
			t.Errorf("%q: exit %d, stdout %q, stderr %q", args, code, &stdout, &stderr)
		}
	}
	var stdout, stderr bytes.Buffer
	if code := demo.Command(t.Context(), []string{"--help"}, &stdout, &stderr); code != 0 || stderr.Len() > 0 || !strings.Contains(stdout.String(), "-rate") {
		t.Errorf("help: exit %d, stdout %q, stderr %q", code, &stdout, &stderr)
	}
}

func TestErrorsAreOneSentence(t *testing.T) {
	t.Parallel()
	var stdout, stderr bytes.Buffer
	if code := demo.Command(t.Context(), []string{"--nats", "nats://127.0.0.1:1"}, &stdout, &stderr); code != 1 || !oneSentence(stderr.String()) {
		t.Errorf("no server: exit %d, stderr %q", code, &stderr)
	}
	stderr.Reset()
	file := t.TempDir() + "/file"
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if code := demo.Command(t.Context(), []string{"--store", file}, &stdout, &stderr); code != 1 || !oneSentence(stderr.String()) {
		t.Errorf("no directory: exit %d, stderr %q", code, &stderr)
	}
}

// insider finds what only a reader of the program knows: names of packages and of their fields.
var insider = regexp.MustCompile(`[:(] ?(store|embedded|pipeline|engine|source|sinks|shard): |\b(Config|Env)\.`)

func oneSentence(text string) bool {
	return strings.HasPrefix(text, "calmstream demo: ") && strings.Count(text, "\n") == 1 && strings.HasSuffix(text, "\n") &&
		!insider.MatchString(text)
}

// broken is an output that takes so much and then fails, as a pipe whose reader has ended.
type broken struct{ left int }

func (b *broken) Write(p []byte) (int, error) {
	if b.left -= len(p); b.left < 0 {
		return 0, errors.New("broken pipe")
	}
	return len(p), nil
}

func TestOutputThatFailsEndsTheDemo(t *testing.T) {
	t.Parallel()
	for _, room := range []int{0, 2500} { // nothing, and the plan with a line or two
		var stderr bytes.Buffer
		if code := demo.Command(t.Context(), nil, &broken{room}, &stderr); code != 1 || !strings.Contains(stderr.String(), "broken pipe") || !oneSentence(stderr.String()) {
			t.Errorf("room for %d bytes: exit %d, stderr %q", room, code, &stderr)
		}
	}
}
