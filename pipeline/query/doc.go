// Package query asks the state of a pipeline from outside of it: the workers that run it, and its checkpoints, whether a worker runs or not.
//
// A program that asks builds the same pipeline as its workers, and takes a handle of the state with [operators.Share]. The handle says
// how keys and states are stored and where, and what may be asked of them:
//
//	[State.Threshold]  whether the state has reached a set: yes, which is never taken back, or unknown
//	[State.Await]      the same, and waits until it has
//	[LowerBound]       what is known of a monotone value: it only grows
//	[Final]            any value at all, once the state will not change any more
//
// A query of another class than its function takes does not compile. Each [Answer] says what it is worth, how far the input was complete, and
// of which position in the log of which shard the checkpoint is.
//
// # What is seen
//
// [Config].Ask says who is asked. Workers that run with pipeline.Config.Queries answer from memory at once; a checkpoint is behind them by the time between
// two, a second unless the pipeline is told otherwise. Either answer is what the records up to its position say. What a [State] has seen it does not
// unsee: its answers never go back, wherever they come from. Where the workers are gone and the checkpoint is behind what they have
// said, that is [ErrBehind]. Two answers about one key of one state are about two prefixes of one log.
//
// A window that was sealed is not part of the state any more: its results have left, and are where the pipeline writes them. Asked about one,
// every function fails with [ErrGone], since an answer from nothing would be less than what was answered before. The same holds
// for keys that are sealed by values of an attribute, [operators.Keys], of which the state does not know whether they were there.
//
// # Cost
//
// An answer of a worker is a request to NATS. One from a checkpoint takes a read of the shard's fence and of its newest segments, up to the one that knows the key: in the worst case, of a key that
// has none or has not changed for long, the whole state of the shard is read, though not held in memory. [State.Await] reads each segment
// once.
//
// # Permissions
//
// To ask the workers of the pipeline <p>, a user must be allowed to publish to calm.q.<p>.>, and to subscribe to its inboxes. It can then ask
// about the states that are shared.
//
// To ask its checkpoints, a user must be allowed to publish to $JS.API.STREAM.INFO.KV_calm_<p>, $JS.API.STREAM.MSG.GET.KV_calm_<p> and
// $JS.API.DIRECT.GET.KV_calm_<p>.>, and to subscribe to its inboxes. It can then read all of the state and change nothing.
package query
