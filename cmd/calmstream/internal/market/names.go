package market

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/calmstream/calmstream/benchmarks/nexmark/queries"
	"github.com/calmstream/calmstream/pipeline"
	"github.com/calmstream/calmstream/sinks"
)

// longestRun leaves room, in the 64 characters of a pipeline's name, for "nexmark-q6s-".
const longestRun = 50

// names are those of what belongs to a run on a server.
type names struct {
	pipeline, events, side, results, subject string
}

// CheckRun says why a run cannot have a name: it takes letters, digits, '-' or '_'. No name at all is one too.
func CheckRun(run string) error {
	bad := func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '-' && r != '_'
	}
	if len(run) > longestRun || strings.ContainsFunc(run, bad) {
		return fmt.Errorf("market: %q cannot be the name of a run: it takes up to %d letters, digits, '-' or '_'", run, longestRun)
	}
	return nil
}

func namesOf(query, run string) names {
	name := query
	if run != "" {
		name += "-" + run
	}
	return names{
		pipeline: "nexmark-" + name,
		events:   "NX_EVENTS_" + name,
		side:     "NX_SIDE_" + name,
		results:  "NX_ROWS_" + name,
		subject:  "nx." + name,
	}
}

func (n names) shard(i int) string { return n.subject + ".events." + strconv.Itoa(i) }

// Pipeline returns a query as the pipeline of a run.
func Pipeline(q queries.Query, run string, shards int) *pipeline.Pipeline {
	n := namesOf(q.Name, run)
	c := queries.Config{
		Pipeline: n.pipeline, Stream: n.events, SideStream: n.side, Bounded: true,
		Sink: func(write string) sinks.Sink {
			return sinks.Subject{Name: n.subject + "." + write, Stream: n.results}
		},
	}
	for i := range shards {
		c.Subjects = append(c.Subjects, n.shard(i))
	}
	return q.Pipeline(c)
}
