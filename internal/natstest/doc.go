// Package natstest runs real nats-servers with JetStream inside a test.
//
//	server := natstest.Run(t)
//	js := server.JetStream(t)
//
// A Server keeps its files in a directory of the test and listens on a free port of the loopback
// interface, so that tests run in parallel. Everything is shut down, and waited for, when the test ends.
// RunCluster does the same with several servers that replicate to each other. A failure to start
// or to connect ends the test.
package natstest
