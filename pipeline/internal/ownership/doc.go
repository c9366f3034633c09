// Package ownership says which worker runs which shard.
//
// Nobody is asked and nobody leads: every worker hears the announcements of all, computes the owners of every shard from them,
// and runs those that it owns. Two workers that have not heard the same may both run a shard, or neither for a moment. That is
// harmless, since any number of owners of a shard gives the same results; so there is no lock to hold and no round to wait for.
//
// A [Roster] is who is there, and [Owners] is the function from that to the owners of a shard. Neither knows NATS, nor reads a clock.
package ownership
