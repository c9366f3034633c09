// Package answer serves questions about the states of a pipeline that are shared, from the workers that run it, as a service of NATS
// (nats micro ls), and asks them.
//
// A worker has one service, calm-<pipeline>, with an endpoint for each shard that it runs or has run:
//
//	calm.q.<pipeline>.<epoch>.<stage>.<shard>.<state>.<question>
//
// where the question is threshold, await, lower-bound or final. There is no queue group: whichever owner of the shard answers first is right, since a
// state is a function of the log, and the answer says up to where. A request is JSON:
//
//	{"key": "calm"}                                      lower-bound, final
//	{"key": "calm", "threshold": "count >= 2"}           threshold
//	{"key": "calm", "threshold": "count >= 2", "wait": "5s"}  await
//	"at": "2026-01-02T15:04:05Z"                         which window of a state that has them
//
// and so is a reply, unless it has the headers of an error of a service:
//
//	400  the request cannot be read
//	404  nothing is shared under that name in that stage
//	409  the worker is behind the position that the request asks for
//	410  the state was sealed and handed on
//	413  request or answer is too large
//	421  the key belongs to another shard
//	429  too many questions wait
//	503  the worker does not run the shard any more
//
// Requests wait in the shard's shard.Asked; no request can stop or hold up a shard for longer than a look at one key.
package answer
