//go:build unix

package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"time"
)

// options are the flags.
type options struct {
	soak, repeat int
	shards, rate int
	workers      int
	seed         uint64
	json         bool
}

func main() {
	if role := os.Getenv(roleVariable); role != "" {
		os.Exit(play(role))
	}
	var o options
	flag.IntVar(&o.soak, "soak", 0, "`number` of random kills, pauses and rejoins, instead of measuring")
	flag.IntVar(&o.repeat, "repeat", 5, "`number` of kills that are measured in each setting")
	flag.IntVar(&o.shards, "shards", 8, "`number` of shards of each of the two stages")
	flag.IntVar(&o.rate, "rate", 1000, "ids per second")
	flag.IntVar(&o.workers, "workers", 3, "`number` of workers in a soak; a measurement has two")
	flag.Uint64Var(&o.seed, "seed", uint64(time.Now().UnixNano()), "seed of a soak")
	flag.BoolVar(&o.json, "json", false, "print what is measured as a line of JSON for each event")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	run := measureAll
	if o.soak > 0 {
		run = soak
	}
	if err := run(ctx, o, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "failover:", err)
		os.Exit(1)
	}
}
