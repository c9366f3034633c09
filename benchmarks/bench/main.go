//go:build unix

package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/calmstream/calmstream/benchmarks/internal/contest"
	"github.com/calmstream/calmstream/benchmarks/internal/process"
)

// serverVariable is the environment variable that makes this process a server, with its files where it says.
const serverVariable = "BENCH_SERVER"

// options are the flags.
type options struct {
	scale   float64
	repeat  int
	peers   bool
	nats    string
	profile string
	out     string
}

func main() {
	if status, played := play(); played {
		os.Exit(status)
	}
	var o options
	flag.Float64Var(&o.scale, "scale", 1, "size of the inputs; 1 is meant for a result, 0.01 to see that it works")
	flag.IntVar(&o.repeat, "repeat", 5, "`number` of repetitions that count")
	flag.BoolVar(&o.peers, "peers", false, "also measure other libraries (builds benchmarks/peers)")
	flag.StringVar(&o.nats, "nats", "", "`URL` of a server to use, instead of one of our own; its processor time is then not known")
	flag.StringVar(&o.profile, "profile", "", "`directory` for profiles of the contenders; profiling costs some time itself")
	flag.StringVar(&o.out, "out", "benchmarks/results", "`directory` for the results")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := command(ctx, o, flag.Args(), os.Stdout, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// play runs what the environment says that this process is, if it says so.
func play() (status int, played bool) {
	if dir := os.Getenv(serverVariable); dir != "" {
		ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
		defer stop()
		if err := process.Serve(ctx, dir); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1, true
		}
		return 0, true
	}
	if words := strings.Fields(os.Getenv(relayVariable)); len(words) > 0 {
		ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
		defer stop()
		if err := relay(ctx, words); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1, true
		}
		return 0, true
	}
	if os.Getenv(contest.Variable) == "" {
		return 0, false
	}
	contenders := make(map[string]contest.Contender)
	for _, w := range workloads() {
		for _, e := range w.entries {
			if !e.peer {
				contenders[w.name+"/"+e.name] = e.run
			}
		}
	}
	return contest.Main(contenders), true
}

// command lists the workloads or measures those that are named.
func command(ctx context.Context, o options, names []string, out, progress io.Writer) error {
	all := workloads()
	if len(names) == 1 && names[0] == "list" {
		for _, w := range all {
			say(out, "%-12s%s\n", w.name, w.about)
		}
		return nil
	}
	chosen, err := choose(all, names, o.scale)
	if err != nil {
		return err
	}
	if o.repeat < 1 || o.scale <= 0 {
		return fmt.Errorf("-repeat must be at least 1 and -scale above 0")
	}
	h, err := newHarness(ctx, o, progress)
	if err != nil {
		return err
	}
	defer h.close()
	r := report{Machine: describe(ctx, o, h)}
	for _, w := range chosen {
		t, err := h.measure(ctx, w)
		if err != nil {
			return fmt.Errorf("%s: %w", w.name, err)
		}
		r.Tables = append(r.Tables, t)
	}
	return r.write(o.out, out)
}

// choose returns the workloads of these names, all that the scale makes sense for if there are none.
func choose(all []workload, names []string, scale float64) (chosen []workload, err error) {
	if len(names) == 0 {
		for _, w := range all {
			if !w.large || scale >= 1 {
				chosen = append(chosen, w)
			}
		}
		return chosen, nil
	}
	for _, name := range names {
		found := false
		for _, w := range all {
			if w.name == name {
				chosen, found = append(chosen, w), true
			}
		}
		if !found {
			var known []string
			for _, w := range all {
				known = append(known, w.name)
			}
			return nil, fmt.Errorf("there is no workload %q; there are %s", name, strings.Join(known, ", "))
		}
	}
	return chosen, nil
}

// say prints for whoever looks on.
func say(out io.Writer, format string, args ...any) {
	_, _ = fmt.Fprintf(out, format, args...) // nobody to tell
}
