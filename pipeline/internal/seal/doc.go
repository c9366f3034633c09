// Package seal decides, for one shard of an input with registered producers, which event time is complete.
//
// Each producer numbers the records that it publishes to a shard 1, 2, 3 … (the header Calm-Sequence, beside its name in
// Calm-Producer), and now and then promises: "with the first C of them, whose digest is D, everything before time T is in this
// shard". Such a punctuation may arrive before some of the records it covers, and records may come twice or out of order, since a
// publish can be retried. It counts once all C numbers are there and their digest is D. Each producer has a
// vote, and a time is complete when all have voted for it: a threshold over a registry that is fixed when the plan is made.
// (Alvaro, Conway, Hellerstein, Maier, "Blazes", ICDE 2014, §V-B1, where a registry and the digests of the messages of a
// partition make a vote.)
//
// Instead of a time a promise may name a value of an attribute: see Keys. Where a log is not read from its first message on, a promise tells
// where the numbers go on: see Survey.
//
// Everything here is a function of the log of the shard. The package knows no NATS.
package seal
