// Package producer publishes the records of a registered producer, and its promises of what is complete.
//
// An input whose pipeline names its producers (pipeline.Source.Producers) does not guess from the records how far it is: each
// producer says so.
//
//	p, err := producer.Open(ctx, producer.Config{Conn: nc, Name: "checkout-1", Stream: "ORDERS", Shards: []string{"orders.eu.>", "orders.us.>"}})
//	...
//	err = p.Publish(ctx, "orders.eu.berlin", order)
//	...
//	err = p.Seal(ctx, noon) // every order before noon has been published
//
// A promise tells each shard how many records the producer has published to it, with a digest of them. It counts once the
// shard has exactly those: it may overtake records that are published again after a failure, and a record that was lost, or that
// somebody else published under the name, is found out. Programs in other languages can do the same, if a promise stands behind the records that it
// counts wherever a pipeline may begin to read; the headers are
//
//	Calm-Producer    the name, on every message
//	Calm-Sequence    on a record: its number among those of the producer in the shard, from 1 on
//	Calm-Seal        on a promise: the time before which everything is there (RFC 3339), or "end", or "key"
//	Calm-Count       on a promise: how many records the producer has published to the shard
//	Calm-Digest      on a promise: the sum, modulo 2^64, over these records of xxhash64(number, xxhash64(payload)), both 8 bytes
//	                 little endian; 16 hexadecimal digits
//
// What ends without a time, such as a campaign, is promised by [Producer.SealKey]: Calm-Seal is "key", Calm-Attribute names the attribute, the
// payload is the value as text, and count and digest are as above.
//
// A producer that starts again goes on behind what it has published: Open finds that in the stream. What its last Seal that succeeded did not
// cover may have arrived or not; to lose nothing and count nothing twice, keep with each Seal how far the source was, open with
// Config.Replay and Config.Sealed, and publish from there again. Let nobody else use the name, and not before the server has noticed
// that the process before is gone: what that one has sent and arrives later shows as ErrNameInUse or as a promise that is refused.
//
// A message with the header Calm-Seal: void, a number and no payload takes the place of a record that could not be published.
package producer
