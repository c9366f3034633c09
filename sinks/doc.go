// Package sinks holds the destinations that results of a pipeline can go to, and the contract that any
// other destination has to keep.
//
//	type        where to                    a result that is written again
//	Subject     a JetStream subject         shows once if it has a path, else once within the duplicate window
//	KeyValue    a KV bucket                 shows once
//	View        a KV bucket                 changes nothing: a key shows its newest version
//	Outbox      a JetStream stream          cannot be: it leaves with a checkpoint
//	Coalesce    another sink, less often    as there
//	Func        a Go function               comes again
//	JSONLines   an io.Writer, stdout        shows again, the same
//
// A Sink is a plain struct whose fields are its options; what is wrong or missing is found when it is opened. A Writer,
// which Open returns, belongs to one shard.
//
// # Why writing again is normal
//
// A shard that fails in the middle of a batch, a worker that starts again from a checkpoint, and a
// second owner of the same shard all write results that were written before. The ID of a result and its content
// are a function of the input alone, so a destination with memory recognises it. Subject and KeyValue use the path of a result
// (its epoch, window and key) as its place and create it only if the place is empty (Nats-Expected-Last-Subject-Sequence: 0).
// If it is not, they read from the leader what stands there. The same ID, digest and payload is
// success. Anything else is a ConflictError, which stops the shard: two different results claim the same
// identity, so the pipeline is not deterministic, two versions of it share an epoch, or two Writes share a destination. Overlapping owners therefore need
// no lock and no fence, and there is no time after which a duplicate slips through.
//
// Lower bounds (operators.Bounds) come in versions. Subject and KeyValue have a place for each version, View has one for all of them: it
// replaces what is older, by compare-and-set, so that no reader sees a key go back.
//
// # On NATS
//
// The payload is what the codec of the user wrote and nothing else. The rest is in headers:
//
//	Calm-Id         identity of the result
//	Calm-Verdict    final, stable, lower-bound or provisional
//	Calm-Key        the key, in the form of HeaderKey; KeyFromHeader reads it
//	Calm-Window     event-time window, ISO 8601 interval or "global"
//	Calm-Frontier   event time up to which the input was complete
//	Calm-Version    how far a lower bound has come; missing from other results
//	Calm-Pipeline   name of the pipeline
//	Calm-Digest     xxhash64 of the payload, 16 hexadecimal digits
//
// All records of a Write are published before the first acknowledgement is waited for, within a bound of 2048
// messages and 8 MiB on the way. They are stored in the order of the call, except those that meet
// another write of the same subject: these follow when it is settled. When the connection is lost, or the server is silent for five seconds,
// Write returns an error that is not permanent, and the engine writes again.
//
// An acknowledgement means what it means for the stream: with one replica, or with the default
// sync interval of the server, the last of it can be lost with the power.
//
// # A sink of one's own
//
// Implement Sink and Writer and run sinktest.Run on it in a test.
package sinks
