// Package shard runs one shard: it applies the messages of a log to the kernels of a stage, in order, and
// checkpoints position and state.
//
// Invariants, on which the guarantees rest:
//
//   - One goroutine owns the kernels, and everything it does to them is a function of the messages: it reads no clock, no
//     randomness and no map order, and where a batch ends does not matter. So all owners of a shard pass
//     through the same states.
//   - Outputs up to a position are durable before a checkpoint at that position is committed. So a restart
//     misses none; it may repeat some, always with the same identity and content.
//   - No final result leaves before the log has been proved to be whole up to it.
//   - A commit names the fence that it replaces. Who loses the race looks at the winner: one that is ahead of what
//     this owner has applied is adopted (its state is loaded), else this owner goes on and bases its next commit on
//     the winner's segments. No owner commits a position below the fence.
//   - Owners that have made different things of the same prefix are not merged: see digest.
//
// Fencing the loser off was tried in thought and dropped: a fenced owner would need someone to tell who may
// work, and the invariants above make two owners merely wasteful.
//
// The package knows no NATS: the log, the store and the outlet are given to it, so that it runs under testing/synctest and
// in memory.
package shard
