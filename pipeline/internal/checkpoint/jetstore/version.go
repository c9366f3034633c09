package jetstore

import (
	"fmt"
	"strconv"
	"strings"
)

// minLevel is the JetStream API level that has atomic batches.
const minLevel = 2

// checkServer refuses a server that is too old. A server without JetStream of its own passes requests on to others, which it
// does not know the versions of; then the settings that come back from them must do.
func (s *Store) checkServer() error {
	own, level := s.conn.ConnectedServerJetStream()
	if !own {
		return nil
	}
	version := s.conn.ConnectedServerVersion()
	if level < minLevel || !supported(version) {
		return fmt.Errorf("%w: %s runs nats-server %s with JetStream API level %d; needed are 2.12.15, 2.14.4, 2.15 or later, and level %d",
			ErrServer, s.conn.ConnectedUrlRedacted(), version, level, minLevel)
	}
	return nil
}

// supported reports whether the version has atomic batches that work: earlier ones compare the wrong subjects,
// fail on replicas, or damage compressed blocks. There is no 2.13.
func supported(version string) bool {
	core, _, _ := strings.Cut(strings.TrimPrefix(version, "v"), "-")
	parts := strings.Split(core, ".")
	if len(parts) != 3 {
		return false
	}
	var n [3]int
	for i, p := range parts {
		v, err := strconv.Atoi(p)
		if err != nil {
			return false
		}
		n[i] = v
	}
	switch {
	case n[0] != 2:
		return n[0] > 2
	case n[1] == 12:
		return n[2] >= 15
	case n[1] == 14:
		return n[2] >= 4
	}
	return n[1] >= 15
}
