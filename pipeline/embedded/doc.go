// Package embedded runs a NATS server with JetStream inside the process, for a program that was given
// no NATS address: a worker binary on a laptop, an edge box, a test.
//
//	srv, err := embedded.Start(ctx, embedded.Config{Dir: "data"})
//	if err != nil {
//		return err
//	}
//	defer srv.Close()
//	nc, err := srv.Conn()
//
// The server is a single node (streams have one replica) and keeps its files in Config.Dir. What it has
// acknowledged survives the death of the process; whether it survives a power cut is Config.SyncAlways.
//
// # One process per directory
//
// Two servers on one directory would both start and silently lose each other's messages. Start
// therefore locks the file LOCK in the directory first, and a second Start on it fails with ErrLocked, in this
// process or in another. The operating system frees the lock when its holder ends, however it
// ends; the file itself stays and means nothing by its presence. The lock does not
// stop a nats-server that somebody starts by hand on the same directory.
//
// # What it does not do
//
// It installs no signal handler, reads no configuration file, and asks for no credentials: whoever reaches
// Config.Listen may do everything, so listen on a loopback address or run a real server.
package embedded
