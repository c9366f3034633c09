package cli

import (
	"context"
	"flag"
	"io"
	"runtime"
	"runtime/debug"
	"strings"
)

const usage = `calmstream processes streams on NATS JetStream.

  calmstream demo                 show the idea: results that are right before the input ends
  calmstream run wordcount        count the words of files
  calmstream run nexmark-q5       run a query of the Nexmark benchmark: q0 to q23
  calmstream explain NAME         show the plan of a pipeline: wordcount, adclicks or nexmark-q5
  calmstream nexmark dump         print the events of the Nexmark benchmark
  calmstream seals PIPELINE       show what a pipeline has sealed, and on whose word
  calmstream query PIPELINE STATE threshold|await|lower-bound|final KEY
                                  ask a state of a pipeline, of its workers or its checkpoints
  calmstream savepoint export|import
                                  write the state of a pipeline to a file, to go on from elsewhere
  calmstream versions list|activate
                                  show the versions of a pipeline, or send readers to another one
  calmstream version              show which program this is
  calmstream help [COMMAND]       show the flags of a command

Without --nats, a NATS server runs inside the process. For example:

  calmstream run wordcount --input book.txt
  cat *.txt | calmstream run wordcount --input - --output json --store ./state
`

// help shows what the program can do.
func help(ctx context.Context, args []string, std streams) int {
	if len(args) == 0 {
		return deliver(std, []byte(usage))
	}
	command, ok := lookup(args[0])
	switch {
	case !ok:
		return misuse(std, "%q is not a command; see calmstream help", args[0])
	case args[0] == "help" || args[0] == "version":
		return deliver(std, []byte(usage))
	case args[0] == "run":
		return command(ctx, []string{wordcountName, "--help"}, std)
	}
	return command(ctx, []string{"--help"}, std)
}

// version shows which program this is.
func version(_ context.Context, args []string, std streams) int {
	if len(args) > 0 {
		return misuse(std, "version takes no arguments, and %q is one", args[0])
	}
	return deliver(std, []byte("calmstream "+programVersion()+" "+runtime.Version()+" "+runtime.GOOS+"/"+runtime.GOARCH+"\n"))
}

// programVersion is the version of the module, or the commit that was built.
func programVersion() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "(unknown)"
	}
	text := info.Main.Version
	if text == "" || text == "(devel)" {
		text = "(devel)"
		for _, s := range info.Settings {
			if s.Key == "vcs.revision" {
				text += " " + s.Value
			}
		}
	}
	return text
}

// flagSet makes a set of flags that neither prints nor ends the process.
func flagSet(name string) *flag.FlagSet {
	set := flag.NewFlagSet(name, flag.ContinueOnError)
	set.SetOutput(io.Discard)
	set.Usage = func() {}
	return set
}

// parse reads flags, wherever they stand, and returns the other arguments.
func parse(set *flag.FlagSet, args []string) (rest []string, err error) {
	for {
		if err := set.Parse(args); err != nil {
			return nil, err
		}
		if args = set.Args(); len(args) == 0 {
			return rest, nil
		}
		rest, args = append(rest, args[0]), args[1:]
	}
}

// flagHelp renders a line of usage and the flags.
func flagHelp(set *flag.FlagSet, line string) []byte {
	var out strings.Builder
	out.WriteString(line + "\n\n")
	set.SetOutput(&out)
	set.PrintDefaults()
	return []byte(out.String())
}
