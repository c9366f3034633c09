package worker

import (
	"cmp"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// config is what the flags say.
type config struct {
	urls, context         string
	creds, nkey           string
	tlsCA, tlsCert        string
	tlsKey, store, listen string
	http, logFormat       string
	logLevel              slog.Level
	checkpointEvery       time.Duration
	drainTimeout          time.Duration
	connectTimeout        time.Duration
	name                  string
	standbys              int
	queries               bool
	replicas              int
	pprof, anew           bool

	// What to do instead of running; the environment cannot ask for it.
	explain, version, healthcheck bool
}

// prefix begins the names of the environment variables.
const prefix = "CALM_"

// defaultHTTP is a port that no well-known service has: CALM on the keys of a telephone.
const defaultHTTP = "127.0.0.1:2256"

// validName is what pipeline.Config.Worker may be.
var validName = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)

// parse reads the flags, and the environment for those that are not given.
func parse(p Process) (config, error) {
	var c config
	set := c.flags(p.Name)
	if err := set.Parse(p.Args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			usage(p.Stdout, set)
			return c, err
		}
		return c, fmt.Errorf("%w; --help lists the flags", err)
	}
	if set.NArg() > 0 { // which are not shown: one may be an address with a password
		return c, fmt.Errorf("there are only flags, but %d other arguments were given; --help lists the flags", set.NArg())
	}
	if err := fromEnvironment(set, p.Getenv); err != nil {
		return c, err
	}
	if _, err := strconv.ParseUint(c.listen, 10, 16); err == nil {
		c.listen = net.JoinHostPort("127.0.0.1", c.listen)
	}
	return c, c.validate()
}

func (c *config) flags(name string) *flag.FlagSet {
	set := flag.NewFlagSet(name, flag.ContinueOnError)
	set.SetOutput(io.Discard) // errors are returned, and --help is written by usage
	set.Usage = func() {}
	set.StringVar(&c.urls, "nats", "", "`URL` of a NATS server with JetStream, or several with commas between them; without it an embedded server runs")
	set.StringVar(&c.context, "context", "", "`name` of a context of the nats command, to take the server and the credentials from")
	set.StringVar(&c.creds, "creds", "", "credentials `file` for the server")
	set.StringVar(&c.nkey, "nkey", "", "`file` with an NKey seed for the server")
	set.StringVar(&c.tlsCA, "tlsca", "", "`file` with the certificates that the server's must be signed by")
	set.StringVar(&c.tlsCert, "tlscert", "", "`file` with the client's certificate")
	set.StringVar(&c.tlsKey, "tlskey", "", "`file` with the key of --tlscert")
	set.DurationVar(&c.connectTimeout, "connect-timeout", 10*time.Second, "`duration` of the attempts to reach the server at the start; later it is waited for without end")
	set.StringVar(&c.store, "store", ".calmstream", "`directory` of the embedded server")
	set.StringVar(&c.listen, "listen", "127.0.0.1:4222", "`address` or port of the embedded server for other programs; empty for none")
	set.StringVar(&c.name, "name", "", "`name` of this worker among those of a pipeline; one that comes back under its name gets its shards again; without it a new one is made up")
	set.IntVar(&c.standbys, "standbys", 0, "`number` of workers that run each shard beside its owner, so that results go on at once if that one dies")
	set.BoolVar(&c.queries, "queries", true, "answer questions about the states that the pipelines share, if there are any")
	set.BoolVar(&c.anew, "anew", false, "let a version that has not run yet begin with no state, and not go on from the active one")
	set.IntVar(&c.replicas, "replicas", 1, "`number` of servers that keep the streams and the bucket of a pipeline")
	set.DurationVar(&c.checkpointEvery, "checkpoint-every", time.Second, "`duration` between checkpoints")
	set.DurationVar(&c.drainTimeout, "drain-timeout", 10*time.Second, "`duration` that the last checkpoint may take after a signal")
	set.StringVar(&c.http, "http", defaultHTTP, "`address` for /healthz, /readyz, /metrics and /plan; empty for none")
	set.BoolVar(&c.pprof, "pprof", false, "answer /debug/pprof too")
	set.TextVar(&c.logLevel, "log-level", slog.LevelInfo, "`level` of the log: debug, info, warn or error")
	set.StringVar(&c.logFormat, "log-format", "text", "`format` of the log: text or json")
	set.BoolVar(&c.explain, "explain", false, "print the plans of the pipelines and end")
	set.BoolVar(&c.version, "version", false, "print the version and end")
	set.BoolVar(&c.healthcheck, "healthcheck", false, "ask the worker that runs with the same --http whether it is ready, and end with status 0 or 1")
	return set
}

