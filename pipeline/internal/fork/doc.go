// Package fork lets a new version of a pipeline go on from the state of the active one.
//
// Before the first step of a new epoch it compares the two plans (plan.Document.Compare). For each input that both read in the same way it takes the
// newest checkpoint of each shard, its cut: the position, and the segments of the states that the new version keeps. The
// segments are stored under keys of the new epoch, their entries under the numbers that the operators have in the new plan. The checkpoints and the
// start record, which says where all this comes from, are created in one atomic batch, the last step, which succeeds once: whoever
// else begins the epoch at the same time finds what stands, and one that was killed before has left nothing but segments that
// nobody knows of.
//
// Shards behind an exchange come before those that send to them: a cut fits if a sender has sent all that was taken from it, and would say in the new version that as
// much is complete as was heard from it (cut.go). What it has sent and was not taken becomes the beginning of the receiver's log, in segments of its checkpoint
// (way.go). A hold in the exchange keeps others from deleting it meanwhile.
//
// Of the old epoch keys and records are read and none is written. Its owners may run: what they commit meanwhile is a later cut.
package fork
