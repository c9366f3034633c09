package archtest_test

import (
	"slices"
	"strings"
	"testing"
	"testing/fstest"
)

// plant makes a tree of files from their paths and texts.
func plant(t *testing.T, files map[string]string) *tree {
	t.Helper()
	fsys := fstest.MapFS{}
	for name, text := range files {
		fsys[name] = &fstest.MapFile{Data: []byte(text)}
	}
	tr, err := parseTree(fsys)
	if err != nil {
		t.Fatal(err)
	}
	return tr
}

// texts drops what the table of exceptions needs and keeps the messages.
func texts(problems []problem) (all []string) {
	for _, p := range problems {
		all = append(all, p.text)
	}
	return all
}

// wantProblems checks that each problem contains its want, in the order of the text.
func wantProblems(t *testing.T, got []string, want ...string) {
	t.Helper()
	slices.Sort(got)
	slices.Sort(want)
	if len(got) != len(want) {
		t.Fatalf("got %d problems, want %d:\n%s", len(got), len(want), strings.Join(got, "\n"))
	}
	for i := range want {
		if !strings.HasPrefix(got[i], want[i]) {
			t.Errorf("problem %d is %q, want it to begin with %q", i, got[i], want[i])
		}
	}
}

func imports(pkg string, paths ...string) string {
	text := "package " + pkg + "\n"
	for _, p := range paths {
		text += "import _ \"" + p + "\"\n"
	}
	return text
}

func TestPlantedImportsAreFound(t *testing.T) {
	t.Parallel()
	tr := plant(t, map[string]string{
		"crdt/a.go":                                  imports("crdt", "fmt", module+"/operators"),
		"crdt/a_test.go":                             imports("crdt_test", module+"/crdt", module+"/crdt/crdttest", rapid),
		"crdt/b_test.go":                             imports("crdt_test", module+"/sinks"),
		"operators/a.go":                             imports("operators", module+"/crdt", module+"/internal/plan/kernel", module+"/pipeline"),
		"internal/plan/kernel/a.go":                  imports("kernel", module+"/internal/plan", xxhash, "github.com/nats-io/nats.go"),
		"pipeline/internal/shard/a.go":               imports("shard", "github.com/nats-io/nats.go/jetstream"),
		"pipeline/internal/shard/a_test.go":          imports("shard_test", "github.com/nats-io/nats.go"),
		"pipeline/internal/checkpoint/jetstore/a.go": imports("jetstore", "github.com/nats-io/nats.go/jetstream"),
		"pipeline/internal/source/a.go":              imports("source", "github.com/nats-io/nats-server/v2/server"),
		"pipeline/a.go":                              imports("pipeline", module+"/pipeline/internal/engine", module+"/pipeline/embedded"),
		"cmd/calmstream/main.go":                     imports("main", module+"/cmd/calmstream/internal/run", module+"/internal/plan"),
		"cmd/calmstream/a_test.go":                   imports("main", module+"/internal/natstest"),
		"benchmarks/a.go":                            imports("benchmarks", module+"/pipeline/internal/shard", module+"/pipeline"),
		"benchmarks/a_test.go":                       imports("benchmarks_test", module+"/benchmarks"),
		"somewhere/new/a.go":                         imports("somewhere"),
		"benchmarks/peers/go.mod":                    "module peers",
		"benchmarks/peers/a.go":                      imports("peers", "example.com/anything"),
		"operators/testdata/illegal/a/main.go":       imports("main", "example.com/anything"),
		".hidden/a.go":                               imports("hidden", "example.com/anything"),
		"internal/natstest/a.go":                     imports("natstest", "github.com/nats-io/nats-server/v2/server"),
		"sinks/a.go":                                 imports("sinks", "example.com/anything", xxhash),
		"doc.go":                                     imports("calmstream", module+"/crdt"),
		"example_test.go":                            imports("calmstream_test", module, module+"/pipeline"),
	})
	wantProblems(t, checkImports(tr, rooms),
		"benchmarks/a.go:2: benchmarks must not import "+module+"/pipeline/internal/shard: ",
		"cmd/calmstream/main.go:3: cmd/calmstream must not import "+module+"/internal/plan: ",
		"crdt/a.go:3: crdt must not import "+module+"/operators: ",
		"crdt/b_test.go:2: crdt must not import "+module+"/sinks: ",
		"doc.go:2: . must not import "+module+"/crdt: ",
		"internal/plan/kernel/a.go:4: internal/plan/kernel must not import github.com/nats-io/nats.go: ",
		"operators/a.go:4: operators must not import "+module+"/pipeline: ",
		"pipeline/a.go:3: pipeline must not import "+module+"/pipeline/embedded: ",
		"pipeline/internal/shard/a.go:2: pipeline/internal/shard must not import github.com/nats-io/nats.go/jetstream: ",
		"pipeline/internal/shard/a_test.go:2: pipeline/internal/shard must not import github.com/nats-io/nats.go: ",
		"pipeline/internal/source/a.go:2: pipeline/internal/source must not import github.com/nats-io/nats-server/v2/server: ",
		"sinks/a.go:2: sinks must not import example.com/anything: ",
		"somewhere/new/a.go: package somewhere/new has no row",
	)
}

