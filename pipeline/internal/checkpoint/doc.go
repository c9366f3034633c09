// Package checkpoint says what a checkpoint of a shard is and how owners agree on it.
//
// A checkpoint is a position in the shard's log and the state after exactly the messages up to it. The
// state is a list of immutable segments; the fence, one small value per shard, names the segments
// that make up the state at its position. A commit writes new segments and the fence in one atomic
// step that succeeds only if the fence is still the one that the committer saw. Positions
// of committed fences never decrease.
//
// # The fence on disk
//
// All numbers are varints of minimal length unless a width is given; "bytes" is a length and then so many bytes;
// hashes are little endian.
//
//	1 byte    version, 1
//	bytes     Writer
//	uvarint   Commit
//	varint    Position.Incarnation
//	uvarint   Position.Seq
//	uvarint   Position.LastSeq
//	varint    Position.LastTime
//	1 byte    flags: 1 = Done
//	uvarint   number of segments, and for each, the oldest first:
//	            bytes     ID
//	            uvarint   Chunks
//	            uvarint   Bytes
//	            8 bytes   Digest
//	            1 byte    flags: 1 = Base
//	bytes     Meta
//	8 bytes   xxhash64 of everything before
//
// # A chunk of a segment on disk
//
// A segment is a list of entries, cut into chunks at entry boundaries. What an entry means is the shard's affair.
//
//	1 byte    version, 1
//	          one or more entries, each: uvarint length of minimal length, and so many bytes
//	8 bytes   xxhash64 of everything before, little endian
package checkpoint
