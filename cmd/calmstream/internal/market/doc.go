// Package market runs the queries of Nexmark: it stores the events in a stream, runs a query over it, and reads the rows.
//
// The events are functions of what the run was started with. So it can be stopped at any time, and the same again goes on: message i of
// the stream is event i, and what is there is not stored again. A stream that was made for other events is refused.
package market
