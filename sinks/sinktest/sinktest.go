// Package sinktest holds the suite that every sink must pass, ours and yours.
//
//	func TestTable(t *testing.T) {
//		sinktest.Run(t, sinktest.Config{
//			New: func(t testing.TB) (sinks.Sink, func() ([]sinks.Record, error)) {
//				table := newTable(t) // empty, and of this test alone
//				return Table{Name: table.name}, table.rows
//			},
//			Features: sinktest.Features{Durable: true},
//			Missing:  []sinks.Sink{Table{}},
//		})
//	}
//
// The suite writes to the sink as the engine does: again after success, from several owners at once, with a context that
// has ended, over a connection that is closed. It then compares what the destination shows with what was written. What a
// sink promises beyond the contract of sinks.Sink is declared in Features and tested too.
//
// The tests of this package run the suite on sinks that are wrong in one way each, and prove that it says so.
package sinktest

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/calmstream/calmstream/sinks"
	"github.com/nats-io/nats.go"
)

// Config describes the sink under test.
type Config struct {
	// New returns a sink whose destination is empty and belongs to the caller alone, and a function
	// that returns the records which the destination shows, in its order. It is called for each check. It
	// is required.
	//
	// Of the records that are read, ID, Verdict, Key, Window and Payload are compared; Frontier and Pipeline too
	// where they are not empty; Path never. A Key may be the hash that sinks.HeaderKey makes of a long one.
	New func(t testing.TB) (sink sinks.Sink, read func() ([]sinks.Record, error))
	// Features are the promises of the sink.
	Features Features
	// Conn returns a new connection, which the suite may close at any time, for sinks.Env. A sink that
	// uses no NATS leaves it nil; the checks of the connection are then left out.
	Conn func(t testing.TB) *nats.Conn
	// Missing are sinks that must fail to open, because a field or the destination is missing.
	Missing []sinks.Sink
	// Limit is how long one call into the sink may take before it counts as hanging; 0 means 30 seconds.
	// The context of a call ends after three quarters of it.
	Limit time.Duration
}

// Features are what a sink promises beyond the contract of sinks.Sink.
type Features struct {
	// Durable says that the destination remembers over Close and Open, and shows no ID twice.
	Durable bool
	// CreateOnce says that of two different results with one Path the first stands, and the
	// second is refused with sinks.ErrConflict.
	CreateOnce bool
	// NeedsPath says that a record without a Path is refused with sinks.ErrPermanent. All
	// records of the suite then have one; else every second one.
	NeedsPath bool
	// Supersedes says that of the results with one Path only that with the largest Version so far is shown, whoever writes the others
	// and when.
	Supersedes bool
}

// Run runs each check of the suite as a subtest.
func Run(t *testing.T, c Config) {
	t.Helper()
	for _, check := range checks(c) {
		t.Run(check.name, func(t *testing.T) {
			t.Parallel()
			if err := check.on(t, c); err != nil {
				t.Error(err)
			}
		})
	}
}

// Check runs the suite and returns what is wrong with the sink: the errors of all checks, joined, each beginning with
// "sinktest: " and the name of the check. It returns nil for a sink that passes. What Config.New and Config.Conn
// register with t lives until the end of t.
func Check(t testing.TB, c Config) error {
	t.Helper()
	var all []error
	for _, check := range checks(c) {
		all = append(all, check.on(t, c))
	}
	return errors.Join(all...)
}

// check is one property of a sink.
type check struct {
	name string
	run  func(*bench) error
}

// on runs the check on a fresh sink.
func (k check) on(t testing.TB, c Config) error {
	t.Helper()
	if c.New == nil {
		return fmt.Errorf("sinktest: %s: Config has no New: set the function that makes the sink", k.name)
	}
	b := newBench(t, c)
	if err := k.run(b); err != nil {
		return fmt.Errorf("sinktest: %s: %w", k.name, err)
	}
	return nil
}

// checks returns the checks that apply to a sink.
func checks(c Config) []check {
	all := []check{
		{"target", checkTarget},
		{"arrive", checkArrive},
		{"order", checkOrder},
		{"empty-batch", checkEmptyBatch},
		{"payloads", checkPayloads},
		{"keys", checkKeys},
		{"lent-memory", checkLentMemory},
		{"again", checkAgain},
		{"reopen", checkReopen},
		{"owners", checkOwners},
		{"cancelled", checkCancelled},
	}
	if len(c.Missing) > 0 {
		all = append(all, check{"missing", checkMissing})
	}
	if c.Conn != nil {
		all = append(all, check{"closed-connection", checkClosedConnection})
	}
	if c.Features.CreateOnce {
		all = append(all, check{"conflict", checkConflict}, check{"race", checkRace})
	}
	if c.Features.NeedsPath {
		all = append(all, check{"needs-path", checkNeedsPath})
	}
	if c.Features.Supersedes {
		all = append(all, check{"newer", checkNewer}, check{"older", checkOlder}, check{"zombie", checkZombie}, check{"never-back", checkNeverBack})
	}
	return all
}
