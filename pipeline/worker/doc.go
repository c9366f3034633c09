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
// The first SIGINT or SIGTERM drains: no more input is read, every shard takes a last checkpoint, and the process ends with
// status 0. A second one ends it at once, with 128 and the number of the signal; nothing is lost by that, since the next
// worker begins at the last checkpoint. The status is 1 if something failed and 2 if the flags are not valid.
//
// # HTTP
//
// On the address --http the worker answers:
//
//	/healthz  200 as long as the process answers
//	/readyz   200 while NATS is connected and every shard of every pipeline runs, else 503 and the reason
//	/metrics  counters in the text format 0.0.4 of Prometheus, with the labels pipeline, stage and shard
//	/plan     the plans of the pipelines, as --explain prints them
//
// Whoever reaches the address may read all that, so it is a loopback address unless told otherwise.
//
// # Secrets
//
// No password, token or seed is written to the log, to an error or to HTTP. Of an address only host and port are shown.
package worker
