// Package wordcount is the word count that calmstream ships with: it feeds files into a stream, runs a pipeline
// over it, and returns every word with its final count.
//
//	files -> feed -> WC_IN_<run> -> words -> count by word -> seal at the end of input -> WC_OUT_<run> -> Collect
//
// Everything that belongs to a run has the run's name in its own, so that several runs live on one server. Whoever
// starts the same run on the same input again goes on where it stopped, however it stopped; any number of
// processes may do so at once, and all return the same.
package wordcount
