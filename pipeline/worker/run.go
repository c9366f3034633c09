package worker

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"strings"

	"github.com/calmstream/calmstream/pipeline"
)

// Process is what a worker takes from its surroundings. The zero value is a process without arguments and environment that
// nobody listens to.
type Process struct {
	// Name is the name of the program; empty means "worker".
	Name string
	// Args are the arguments, without the name.
	Args []string
	// Getenv looks up an environment variable; nil finds none.
	Getenv func(name string) string
	// Stdout takes what was asked for, and Stderr the log; nil discards it.
	Stdout, Stderr io.Writer

	_ struct{}
}

func (p Process) withDefaults() Process {
	if p.Name == "" {
		p.Name = "worker"
	}
	if p.Getenv == nil {
		p.Getenv = func(string) string { return "" }
	}
	if p.Stdout == nil {
		p.Stdout = io.Discard
	}
	if p.Stderr == nil {
		p.Stderr = io.Discard
	}
	return p
}

// Statuses of the process.
const (
	statusOK = iota
	statusFailed
	statusUsage
)

// Run is Main for programs that handle signals themselves, and for tests: it runs the pipelines until all their inputs have
// ended or ctx does, and returns the status for the process. It is 0 if all went well, also where ctx ended the run and every
// shard has taken its last checkpoint; 1 if something failed, which the log then tells; 2 if the flags are not valid.
func Run(ctx context.Context, p Process, pipelines ...*pipeline.Pipeline) int {
	p = p.withDefaults()
	cfg, err := parse(p)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return statusOK
	case err != nil:
		return p.fail(statusUsage, err)
	case cfg.version:
		_, _ = fmt.Fprintf(p.Stdout, "%s %s\n", p.Name, readBuild()) // nobody to tell
		return statusOK
	case cfg.healthcheck:
		if err := healthcheck(ctx, cfg.http); err != nil {
			return p.fail(statusFailed, err)
		}
		return statusOK
	}
	if err := check(pipelines); err != nil {
		return p.fail(statusFailed, err)
	}
	w := &worker{config: cfg, getenv: p.Getenv, state: newState(pipelines), log: cfg.logger(p.Stderr)}
	if cfg.explain {
		text, err := explain(w.state.tasks)
		if err != nil {
			return p.fail(statusFailed, err)
		}
		_, _ = io.WriteString(p.Stdout, text) // nobody to tell
		return statusOK
	}
	switch err := w.run(ctx); {
	case errors.Is(err, errReported):
		return statusFailed
	case err != nil:
		w.log.Error("the worker has failed", "error", err)
		return statusFailed
	}
	return statusOK
}

// fail says what is wrong and returns the status.
func (p Process) fail(status int, err error) int {
	_, _ = fmt.Fprintf(p.Stderr, "%s: %s\n", p.Name, strings.TrimPrefix(err.Error(), "worker: ")) // nobody to tell
	return status
}

// check finds mistakes in the programs before anything begins.
func check(pipelines []*pipeline.Pipeline) error {
	if len(pipelines) == 0 {
		return errors.New("worker: there is no pipeline to run; give one to worker.Main")
	}
	var errs []error
	seen := make(map[string]bool)
	for _, p := range pipelines {
		if err := p.Err(); err != nil {
			errs = append(errs, err)
			continue
		}
		if seen[p.Name()] {
			errs = append(errs, fmt.Errorf("worker: two pipelines have the name %s and would share their state; give each its own", p.Name()))
		}
		seen[p.Name()] = true
	}
	return errors.Join(errs...)
}

// explain returns the plans, in the order of the program.
func explain(tasks []*task) (string, error) {
	var texts []string
	for _, t := range tasks {
		text, err := t.pipeline.Explain()
		if err != nil {
			return "", err
		}
		texts = append(texts, text)
	}
	return strings.Join(texts, "\n"), nil
}
