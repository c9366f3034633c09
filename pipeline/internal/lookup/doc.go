// Package lookup finds the state of one key in the checkpoints of a pipeline, with no worker alive.
//
// A checkpoint is a list of segments whose entries are absolute: each replaces what an older one says of the key. So the segments are
// read from the newest back, and the first that knows the key is right; none behind a base needs to be read. Nothing is kept in
// memory but the chunk under way, and what a segment, which is never changed, has said.
package lookup
