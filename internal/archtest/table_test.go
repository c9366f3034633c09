package archtest_test

// Dependencies that a row can name.
const (
	natsGo = "github.com/nats-io/nats.go/..."
	nkeys  = "github.com/nats-io/nkeys"
	jwt    = "github.com/nats-io/jwt/v2"
	nuid   = "github.com/nats-io/nuid" // nats.go's own source of unique names
	server = "github.com/nats-io/nats-server/v2/..."
	xxhash = "github.com/cespare/xxhash/v2"
	bloom  = "github.com/bits-and-blooms/bloom/v3"
	rapid  = "pgregory.net/rapid"
)

// room says what the packages in some places may import, besides the standard library. Names without a dot
// in the first part are ours. Where several rooms match a package, the longest place decides.
type room struct {
	places []string
	may    []string // in every file
	tests  []string // in test files too; those may import their own package and rapid anyway
	why    string
}

// public is what a user of the module sees and commands may use.
var public = []string{"crdt", "crdt/sketch", "crdt/exact", "operators", "sinks", "pipeline", "pipeline/producer", "pipeline/partition", "pipeline/query", "pipeline/worker", "pipeline/embedded"}

// checkers are the public packages for tests.
var checkers = []string{"crdt/crdttest", "sinks/sinktest", "pipeline/pipelinetest"}

// logic is the part of the engine that knows no NATS.
var logic = []string{
	"pipeline/internal/shard/...", "pipeline/internal/seal/...", "pipeline/internal/ownership/...",
	"pipeline/internal/exchange/...", "pipeline/internal/checkpoint/...",
}

// pure are the packages whose results must be a function of the log alone.
var pure = []string{
	"crdt", "crdt/sketch", "crdt/exact", "crdt/internal/wire", "operators", "internal/plan/...",
	"pipeline/internal/shard/...", "pipeline/internal/seal/...", "pipeline/internal/exchange/...", "pipeline/internal/ownership/...",
	"pipeline/partition",
}

