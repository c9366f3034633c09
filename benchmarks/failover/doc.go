// Command failover measures what happens to results when workers die, and looks for results that are lost or doubled meanwhile.
//
//	go run ./benchmarks/failover            measure: kills without and with a standby, and a worker that joins
//	go run ./benchmarks/failover -soak 200  200 random kills, pauses and rejoins, then a count of everything
//
// The server and each worker are processes of their own. Ids come in at an even pace, whatever happens, each from one of several shards, and
// cross an exchange; the result of each is the answer of a threshold. What is measured is the time from the intended sending of
// an id to its result: an id whose shard has just lost its worker waits until another one runs it.
//
// At the end, what is stored is compared with what was sent: each id has its result once, and the sealed counts of groups of ids,
// which show each effect on the state, are exact.
package main
