// Package kernel holds the batch kernels: what the operators of the DSL do to records while a pipeline runs.
//
// A kernel takes a batch, calls the user's function for each record, and hands its own batch to the kernels below it in
// a plain call. There is one goroutine, no channel and, once the batches have grown, no allocation of the kernel's own.
//
// A user's function that panics loses nothing: the record is rejected with the reason and the kernel goes on behind it.
// The guard is one deferred call a batch, not a record.
package kernel
