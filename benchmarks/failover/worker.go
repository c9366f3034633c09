//go:build unix

package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/calmstream/calmstream/benchmarks/internal/process"
	"github.com/calmstream/calmstream/crdt"
	"github.com/calmstream/calmstream/operators"
	"github.com/calmstream/calmstream/pipeline"
	"github.com/calmstream/calmstream/sinks"
	"github.com/nats-io/nats.go"
)

// groups is how many groups the ids fall into whose sealed counts are compared at the end.
const groups = 97

// Names on the server.
const (
	pipelineName = "failover"
	inStream     = "FAILOVER_IN"
	seenStream   = "FAILOVER_SEEN"
	sumsStream   = "FAILOVER_SUMS"
	seenSubject  = "failover.seen"
	sumsSubject  = "failover.sums"
)

func inSubject(shard int) string { return "failover.in." + strconv.Itoa(shard) }

// group returns the group of an id, which is a number.
func group(id string) string {
	n, err := strconv.Atoi(id)
	if err != nil {
		return "none"
	}
	return strconv.Itoa(n % groups)
}

// program counts each id, so that the first one is a result at once, and the ids of each group for the end of the input.
func program(shards int) *pipeline.Pipeline {
	p := pipeline.New(pipelineName)
	var subjects []string
	for i := range shards {
		subjects = append(subjects, inSubject(i))
	}
	ids := pipeline.Read(p, "ids", pipeline.Source[string]{Stream: inStream, Subjects: subjects, Decode: pipeline.Text})
	seen := operators.Count("seen", operators.KeyBy(ids, "id", func(id string) string { return id }))
	pipeline.Write(p, "seen", operators.Threshold(seen, crdt.AtLeast(1)), sinks.Subject{Name: seenSubject, Stream: seenStream}, pipeline.EncodeText)
	sums := operators.Finals(operators.Seal(operators.Count("sums", operators.KeyBy(ids, "group", group)), operators.EndOfInput()))
	pipeline.Write(p, "sums", sums, sinks.Subject{Name: sumsSubject, Stream: sumsStream}, func(f operators.Final[string, crdt.GCounter]) ([]byte, error) {
		return fmt.Appendf(nil, "%s %d", f.Key, f.Value.Value()), nil
	})
	return p
}

// work runs a worker until its input has ended or it is told to stop.
func work(ctx context.Context, args []string) error {
	if len(args) != 4 {
		return fmt.Errorf("a worker has four arguments, not %d", len(args))
	}
	shards, err := strconv.Atoi(args[2])
	if err != nil {
		return err
	}
	standbys, err := strconv.Atoi(args[3])
	if err != nil {
		return err
	}
	conn, err := nats.Connect(args[0], nats.MaxReconnects(-1), nats.ReconnectWait(100*time.Millisecond))
	if err != nil {
		return err
	}
	defer conn.Close()
	monitor := new(pipeline.Monitor)
	ctx, cancel := context.WithCancel(ctx)
	var saying sync.WaitGroup
	defer saying.Wait()
	defer cancel()
	saying.Go(func() {
		ticker := time.NewTicker(time.Millisecond)
		defer ticker.Stop()
		for !monitor.Running() {
			select {
			case <-ticker.C:
			case <-ctx.Done():
				return
			}
		}
		fmt.Println(process.Ready + strings.Join(monitor.Workers(), ","))
	})
	return program(shards).Run(ctx, pipeline.Config{
		Conn: conn, Worker: args[1], Standbys: standbys, Monitor: monitor,
		Logger: slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelInfo})),
	})
}
