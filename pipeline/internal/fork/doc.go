// Package fork lets a new version of a pipeline go on from the state of the active one.
//
// Before the first step of a new epoch it compares the two plans (plan.Document.Compare). For each input that both read in the same way it takes the
// newest checkpoint of each shard, its cut: the position, and the segments of the states that the new version keeps. The
// segments are stored under keys of the new epoch, their entries under the numbers that the operators have in the new plan. The checkpoints and the
// start record, which says where all this comes from, are created in one atomic batch, the last step, which succeeds once: whoever
// else begins the epoch at the same time finds what stands, and one that was killed before has left nothing but segments that
// nobody knows of.
//
// Of the old epoch keys are read and none is written. Its owners may run: what they commit meanwhile is a later cut.
package fork
