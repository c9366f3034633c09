package doctest_test

// proofs maps each command of the documentation to what runs it: "file: text", where the file of the
// repository contains the text. A command that no page shows any more must leave the table.
var proofs = map[string]string{
	"go test ./...":                                           ".ci/run: go test ./...",
	"go run ./benchmarks/bench list":                          ".ci/run: go run ./benchmarks/bench -scale ",
	"go run ./benchmarks/bench":                               ".ci/run: go run ./benchmarks/bench -scale ",
	"go run ./benchmarks/bench -repeat 9 subject json":        ".ci/run: go run ./benchmarks/bench -scale ",
	"make bench-codecs":                                       ".ci/run: go -C benchmarks/codecs run . ",
	"make bench-records":                                      ".ci/run: go -C pipeline/codecs test -run '^$' -bench . ",
	"make bench-aggregates":                                   ".ci/run: go test -run '^$' -bench . -benchtime 1x -short ",
	"make bench-joins":                                        ".ci/run: go test -run '^$' -bench . -benchtime 1x -short ",
	"make bench-sketches":                                     ".ci/run: go -C benchmarks/sketches test -bench . ",
	"go run ./cmd/calmstream demo":                            ".ci/run: go run ./cmd/calmstream demo",
	"go run ./cmd/calmstream run wordcount --input README.md": ".ci/run: go run ./cmd/calmstream run wordcount --input README.md",
	"go run ./cmd/calmstream run nexmark-q5 --events 20000 --seed 7 --output json":          "cmd/calmstream/internal/cli/nexmark_test.go: \"run\", \"nexmark-q3\", \"--events\", \"1000\", \"--seed\", ",
	"go run ./cmd/calmstream explain nexmark-q5":                                            "cmd/calmstream/internal/cli/nexmark_test.go: \"explain\", \"nexmark-\"+q.Name",
	"go run ./cmd/calmstream nexmark dump --events 20000 --seed 7":                          "cmd/calmstream/internal/cli/nexmark_test.go: \"nexmark\", \"dump\", \"--events\", \"500\", \"--seed\", ",
	"calmstream savepoint export wordcount --output words.savepoint --nats nats://old:4222": "cmd/calmstream/internal/cli/savepoint_test.go: call(\"savepoint\", \"export\", \"wordcount\", ",
	"calmstream savepoint import --input words.savepoint --rebase --nats nats://new:4222":   "cmd/calmstream/internal/cli/savepoint_test.go: call(\"savepoint\", \"import\", \"--input\", file, \"--rebase\", ",
	"calmstream versions list wordcount --nats nats://localhost:4222":                       "cmd/calmstream/internal/cli/versions_test.go: call(\"versions\", \"list\", ",
	"calmstream versions activate wordcount e7602f42a4401cb13 --nats nats://localhost:4222": "cmd/calmstream/internal/cli/versions_test.go: call(\"versions\", \"activate\", ",
	"go test ./pipeline -run '^$' -bench BigState -benchtime 1x -args -keys 10000000":       ".ci/run: go test -run '^$' -bench . -benchtime 1x -short ",
	"go test ./benchmarks -run '^$' -bench KeyedCount -benchtime 5x":                        ".ci/run: go test -run '^$' -bench . -benchtime 1x -short ",
	"go test ./pipeline/internal/shard -run '^$' -bench 'Apply|Windows|State' -cpu 1":       ".ci/run: go test -run '^$' -bench . -benchtime 1x -short ",
	"go test ./pipeline -run '^$' -bench BenchmarkOutbox -benchtime 5x":                     ".ci/run: go test -run '^$' -bench . -benchtime 1x -short ",
	"go test ./sinks -run '^$' -bench BenchmarkView -benchtime 20x":                         ".ci/run: go test -run '^$' -bench . -benchtime 1x -short ",
	"go test -run '^$' -bench Lattices -cpu 1 ./benchmarks/lattices":                        ".ci/run: go test -run '^$' -bench . -benchtime 1x -short ",
	"go test -run '^$' -bench AWSet -cpu 1 ./benchmarks/lattices":                           ".ci/run: go test -run '^$' -bench . -benchtime 1x -short ",

	"calmstream query words counts threshold calm 'count >= 2' --nats nats://localhost:4222":         "cmd/calmstream/internal/cli/query_test.go: call(t, \"query\", \"q\", \"words\", \"threshold\", ",
	"calmstream query words counts await calm 'count >= 100' --wait 1m --nats nats://localhost:4222": "cmd/calmstream/internal/cli/query_test.go: ask(\"await\", \"aa\", \"count >= 3\", \"--wait\", ",
	"calmstream query words counts lower-bound calm --format json --nats nats://localhost:4222":      "cmd/calmstream/internal/cli/query_test.go: \"query\", \"q\", \"lengths\", kind, \"--nats\", url, \"--format\", \"json\"",
}
