//go:build unix

package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/calmstream/calmstream/benchmarks/internal/process"
)

// The environment says what a process is: the harness starts itself again.
const (
	roleVariable = "FAILOVER_ROLE" // "server DIR" or "worker URL NAME SHARDS STANDBYS"
	serverRole   = "server"
	workerRole   = "worker"
)

// play runs a role and returns the status for the process.
func play(role string) int {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	words := strings.Fields(role)
	var err error
	switch words[0] {
	case serverRole:
		err = process.Serve(ctx, words[1])
	case workerRole:
		err = work(ctx, words[1:])
	default:
		err = fmt.Errorf("no such role: %s", role)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// start begins a process of a role and waits until it says that it is ready.
func start(ctx context.Context, role string) (*process.Process, error) {
	name, _, _ := strings.Cut(role, " ")
	return process.Start(ctx, name, roleVariable+"="+role)
}
