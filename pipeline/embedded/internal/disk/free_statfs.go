//go:build darwin || dragonfly || freebsd || linux

package disk

import "syscall"

// Free asks the file system of dir. It counts what an ordinary user may take, without the reserve of root.
func Free(dir string) (free uint64, ok bool) {
	var stat syscall.Statfs_t
	if err := syscall.Statfs(dir, &stat); err != nil {
		return 0, false
	}
	blocks := int64(stat.Bavail) // unsigned on Linux and Darwin; signed on the BSDs, and negative when only the reserve of root is left
	if blocks < 0 {
		return 0, true
	}
	return uint64(blocks) * uint64(stat.Bsize), true
}
