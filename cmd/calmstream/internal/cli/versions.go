package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"strings"

	"github.com/calmstream/calmstream/cmd/calmstream/internal/store"
	"github.com/calmstream/calmstream/pipeline"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

const versionsUsage = `calmstream versions list PIPELINE (--nats URL | --store DIR) [flags]
calmstream versions activate PIPELINE EPOCH (--nats URL | --store DIR) [flags]`

// versions shows the versions of a pipeline, or sends readers to another one.
func versions(ctx context.Context, args []string, std streams) int {
	var place store.Config
	set := flagSet("versions")
	format := set.String("format", "text", "list: `format`: text, or json for an object in each line")
	place.Flags(set)
	rest, err := parse(set, args)
	if err == nil {
		err = place.Check()
	}
	list, activate := len(rest) > 0 && rest[0] == "list", len(rest) > 0 && rest[0] == "activate"
	switch {
	case errors.Is(err, flag.ErrHelp):
		return deliver(std, flagHelp(set, versionsUsage))
	case err != nil:
		return misuse(std, "versions: %s; see calmstream help versions", sentence(err))
	case !list && !activate:
		return misuse(std, "versions is followed by list or activate; see calmstream help versions")
	case list && len(rest) != 2:
		return misuse(std, "versions list takes the name of one pipeline")
	case activate && len(rest) != 3:
		return misuse(std, "versions activate takes the name of a pipeline, and the epoch of the version that readers shall see")
	case place.URL == "" && place.Dir == "":
		return misuse(std, "versions: say where the pipeline runs, with --nats or --store")
	case *format != "text" && *format != "json":
		return misuse(std, "versions: --format is text or json, not %q", *format)
	}
	st, err := store.Open(ctx, place)
	if err != nil {
		complain(std.err, "%s", sentence(err))
		return exitFailed
	}
	var out []byte
	if list {
		out, err = listVersions(ctx, st.Conn(), rest[1], *format == "json")
	} else {
		out, err = activateVersion(ctx, st.Conn(), rest[1], rest[2])
	}
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		err = fmt.Errorf("no pipeline %q has run there", rest[1])
	}
	if err = errors.Join(err, st.Close()); err != nil {
		complain(std.err, "%s", sentence(err))
		return exitFailed
	}
	return deliver(std, out)
}

func listVersions(ctx context.Context, conn *nats.Conn, name string, asJSON bool) ([]byte, error) {
	all, err := pipeline.Versions(ctx, conn, name)
	var out bytes.Buffer
	for _, v := range all {
		if asJSON {
			line, _ := json.Marshal(v) // strings and numbers
			out.Write(append(line, '\n'))
			continue
		}
		mark := " "
		if v.Active {
			mark = "*"
		}
		fmt.Fprintf(&out, "%s %s  %s\n", mark, v.Epoch, about(v))
	}
	return out.Bytes(), err
}

// about says for people what a version is.
func about(v pipeline.Version) string {
	if v.Document == nil {
		return "its plan was not kept"
	}
	var states []string
	for _, o := range v.Document.Operators {
		if o.State != nil {
			states = append(states, o.Name)
		}
	}
	text := "no state"
	if len(states) > 0 {
		text = "states " + strings.Join(states, ", ")
	}
	if v.Document.Version != "" {
		text = fmt.Sprintf("version %q, %s", v.Document.Version, text)
	}
	if v.From != "" {
		text += ", went on from " + v.From
	}
	return text
}

func activateVersion(ctx context.Context, conn *nats.Conn, name, epoch string) ([]byte, error) {
	before, err := pipeline.ActivateVersion(ctx, conn, name, epoch)
	switch {
	case err != nil:
		return nil, err
	case before == epoch:
		return fmt.Appendf(nil, "%s is active already\n", epoch), nil
	case before == "":
		return fmt.Appendf(nil, "%s is active\n", epoch), nil
	}
	return fmt.Appendf(nil, "%s is active, and was %s\n", epoch, before), nil
}
