// Package jetstore keeps checkpoints in a NATS JetStream key-value bucket.
//
// The bucket of a pipeline is calm_<pipeline>. It is made as the stream KV_calm_<pipeline>, because only a stream can be told
// to take atomic batches; `nats kv ls` and `nats kv get` read it like any other bucket. Its keys:
//
//	<epoch>.<stage>.<shard>.fence              the fence of a shard
//	<epoch>.<stage>.<shard>.seg.<id>.<chunk>   a chunk of a segment; chunks count from 0
//	<epoch>.<stage>.<shard>.out.<name>         an output of the shard, until whoever it is for has it
//	<epoch>.run.<key>                          a create-once record of the run
//	<epoch>.import                             there while the epoch is filled from outside
//	active                                     the epoch that readers are sent to
//
// # How a commit works
//
// A commit is one atomic batch: the chunks of the new segments and the outputs, none of which must exist yet, and then the fence, whose
// last revision must be the one that the committer saw. The server stores all of it or nothing. All messages are sent without waiting,
// and the answer to the last one is the answer to the commit; large batches wait for the server now and then, so that
// they do not overrun its queue.
//
// Chunks that do not fit into one batch with the fence are stored in batches ahead of it. They count for nothing until the fence names their
// segment. One that lost the race removes them, unless the fence that stands names them; those of a killed owner are older than the
// next fence, and swept with that.
//
// An answer that is lost, or that says no, says little: the commit may stand all the same, from an earlier attempt. So
// after anything but a plain yes the fence is read from the leader. If it is the fence of this commit, the commit is done. If it is newer,
// another owner has won. If it is the old one, the same batch is sent again with the same condition: however many attempts are
// under way, at most one can win. If it is older, or gone, the bucket has lost what it had acknowledged, and that is an
// error, never a fresh start.
//
// Outputs are always in the batch of the fence: other streams source them, and what is stored ahead of a fence that is refused would be seen.
//
// # Reading
//
// Fences and records are read from the leader of the stream, because a replica may answer with an older one.
// Chunks never change once written, so that any replica may answer for them; what a replica does not
// have is asked of the leader. Every chunk is checked against the reference of its segment.
//
// # What it rests on
//
// nats-server 2.12.15, 2.14.4 or 2.15 and later: earlier ones have no atomic batches, or faulty ones. An acknowledged commit survives the
// end of any process; whether it survives a power cut depends on the replicas and on sync_interval of the servers.
package jetstore
