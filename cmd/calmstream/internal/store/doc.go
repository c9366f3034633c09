// Package store gives a command its NATS server: one that runs elsewhere, or one inside the process, on a directory.
//
//	place := store.Config{URL: *url, Dir: *dir, Logger: logger}
//	st, err := store.Open(ctx, place)
//	if err != nil {
//		return err
//	}
//	defer st.Close()
//	use(st.Conn())
//
// Without a URL the server is an embedded one. It runs in Config.Dir, which it locks, or in a temporary directory that Close
// deletes. A process that is killed leaves its temporary directory behind, for the system to clean up.
//
// No error and no log line of this package holds a password or a token: of an address only host and port are shown.
package store
