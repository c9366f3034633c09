// Package pipelinetest runs a pipeline in memory, with no server, and proves that its results do not depend on what
// must not matter.
//
// Check runs the pipeline once plainly, one message at a time, and then many times under schedules drawn from a seed: several
// overlapping owners of each shard, batches cut anywhere, crashes with a restart from any checkpoint ever taken,
// envelopes of an exchange published twice, lost and resent, shards that race ahead of others. The results, the dead
// letters and the late records must be the same in every schedule: otherwise a function of the pipeline is not
// pure, or the engine is wrong.
package pipelinetest
