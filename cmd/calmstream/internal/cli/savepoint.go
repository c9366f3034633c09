package cli

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/calmstream/calmstream/cmd/calmstream/internal/store"
	"github.com/calmstream/calmstream/pipeline"
	"github.com/nats-io/nats.go/jetstream"
)

const savepointUsage = `calmstream savepoint export PIPELINE --output FILE (--nats URL | --store DIR) [flags]
calmstream savepoint import --input FILE (--nats URL | --store DIR) [flags]`

// savepoint writes the checkpoints of a pipeline to a file, or stores those of a file.
func savepoint(ctx context.Context, args []string, std streams) int {
	var place store.Config
	set := flagSet("savepoint")
	output := set.String("output", "", "`file` to export to, which must not exist; - is standard output")
	input := set.String("input", "", "`file` to import; - is standard input")
	epoch := set.String("epoch", "", "export: the `version` of the pipeline, if several have run there")
	rebase := set.Bool("rebase", false, "import: accept input streams that are copies, with the same messages at the same sequences and times")
	place.Flags(set)
	rest, err := parse(set, args)
	if err == nil {
		err = place.Check()
	}
	export, load := len(rest) > 0 && rest[0] == "export", len(rest) > 0 && rest[0] == "import"
	switch {
	case errors.Is(err, flag.ErrHelp):
		return deliver(std, flagHelp(set, savepointUsage))
	case err != nil:
		return misuse(std, "savepoint: %s; see calmstream help savepoint", sentence(err))
	case !export && !load:
		return misuse(std, "savepoint is followed by export or import; see calmstream help savepoint")
	case place.URL == "" && place.Dir == "":
		return misuse(std, "savepoint: say where the pipeline runs, with --nats or --store")
	case export && (len(rest) != 2 || *output == ""):
		return misuse(std, "savepoint export takes the name of one pipeline, and --output")
	case load && (len(rest) != 1 || *input == ""):
		return misuse(std, "savepoint import takes --input, and nothing else: the file names the pipeline")
	case export && (*input != "" || *rebase) || load && (*output != "" || *epoch != ""):
		return misuse(std, "savepoint: --output and --epoch belong to export, --input and --rebase to import")
	}
	st, err := store.Open(ctx, place)
	if err != nil {
		complain(std.err, "%s", sentence(err))
		return exitFailed
	}
	var sum pipeline.Savepoint
	if export {
		sum, err = exportTo(ctx, st, rest[1], *epoch, *output, std)
	} else {
		sum, err = importFrom(ctx, st, *input, *rebase)
	}
	if err = errors.Join(err, st.Close()); err != nil {
		complain(std.err, "%s", sentence(err))
		return exitFailed
	}
	complain(std.err, "%sed the savepoint of %s, epoch %s: %d shards, %d records between them, %d bytes", rest[0], sum.Pipeline, sum.Epoch, sum.Shards, sum.Waiting, sum.Bytes)
	return exitOK
}

// exportTo writes a savepoint to a file, whole or not at all, or to standard output.
func exportTo(ctx context.Context, st *store.Store, name, epoch, path string, std streams) (sum pipeline.Savepoint, err error) {
	to := std.out
	var file *os.File
	if path != "-" {
		if _, err := os.Lstat(path); err == nil {
			return sum, fmt.Errorf("the file %s is there already", path)
		}
		if file, err = os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".part-*"); err != nil {
			return sum, fmt.Errorf("the savepoint cannot be written: %w", err)
		}
		to = file
	}
	buffered := bufio.NewWriterSize(to, 1<<20)
	sum, err = pipeline.ExportSavepoint(ctx, st.Conn(), name, epoch, buffered)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		err = fmt.Errorf("no pipeline %q has run there", name)
	}
	if err == nil {
		err = buffered.Flush()
	}
	if file == nil {
		return sum, err
	}
	if err == nil {
		err = file.Sync()
	}
	err = errors.Join(err, file.Close())
	if err == nil {
		err = os.Link(file.Name(), path) // which fails if somebody has made it meanwhile
	}
	return sum, errors.Join(err, os.Remove(file.Name()))
}

func importFrom(ctx context.Context, st *store.Store, path string, rebase bool) (pipeline.Savepoint, error) {
	var from io.Reader = os.Stdin
	if path != "-" {
		file, err := os.Open(path) //nolint:gosec // the user names the file
		if err != nil {
			return pipeline.Savepoint{}, fmt.Errorf("the savepoint cannot be read: %w", err)
		}
		defer func() { _ = file.Close() }() // it was only read
		from = file
	}
	return pipeline.ImportSavepoint(ctx, from, pipeline.ImportConfig{Conn: st.Conn(), Rebase: rebase})
}
