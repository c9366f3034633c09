// Package source reads one stream of JetStream in order, as a shard needs it: every matching message once, none
// skipped unnoticed, and a position that says how far that holds.
//
//	r, err := source.Open(ctx, source.Config{Conn: conn, Stream: "orders", Filter: "orders.3.>", ConsumerName: "calm-p-s-3"})
//	...
//	for {
//		if batch, err = r.Next(ctx, wake, batch); err != nil {
//			return err
//		}
//		apply(batch)
//	}
//
// A [Reader] pulls with a consumer of its own that keeps no state: the caller's checkpoint is the only record of what was read.
// On any doubt (a hole in the consumer's numbers, a missing heartbeat, an ended request, a lost server) it makes another
// consumer that begins after the position. Backpressure is not calling Next: two pull requests, bounded in messages and
// bytes, are all that is ever on the way. It starts no goroutine.
//
// A log that lost messages, or was replaced by another, ends the reading with an error that says what is missing: see
// [Open], [Reader.Next] and [Reader.Verify] for when that is looked at. The position can also move without a message, by
// heartbeats of the server: over messages that do not match the filter. For such a stretch there is no
// message whose time could prove later that the stream still holds it.
//
// The user of the connection must be allowed to publish to these subjects, with <s> for the stream and <f> for the filter:
//
//	$JS.API.STREAM.INFO.<s>
//	$JS.API.STREAM.MSG.GET.<s>
//	$JS.API.CONSUMER.CREATE.<s>.*.<f>     (without a filter: $JS.API.CONSUMER.CREATE.<s>.*)
//	$JS.API.CONSUMER.MSG.NEXT.<s>.*
//	$JS.API.CONSUMER.DELETE.<s>.*
//
// and to subscribe to its inboxes.
package source