// inEnvironment returns the variable of a flag; "" for what is asked for by hand alone.
func inEnvironment(name string) string {
	switch name {
	case "explain", "version", "healthcheck":
		return ""
	}
	return prefix + strings.ToUpper(strings.ReplaceAll(name, "-", "_"))
}

func fromEnvironment(set *flag.FlagSet, getenv func(string) string) error {
	given := make(map[string]bool)
	set.Visit(func(f *flag.Flag) { given[f.Name] = true })
	var errs []error
	set.VisitAll(func(f *flag.Flag) {
		variable := inEnvironment(f.Name)
		if variable == "" || given[f.Name] {
			return
		}
		if value := getenv(variable); value != "" {
			if err := set.Set(f.Name, value); err != nil {
				errs = append(errs, fmt.Errorf("the environment variable %s is %q: %w", variable, value, err))
			}
		}
	})
	return errors.Join(errs...)
}

func (c *config) validate() error {
	switch {
	case c.creds != "" && c.nkey != "":
		return errors.New("--creds and --nkey are two ways to say who this is; give one of them")
	case (c.tlsCert == "") != (c.tlsKey == ""):
		return errors.New("--tlscert and --tlskey belong together; give both")
	case c.embedded() && c.creds+c.nkey+c.tlsCA+c.tlsCert != "":
		return errors.New("--creds, --nkey, --tlsca, --tlscert and --tlskey belong to --nats or --context; the embedded server needs none of them")
	case c.embedded() && c.replicas > 1:
		return errors.New("the embedded server is a single one, so --replicas must be 1; name a cluster with --nats")
	case c.embedded() && c.store == "":
		return errors.New("--store is empty; name the directory of the embedded server, or a server with --nats")
	case c.name != "" && !validName.MatchString(c.name):
		return errors.New("--name must be 1 to 64 letters, digits, '-' or '_'")
	case c.standbys < 0:
		return errors.New("--standbys must not be negative")
	case c.replicas < 1 || c.replicas > 5:
		return errors.New("--replicas must be 1 to 5")
	case min(c.checkpointEvery, c.drainTimeout, c.connectTimeout) <= 0:
		return errors.New("--checkpoint-every, --drain-timeout and --connect-timeout must be more than 0")
	case c.logFormat != "text" && c.logFormat != "json":
		return fmt.Errorf("--log-format is %q; it must be text or json", c.logFormat)
	case c.healthcheck && c.http == "":
		return errors.New("--healthcheck needs the address --http of the worker to ask")
	}
	return nil
}

// embedded says that no server was named.
func (c *config) embedded() bool { return c.urls == "" && c.context == "" }

// logger returns the log that the flags describe. Each line is one write.
func (c *config) logger(to io.Writer) *slog.Logger {
	options := &slog.HandlerOptions{Level: c.logLevel}
	if c.logFormat == "json" {
		return slog.New(slog.NewJSONHandler(to, options))
	}
	return slog.New(slog.NewTextHandler(to, options))
}

// usage prints the flags, by name.
func usage(to io.Writer, set *flag.FlagSet) {
	var b strings.Builder
	fmt.Fprintf(&b, "%s runs stream processing pipelines on NATS JetStream.\n\nusage: %s [flags]\n\n", set.Name(), set.Name())
	set.VisitAll(func(f *flag.Flag) {
		kind, text := flag.UnquoteUsage(f)
		fmt.Fprintf(&b, "  %s\n      %s", strings.TrimSpace("--"+f.Name+" "+strings.ToUpper(kind)), text)
		if variable := inEnvironment(f.Name); variable != "" {
			fmt.Fprintf(&b, " (%s; default %s)", variable, cmp.Or(f.DefValue, "none"))
		}
		b.WriteString("\n")
	})
	_, _ = io.WriteString(to, b.String()) // there is nobody to tell that nobody listens
}
