// Package pipelinetest runs pipelines in memory, with no server and no clock, and proves that their results do not depend on
// what must not matter.
//
// A Driver is for tests of what a pipeline does: push messages, and read at once what each has led to.
//
// Check runs a pipeline once plainly, one message at a time, and then many times under schedules drawn from a seed: several
// overlapping owners of each shard, batches cut anywhere, crashes with a restart from any checkpoint ever taken,
// envelopes of an exchange published twice, lost and resent, or delivered long after, shards that race ahead of others, so that
// seals race the data. It fails the test unless, in every schedule,
//
//   - the results, the dead letters and the late records are those of the plain run. So nothing that was handed out, by whichever
//     owner, is taken back: a stable result is in the outcome, and with the same content;
//   - owners of one shard make the same of the same messages, and encode the same state in the same way;
//   - a state is above all that could be read of it before: lower bounds only grow;
//   - no checkpoint is stored behind one that lies further on, and the pipeline ends;
//   - with Options.Accounts, each record is in exactly one of results, late records and dead letters.
//
// Otherwise a function of the pipeline is not pure, a lattice is none, or the engine is wrong. CheckShards deals the same records to
// the shards of their inputs in other ways and orders, which must not show in sealed results as long as no record is late, and
// beyond that must lose none.
//
// What is found is a History: the messages, and what happened in which order. It is made as short as possible, printed with its
// seed, and saved under testdata, where Check tries it first from then on; it is meant to be committed, and Replay runs it
// alone. A History is text, which can be changed and written by hand.
//
// What Check cannot see is what stands outside of memory: the server, the sinks, and time. The schedules are random: what needs
// more than a few crashes in one order, or more than the messages given, may be missed.
package pipelinetest
