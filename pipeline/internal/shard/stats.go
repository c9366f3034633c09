package shard

import "sync/atomic"

// Stats are the counters of one shard in this process. The shard writes them, anyone reads them.
type Stats struct {
	// Messages and Bytes count what was read, Records what became of it after decoding.
	Messages, Bytes atomic.Uint64
	// Results counts what was handed to sinks, Rejected the dead letters and Late the records that came after their seal.
	Results, Rejected, Late atomic.Uint64
	// Checkpoints counts commits, CheckpointBytes what they wrote, Conflicts the races for the fence that were lost, and
	// Adoptions the times that another owner's state was loaded.
	Checkpoints, CheckpointBytes, Conflicts, Adoptions atomic.Uint64
	// Waits counts windows, and records without a match, whose results waited for a seal.
	Waits atomic.Uint64
	// Repeated counts records that a producer had published before.
	Repeated atomic.Uint64
	// Awaited are the producers that hold the frontier back.
	Awaited atomic.Pointer[[]string]
	// Divergences counts the times that another owner had made something else of the same input.
	Divergences atomic.Uint64
	// Position and Committed are stream sequences; Lag counts messages that wait.
	Position, Committed, Lag atomic.Uint64
	// Applied is the sequence of the last message that was applied; behind it the position moves over messages of other shards.
	Applied atomic.Uint64
	// Resumed is the position of the checkpoint with which the shard began.
	Resumed atomic.Uint64
	// Restored is how long loading the state took in nanoseconds, at the last time, and RestoredBytes its size.
	Restored, RestoredBytes atomic.Int64
	// OpenWindows counts windows that wait for their seal.
	OpenWindows atomic.Int64
	// Frontier is the event time before which the input of the shard is complete (nanoseconds since 1970).
	Frontier atomic.Int64
	// Reading is set while the shard has its state loaded and its log open.
	Reading atomic.Bool
	// Done is set once the input has ended and everything is durable.
	Done atomic.Bool
}