func TestPlantedCallsAreFound(t *testing.T) {
	t.Parallel()
	tr := plant(t, map[string]string{
		"crdt/a.go":                 "package crdt\nimport \"time\"\nvar now = time.Now\nvar d = time.Second\n",
		"crdt/b.go":                 "package crdt\nimport clock \"time\"\nfunc f() { clock.Since(clock.Time{}) }\n",
		"crdt/c.go":                 "package crdt\nimport . \"time\"\nfunc g() { Now() }\n",
		"crdt/d.go":                 "package crdt\nimport \"math/rand/v2\"\nvar _ = rand.Int\n",
		"crdt/a_test.go":            "package crdt\nimport \"time\"\nvar _ = time.Now\nfunc h() { panic(1) }\n",
		"sinks/a.go":                "package sinks\nimport \"time\"\nvar _ = time.Now\nfunc f() { panic(1) }\n",
		"sinks/b.go":                "package sinks\ntype log struct{ panic func() }\nfunc (l log) f() { l.panic() }\n",
		"cmd/x/main.go":             "package main\nimport \"os\"\nfunc main() { os.Exit(1) }\n",
		"pipeline/a.go":             "package pipeline\nimport (\"os\"; \"log\")\nfunc f() { os.Exit(1); log.Fatal() }\n",
		"internal/plan/kernel/a.go": "package kernel\nimport \"hash/maphash\"\nvar _ maphash.Hash\n",
		"internal/invariants/a.go":  "package invariants\nfunc f() { panic(1) }\n",
	})
	wantProblems(t, checkBans(tr, bans),
		"crdt/a.go:3: time.Now in crdt: ",
		"crdt/b.go:3: time.Since in crdt: ",
		"crdt/c.go:3: time.Now in crdt: ",
		"crdt/d.go:2: math/rand/v2 in crdt: ",
		"internal/plan/kernel/a.go:2: hash/maphash in internal/plan/kernel: ",
		"pipeline/a.go:3: log.Fatal in pipeline: ",
		"pipeline/a.go:3: os.Exit in pipeline: ",
		"sinks/a.go:4: panic in sinks: ",
	)
}

func TestPlantedSleepsAndSkipsAreFound(t *testing.T) {
	t.Parallel()
	tr := plant(t, map[string]string{
		"crdt/a_test.go":     "package crdt\nimport (\"testing\"; \"time\")\nfunc TestA(t *testing.T) {\n time.Sleep(1)\n t.Run(\"\", func(inner *testing.T) {\n inner.Skipf(\"no\") }) }\n",
		"crdt/c_test.go":     "package crdt\nimport (\"testing\"; \"pgregory.net/rapid\")\nfunc TestC(t *testing.T) {\n rapid.Check(t, func(t *rapid.T) {\n t.Skip() })\n t.Skip() }\n",
		"crdt/b_test.go":     "package crdt\nimport (\"testing\"; \"testing/synctest\"; \"time\")\nfunc TestB(t *testing.T) {\n synctest.Test(t, func(t *testing.T) {\n time.Sleep(1) })\n time.Sleep(2) }\n",
		"crdt/crdttest/a.go": "package crdttest\nimport (\"testing\"; \"time\")\nfunc Check(tb testing.TB) {\n time.Sleep(1)\n tb.SkipNow() }\n",
		"sinks/a.go":         "package sinks\nimport \"time\"\ntype reader struct{}\nfunc (reader) Skip() {}\nfunc f(r reader) { r.Skip(); time.Sleep(1) }\n",
	})
	wantProblems(t, texts(append(checkSleeps(tr), checkSkips(tr)...)),
		"crdt/a_test.go:4: time.Sleep",
		"crdt/a_test.go:6: a test that skips",
		"crdt/b_test.go:6: time.Sleep",
		"crdt/c_test.go:6: a test that skips",
		"crdt/crdttest/a.go:4: time.Sleep",
		"crdt/crdttest/a.go:5: a test that skips",
	)
}

func TestPlantedLengthsAndCommentsAreFound(t *testing.T) {
	t.Parallel()
	longFunc := "func F() {\n" + strings.Repeat("\n", maxFuncLines-1) + "}\n"
	tr := plant(t, map[string]string{
		"crdt/a.go":      "// Package crdt is good.\npackage crdt\n" + longFunc,
		"crdt/b.go":      "package crdt\nfunc G() {\n" + strings.Repeat("\n", maxFuncLines-2) + "}\n",
		"crdt/c.go":      "package crdt\n" + strings.Repeat("\n", maxFileLines),
		"crdt/d.go":      "package crdt\n" + strings.Repeat("\n", maxFileLines-1),
		"crdt/a_test.go": "package crdt_test\n" + longFunc,
		"sinks/a.go":     "// Sinks are not documented so.\npackage sinks\n",
		"cmd/x/main.go":  "// Command x does a thing.\npackage main\n",
		"cmd/y/main.go":  "package main\n",
	})
	wantProblems(t, texts(checkLengths(tr)),
		"crdt/a.go:3: F has 61 lines, at most 60",
		"crdt/c.go has 401 lines, at most 400",
	)
	wantProblems(t, checkPackageComments(tr), "cmd/y has no package comment", "sinks has no package comment")
}

func TestExceptionsExcuseExactlyOneThing(t *testing.T) {
	t.Parallel()
	problems := []problem{{"sleep", "a_test.go:TestA", "A sleeps"}, {"skip", "a_test.go:TestA", "A skips"}}
	wantProblems(t, excuse(problems, map[string]string{"sleep a_test.go:TestA": "a reason", "skip b_test.go:TestB": "a reason"}),
		"A skips (to excuse it: \"skip a_test.go:TestA\")",
		"the exception \"skip b_test.go:TestB\" excuses nothing",
	)
}
