package cli

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"maps"
	"slices"
	"strings"

	"github.com/calmstream/calmstream/benchmarks/nexmark/queries"
	"github.com/calmstream/calmstream/cmd/calmstream/internal/market"
	"github.com/calmstream/calmstream/cmd/calmstream/internal/wordcount"
	"github.com/calmstream/calmstream/cmd/internal/adclicks"
	"github.com/calmstream/calmstream/pipeline"
)

const (
	wordcountName = "wordcount"
	maxShards     = 256
)

// explained are the pipelines that explain knows.
func explained() map[string]func(shards int) (*pipeline.Pipeline, error) {
	known := map[string]func(int) (*pipeline.Pipeline, error){
		wordcountName: func(shards int) (*pipeline.Pipeline, error) {
			names, err := wordcount.NamesOf(wordcount.DefaultRun)
			return wordcount.Pipeline(names, cmp.Or(shards, defaultShards)), err
		},
		"adclicks": func(shards int) (*pipeline.Pipeline, error) {
			return adclicks.Pipeline(adclicks.Config{Partitions: shards}), nil
		},
	}
	for _, q := range queries.All() {
		known[nexmarkPrefix+q.Name] = func(shards int) (*pipeline.Pipeline, error) {
			return market.Pipeline(q, "", cmp.Or(shards, defaultShards)), nil
		}
	}
	return known
}

// explain shows the plan of a pipeline.
func explain(_ context.Context, args []string, std streams) int {
	set := flagSet("explain")
	format := set.String("format", "text", "`format`: text, mermaid, dot or json")
	shards := set.Int("shards", 0, "`number` of partitions of the input; 0 is what the pipeline has by itself")
	rest, err := parse(set, args)
	known := explained()
	switch {
	case errors.Is(err, flag.ErrHelp):
		return deliver(std, flagHelp(set, "calmstream explain NAME [flags], where NAME is "+names(known)))
	case err != nil:
		return misuse(std, "explain: %s; see calmstream help explain", sentence(err))
	case len(rest) != 1:
		return misuse(std, "explain takes the name of one pipeline: %s", names(known))
	case known[rest[0]] == nil:
		return misuse(std, "explain knows no pipeline %q; it knows %s", rest[0], names(known))
	case renderers[*format] == nil:
		return misuse(std, "explain: --format is text, mermaid, dot or json, not %q", *format)
	case *shards < 0 || *shards > maxShards:
		return misuse(std, "explain: --shards is a number from 0 to %d, not %d", maxShards, *shards)
	}
	p, err := known[rest[0]](*shards)
	if err != nil {
		complain(std.err, "%s", sentence(err))
		return exitFailed
	}
	text, err := renderers[*format](p)
	if err != nil {
		complain(std.err, "%s", sentence(err))
		return exitFailed
	}
	return deliver(std, []byte(text))
}

// renderers are the forms of a plan.
var renderers = map[string]func(p *pipeline.Pipeline) (string, error){
	"text":    (*pipeline.Pipeline).Explain,
	"mermaid": (*pipeline.Pipeline).Mermaid,
	"dot":     (*pipeline.Pipeline).DOT,
	"json": func(p *pipeline.Pipeline) (string, error) {
		d, err := p.Document()
		if err != nil {
			return "", err
		}
		data, err := json.MarshalIndent(d, "", "  ")
		return string(data) + "\n", err
	},
}

// names lists pipelines for a sentence. The queries of Nexmark are many.
func names(known map[string]func(int) (*pipeline.Pipeline, error)) string {
	query := func(name string) bool { return strings.HasPrefix(name, nexmarkPrefix) }
	return strings.Join(append(slices.DeleteFunc(slices.Sorted(maps.Keys(known)), query), "nexmark-q0 to nexmark-q23"), " or ")
}
