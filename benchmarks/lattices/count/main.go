// Command count lets every type of package crdt make updates and merge their deltas, in states of several sizes, and writes how often each
// statement of the package was executed: one directory for each, in the format of the coverage tool, with which the
// command must be built (-cover -covermode=atomic). It prints a line for each: the directory, the size, the bytes allocated for
// an update, the type.
package main

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"runtime/coverage"
	"strconv"

	"github.com/calmstream/calmstream/benchmarks/lattices"
)

const updates = 100

func main() {
	if len(os.Args) < 3 {
		fmt.Fprintln(os.Stderr, "usage: count <directory> <size>...")
		os.Exit(2)
	}
	if err := run(os.Args[1], os.Args[2:]); err != nil {
		fmt.Fprintln(os.Stderr, "count:", err)
		os.Exit(1)
	}
}

func run(root string, sizes []string) error {
	for i, w := range lattices.Workloads() {
		if w.Fixed {
			continue
		}
		for _, size := range sizes {
			n, err := strconv.Atoi(size)
			if err != nil {
				return err
			}
			dir := filepath.Join(root, strconv.Itoa(i)+"-"+size)
			bytes, err := count(w, n, dir)
			if err != nil {
				return fmt.Errorf("%s: %w", w.Name, err)
			}
			fmt.Printf("%s %d %d %q\n", dir, n, bytes/updates, w.Name)
		}
	}
	return nil
}

// count counts what updates do, and returns how many bytes they allocate.
func count(w lattices.Workload, n int, dir string) (bytes uint64, err error) {
	if err := os.Mkdir(dir, 0o700); err != nil {
		return 0, err
	}
	if err := coverage.WriteMetaDir(dir); err != nil {
		return 0, err
	}
	s := w.New()
	s.Fill(n)
	s.Ready(2 * updates)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	if err := coverage.ClearCounters(); err != nil {
		return 0, err
	}
	for i := range updates {
		s.Update(i)
		s.Merge(updates + i)
	}
	err = coverage.WriteCountersDir(dir)
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc, err
}
