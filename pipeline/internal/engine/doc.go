// Package engine runs a plan on JetStream: it makes what the plan needs on the server, records once and for all owners what
// the run begins with, and starts a shard.Run for each shard.
package engine
