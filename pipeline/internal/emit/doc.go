// Package emit carries what leaves a shard to where it is stored: results to sinks, envelopes to the exchange, broken
// and late records to their streams.
//
// Each destination of a shard has a queue and one goroutine that writes what has gathered, in order, and writes it again until it
// is durable: everything carries an identity, so that a repetition shows nowhere. A queue that is full makes its shard
// wait, which makes it stop pulling: that is all the backpressure there is.
package emit
