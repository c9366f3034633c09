// Package feed puts files into a JetStream stream so that the stream is a function of the files alone.
//
//	result, err := feed.Feed(ctx, nc, feed.Config{
//		Stream:  "WORDS",
//		Subject: "words.in",
//		Shards:  4,
//		Inputs:  []feed.Input{feed.File("a.txt"), feed.File("-")},
//	})
//
// Whoever feeds the same input stores the same messages at the same stream sequences, however often the feeding was
// stopped, killed or run twice at once. So it needs no lock, no lease and no clean-up: to go on after a crash, run it
// again. Different input for the same stream is refused, not mixed in.
//
// # Chunks
//
// Each input is cut on its own, by a rule on its bytes alone: a chunk ends behind the first character at or after
// 64 KiB that is not of a word (words.IsWordRune), or at the end of the input. Bytes that are not UTF-8 are such
// characters, each on its own. A chunk therefore never tears a word or a character, the chunks one after the other
// are the input byte by byte, and an empty input has none. A run of word characters longer than 256 KiB is refused,
// so a chunk is never longer than 320 KiB and 3 bytes. The end of an input is the end of a word, and nothing is stored
// of a chunk before its end is known: a slow standard input shows up 64 KiB at a time.
//
// # The stream, format 1
//
//	sequence   subject              headers                                    payload
//	i+1        <Subject>.<i mod N>  Calm-Digest                                chunk i, from 0
//	C+p+1      <Subject>.<p>        Calm-Digest, Calm-Seal: end, Calm-Count    none; one for each partition p of N
//
// C is the number of chunks and N of partitions; Calm-Count is the number of chunks of that partition. Calm-Digest is, in
// lower-case hex, the link of a chain that covers everything up to and including the message:
//
//	d(0) = SHA-256("calmstream feed 1 " N)              N in decimal
//	d(s) = SHA-256(d(s-1) "c" len(chunk) chunk)         of the chunk at sequence s
//	d(s) = SHA-256(d(s-1) "e" p count)                  of the end marker at sequence s
//
// with numbers as 8 bytes, big-endian. The metadata of the stream says calm-feed-format (1) and calm-feed-shards (N). Its
// messages can neither be deleted nor purged, and it refuses rather than drops when full. The headers
// Nats-Expected-Stream and Nats-Expected-Last-Sequence stay on the stored messages, as JetStream leaves them.
//
// # Why one message at a time
//
// A message is published only when its predecessor is known to be stored with the feeder's own digest, and only onto it
// (Nats-Expected-Last-Sequence). By induction every stored digest vouches for everything before it, so that
// comparing one digest, the last, compares whole streams. A window of messages in flight would break this: where two
// inputs that differ from chunk k on are fed at once, the first feeder's k is stored, the second's k is
// refused, and its k+1, already on the way, expects sequence k and is stored on top of the wrong one. What would name
// the predecessor by content, Nats-Expected-Last-Msg-Id, is not kept by a replica that catches up (nats-server 2.15.2),
// and atomic batches write everything twice. The next chunk is cut and hashed while the last is on its way; what
// remains is a round trip for each 64 KiB.
package feed
