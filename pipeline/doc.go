// Package pipeline is where a plan meets NATS: it reads streams, runs the operators between them, keeps their state, and
// writes results.
//
// A Pipeline begins with Read, goes through package operators, and ends with Write. Run runs all its shards in
// this process until the inputs end or the context does. Any number of processes may run the same pipeline at once,
// and any of them may be killed at any time: state effects are exactly once, and every result has an identity and comes
// with the same content whoever produced it.
//
// State and positions are kept in the KV bucket calm_<name>, records that could not be used in the stream
// CALM_DLQ_<name>, and records between stages in CALM_X_<name>.
package pipeline
