package natstest

import (
	"flag"
	"fmt"
	"os"
	"testing"
)

// atOnce is how many tests of a package run at once: more than a small machine has processors, because tests with
// servers wait most of the time.
const atOnce = "4"

// Main is for the TestMain of a package whose tests talk to servers. It runs the tests, atOnce of them unless the
// command line has -parallel, and ends the process.
func Main(m *testing.M) {
	flag.Parse()
	given := false
	flag.Visit(func(f *flag.Flag) { given = given || f.Name == "test.parallel" })
	if !given {
		if err := flag.Set("test.parallel", atOnce); err != nil {
			fmt.Fprintln(os.Stderr, "natstest:", err)
			os.Exit(1)
		}
	}
	os.Exit(m.Run())
}
