package wordcount

import "context"

// Outcome is exported to its test.
func (c Config) Outcome(both context.Context, counting, feeding error) error {
	return c.outcome(both, counting, feeding)
}

// AwaitStream is exported to its test.
var AwaitStream = awaitStream
