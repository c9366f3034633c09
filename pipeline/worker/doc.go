// Package worker is the main function of a program that runs pipelines.
//
//	func main() {
//		worker.Main(adclicks.Pipeline(adclicks.Config{}))
//	}
//
// Such a program is a worker: start as many as you like, on as many machines as you like, and stop any of them at any time.
// Its flags say where NATS is and how to run; --help lists them. A flag that is not given is taken from the
// environment: --checkpoint-every from CALM_CHECKPOINT_EVERY, and so on. Without --nats and --context the worker brings an
// embedded server in the directory --store.
//
// # Signals
//
// The first SIGINT or SIGTERM drains: the shards are handed over to other workers of the pipeline, if there are any, for at most
// three seconds, those that are left take a last checkpoint, and the process ends with
// status 0. A second one ends it at once, with 128 and the number of the signal; nothing is lost by that, since the next
// worker begins at the last checkpoint. The status is 1 if something failed and 2 if the flags are not valid.
//
// # HTTP
//
// On the address --http the worker answers:
//
//	/healthz  200 as long as the process answers
//	/readyz   200 while NATS is connected and every shard that falls to this worker runs, else 503 and the reason
//	/metrics  counters in the text format 0.0.4 of Prometheus, with the labels pipeline, stage and shard
//	/plan     the plans of the pipelines, as --explain prints them
//
// Whoever reaches the address may read all that, so it is a loopback address unless told otherwise.
//
// # Permissions
//
// A user of NATS for the workers of a pipeline <p> alone must be allowed to publish to the following, where <in> is each stream that it
// reads, <out> each stream that it writes to, and <subject> that of the sink:
//
//	$JS.API.STREAM.INFO.*  and  $JS.API.STREAM.MSG.GET.*  for <in>, <out>, KV_calm_<p>, CALM_X_<p>, CALM_DLQ_<p> and CALM_SEALS_<p>
//	$JS.API.STREAM.CREATE.*                               for all of them but <in>
//	$JS.API.STREAM.UPDATE.*                               for the <out> of an outbox that was not made by the pipeline
//	$JS.API.CONSUMER.CREATE.*.*.>, $JS.API.CONSUMER.MSG.NEXT.*.* and $JS.API.CONSUMER.DELETE.*.*
//	                                                      with <in> and CALM_X_<p> for the first *
//	$JS.API.STREAM.PURGE.*                                for KV_calm_<p> and CALM_X_<p>
//	$JS.API.DIRECT.GET.KV_calm_<p>.>
//	$KV.calm_<p>.>, calm.x.<p>.>, calm.dlq.<p>.>, calm.late.<p>.>, calm.seal.<p>.> and <subject>.>
//
// and to subscribe to its inboxes and to $KV.calm_<p>.*.worker.*, by which workers hear of each other. An input that is read without
// Subjects needs $JS.API.CONSUMER.CREATE.<in>.* as well, and one with an idle policy what pipeline.Source says there.
//
// Where the pipeline shares states (operators.Share) and workers answer about them (--queries), the user must also be allowed to subscribe to
// calm.q.<p>.> and $SRV.>, and to publish replies to what comes from there, as "allow_responses" of the server permits.
// Without them the worker runs as well, unheard; its log has what it was denied.
//
// # Secrets
//
// No password, token or seed is written to the log, to an error or to HTTP. Of an address only host and port are shown.
package worker