var rooms = []room{
	{
		places: []string{"."},
		tests:  join(public, checkers, []string{"internal/natstest", natsGo}),
		why:    "the root package is the front page: words and examples, no code",
	},
	{
		places: []string{"crdt"},
		tests:  []string{"crdt/crdttest", "internal/compiletest"},
		why:    "lattices are mathematics: usable, and checkable, without the rest",
	},
	{
		places: []string{"crdt/crdttest"},
		may:    []string{"crdt", rapid},
		why:    "the laws are checked for types of users too, who have nothing but crdt",
	},
	{
		places: []string{"crdt/sketch"},
		may:    []string{"crdt", "crdt/internal/wire", bloom, xxhash},
		tests:  []string{"crdt/crdttest"},
		why:    "sketches are lattices too, in a package of their own so that crdt has no dependencies",
	},
	{
		places: []string{"crdt/exact"},
		may:    []string{"crdt", "crdt/internal/wire"},
		tests:  []string{"crdt/crdttest"},
		why:    "sums with bits enough are lattices too, and need nothing else",
	},
	{
		places: []string{"crdt/internal/wire"},
		may:    []string{"crdt"},
		why:    "what the encodings below crdt have in common; crdt itself imports nothing",
	},
	{
		places: []string{"internal/plan/..."},
		may:    []string{"crdt", "internal/plan/...", "internal/invariants", xxhash},
		tests:  []string{"crdt/crdttest"},
		why:    "a plan is data: it must be buildable and explainable with no server in sight",
	},
	{
		places: []string{"operators"},
		may:    []string{"crdt", "crdt/sketch", "crdt/exact", "internal/plan/..."},
		tests:  join(public, checkers, []string{"internal/compiletest", "internal/natstest", natsGo}),
		why:    "the DSL builds a plan and runs nothing",
	},
	{
		places: []string{"sinks"},
		may:    []string{"crdt", "internal/invariants", natsGo, xxhash},
		tests:  []string{"sinks/sinktest", "internal/natstest", "pipeline/embedded", server, nkeys, jwt}, // to be refused by servers that ask for credentials
		why:    "a destination knows results, not the engine that makes them",
	},
	{
		places: []string{"sinks/sinktest"},
		may:    []string{"crdt", "sinks", natsGo, xxhash},
		tests:  []string{"internal/natstest"},
		why:    "the suite holds sinks of users too, so it needs no more than a sink does",
	},
	{
		places: []string{"pipeline"},
		may:    []string{"crdt", "operators", "sinks", "internal/plan/...", "internal/invariants", "pipeline/internal/...", natsGo, nuid, xxhash},
		tests:  join(public, checkers, []string{"internal/natstest", server}),
		why:    "the room where a plan meets NATS; it must not link a server into programs that have one to connect to",
	},
	{
		places: []string{"pipeline/pipelinetest"},
		may: []string{
			"crdt", "operators", "sinks", "pipeline", "internal/plan/...", "internal/invariants", "pipeline/internal/...",
			"pipeline/embedded", "internal/natstest", natsGo, xxhash, rapid,
		},
		tests: join(checkers, []string{"pipeline/partition"}),
		why:   "it breaks pipelines from the inside: permuted, duplicated, split and crashed",
	},
	{
		places: []string{"pipeline/worker"},
		may:    join(public, []string{natsGo}),
		tests:  join(checkers, []string{"internal/natstest", server, nkeys, jwt}),
		why:    "the main function of worker binaries is made of what users could write themselves",
	},
	{
		places: []string{"pipeline/producer"},
		may:    []string{"internal/plan", "pipeline/internal/seal", "pipeline/internal/backlog", natsGo, nuid},
		tests:  join(public, checkers, []string{"internal/natstest"}),
		why:    "programs that publish need no engine",
	},
	{
		places: []string{"pipeline/query"},
		may:    []string{"crdt", "operators", "pipeline", "internal/plan/...", "pipeline/internal/...", natsGo},
		tests:  join(public, checkers, []string{"internal/natstest", "internal/compiletest", server}),
		why:    "programs that ask read checkpoints as the engine wrote them, and run nothing",
	},
	{
		places: []string{"pipeline/partition"},
		may:    []string{natsGo},
		tests:  join(public, []string{"internal/natstest"}),
		why:    "it sets streams up, also for programs that run no pipeline",
	},
	{
		places: []string{"pipeline/embedded"},
		may:    []string{"pipeline/embedded/internal/disk", server, natsGo},
		why:    "the only production code that links the server: a library user who has NATS must not pay for it",
	},
	{
		places: []string{"pipeline/embedded/internal/disk"},
		may:    []string{"golang.org/x/sys/..."},
		why:    "what differs between systems, small enough to be compiled for each of them in every run of CI",
	},
	{
		places: logic,
		may:    join(logic, []string{"crdt", "internal/plan/...", "internal/invariants", xxhash}),
		tests:  []string{"crdt/crdttest", "crdt/exact", "operators", "sinks", "pipeline"}, // to build the plans they run
		why:    "the logic runs under testing/synctest and must not know NATS",
	},
	{
		places: []string{"pipeline/internal/checkpoint/jetstore/..."},
		may:    []string{"crdt", "internal/plan/...", "internal/invariants", "pipeline/internal/checkpoint/...", natsGo, nuid, xxhash},
		tests:  []string{"internal/natstest", server},
		why:    "the store of checkpoints on JetStream: it knows their format and nothing of who writes them",
	},
	{
		places: []string{"pipeline/internal/..."},
		may:    []string{"crdt", "sinks", "internal/plan/...", "internal/invariants", "pipeline/internal/...", natsGo, nuid, xxhash},
		tests:  []string{"sinks/sinktest", "crdt/crdttest", "internal/natstest", server},
		why:    "the parts of the engine that speak to NATS: as clients, never as a server, and never up to pipeline",
	},
	{
		places: []string{"internal/natstest/..."},
		may:    []string{"internal/invariants", server, natsGo},
		why:    "servers for tests; everyone's tests import it, so it imports nobody",
	},
	{
		places: []string{"internal/invariants", "internal/archtest", "internal/doctest", "internal/compiletest"},
		why:    "everyone may use them or they look at everyone: importing anything would close a circle",
	},
	{
		places: []string{"internal/scenarios"},
		tests:  join(public, checkers, []string{"internal/compiletest"}),
		why:    "the scenarios are what users could write: the public packages are enough for them",
	},
	{
		places: []string{"cmd/..."},
		may:    join(public, []string{"cmd/...", "benchmarks/nexmark/...", natsGo, server}),
		tests:  join(checkers, []string{"internal/natstest"}),
		why:    "commands prove that the public packages are enough; the queries of Nexmark are one of the pipelines that the tool ships with",
	},
	{
		places: []string{"docker"},
		tests:  []string{natsGo},
		why:    "the images are tested from outside: through the ports that they publish",
	},
	{
		places: []string{"benchmarks/..."},
		may:    join(public, []string{"benchmarks/...", natsGo, server, xxhash}),
		tests:  join(checkers, []string{"internal/natstest"}),
		why:    "what is measured is what a user gets, through the doors a user has",
	},
}

// ban forbids an import or a call in production code of some places, whatever their room allows.
type ban struct {
	places []string // nil is everywhere
	except []string
	name   string // an import path, or "import/path.Function", or "panic"
	why    string
}

var bans = []ban{
	{places: pure, name: "math/rand", why: "two owners of a shard must compute the same; randomness comes as data or not at all"},
	{places: pure, name: "math/rand/v2", why: "as math/rand"},
	{places: pure, name: "crypto/rand", why: "as math/rand"},
	{places: pure, name: "hash/maphash", why: "its seed differs between processes, so two owners would disagree; use xxhash"},
	{places: pure, name: "time.Now", why: "the only clock of results is the log; where waiting needs a clock, the env supplies it"},
	{places: pure, name: "time.Since", why: "it reads the clock, as time.Now"},
	{places: pure, name: "time.Until", why: "it reads the clock, as time.Now"},
	{name: "panic", except: []string{"internal/invariants"}, why: "a library returns errors; what only a bug can break goes through invariants.Check"},
	{name: "os.Exit", except: []string{"cmd/...", "benchmarks/...", "pipeline/worker"}, why: "only a main function decides that the process ends, and worker.Main is one"},
	{name: "log.Fatal", except: []string{"cmd/...", "benchmarks/..."}, why: "as os.Exit"},
	{name: "log.Fatalf", except: []string{"cmd/...", "benchmarks/..."}, why: "as os.Exit"},
}

// Limits of length. Tests may have long functions (tables), but not long files.
const (
	maxFileLines = 400
	maxFuncLines = 60
)

// exceptions maps "rule path" or "rule path:function" to the reason why it may break the rule. Rules are file-length,
// func-length, sleep and skip. A row that excuses nothing any more fails, so that the table only holds what is true.
var exceptions = map[string]string{}

func join(lists ...[]string) (all []string) {
	for _, l := range lists {
		all = append(all, l...)
	}
	return all
}
