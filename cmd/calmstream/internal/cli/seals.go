package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"

	"github.com/calmstream/calmstream/cmd/calmstream/internal/store"
	"github.com/calmstream/calmstream/pipeline"
	"github.com/nats-io/nats.go/jetstream"
)

// seals prints the certificates of a pipeline.
func seals(ctx context.Context, args []string, std streams) int {
	var place store.Config
	set := flagSet("seals")
	format := set.String("format", "text", "`format`: text, or json for an object in each line")
	place.Flags(set)
	rest, err := parse(set, args)
	if err == nil {
		err = place.Check()
	}
	switch {
	case errors.Is(err, flag.ErrHelp):
		return deliver(std, flagHelp(set, "calmstream seals PIPELINE (--nats URL | --store DIR) [flags]"))
	case err != nil:
		return misuse(std, "seals: %s; see calmstream help seals", sentence(err))
	case len(rest) != 1:
		return misuse(std, "seals takes the name of one pipeline")
	case place.URL == "" && place.Dir == "":
		return misuse(std, "seals: say where the pipeline ran, with --nats or --store")
	case *format != "text" && *format != "json":
		return misuse(std, "seals: --format is text or json, not %q", *format)
	}
	st, err := store.Open(ctx, place)
	if err != nil {
		complain(std.err, "%s", sentence(err))
		return exitFailed
	}
	var out bytes.Buffer
	err = pipeline.Certificates(ctx, st.Conn(), rest[0], func(c pipeline.Certificate) bool {
		if *format == "json" {
			line, _ := json.Marshal(c) // strings and numbers
			out.Write(append(line, '\n'))
		} else {
			fmt.Fprintln(&out, c)
		}
		return true
	})
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		err = fmt.Errorf("no pipeline %q has sealed a window there", rest[0])
	}
	if err = errors.Join(err, st.Close()); err != nil {
		complain(std.err, "%s", sentence(err))
		return exitFailed
	}
	return deliver(std, out.Bytes())
}
