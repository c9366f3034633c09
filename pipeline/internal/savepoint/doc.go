// Package savepoint writes the checkpoints of a pipeline to a file and reads them back, perhaps on another server.
//
// # The file
//
// It is a list of frames. Numbers are varints of minimal length; "bytes" is a length and then so many bytes; hashes are little endian.
//
//	8 bytes   "CALMSAVE"
//	1 byte    version, 1
//	          frames, each:
//	            1 byte    kind
//	            uvarint   length of the content
//	                      content
//	            8 bytes   xxhash64 of the hash of the frame before (of the nine bytes above, for the first) and of this frame up to here
//
// so that a frame that is changed, missing, doubled or out of its place is found where it is. The contents, by kind, in this order:
//
//	1 header    bytes pipeline, bytes epoch; once, the first
//	2 chunk     bytes stage, uvarint shard, bytes segment, uvarint number, and the chunk (package checkpoint)
//	3 range     uvarint first, uvarint last: the sequences that the exchange held; absent if the pipeline has none
//	4 message   uvarint sequence, bytes subject, uvarint count x {bytes name, bytes value} of headers, and the payload: a record in the
//	            exchange of the pipeline
//	5 record    bytes key, and the value of a run record
//	6 fence     bytes stage, uvarint shard, and the fence (package checkpoint)
//	7 end       uvarint number of frames before
//
// Chunks, ranges and messages may come again, and there may be chunks of segments that no fence names: the pipeline ran while the file was
// written, and replaced them before they were read to their end. The last range counts.
package savepoint
