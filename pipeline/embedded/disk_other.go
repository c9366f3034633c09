//go:build !windows && !darwin && !dragonfly && !freebsd && !linux

package embedded

// freeDisk does not know on this system; the server then finds out when a write fails.
func freeDisk(string) (free uint64, ok bool) {
	return 0, false
}
