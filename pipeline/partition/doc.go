// Package partition divides the subjects of a stream among shards, on the server.
//
// A [Layout] says how: by some tokens of a subject, into a number of partitions. The server puts the partition into the subject under which a
// message is stored, so that each shard reads a subject filter of its own, and whoever publishes need not know. For a stream that is ours
// [Create] makes it so; of one that is not, [Copy] makes a copy that is. [Layout.Check] finds out whether a stream is partitioned in this way.
//
// The number of partitions belongs to what is stored: changing it later leaves the older messages where they are. A stream with another number is
// another stream.
package partition
