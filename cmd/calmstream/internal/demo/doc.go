// Package demo is the command "calmstream demo": it generates ad events, runs the pipeline of package adclicks over them,
// shows its results as they come, and holds them in the end against a count that was made without the engine.
//
//	calmstream demo [--for 10s] [--rate N] [--store DIR | --nats URL]
//
// Three things happen at once. The feeder publishes events at their time and counts them in a tally. The pipeline runs as in
// any program. Two watchers read the streams of its results, as any consumer would, and put what they read on a board, which
// a view shows: a picture that is redrawn on a terminal, a line for each result elsewhere.
//
// The end is always the same, whether --for has passed or the first Ctrl-C has come: the feeder stops and publishes the
// end marker, the pipeline seals what is open and ends, the watchers read the rest, and the check compares.
package demo
