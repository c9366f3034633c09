package embedded

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/calmstream/calmstream/pipeline/embedded/internal/disk"
)

// lockName is the file in the directory that carries the lock and, for the error message, the process id of its holder.
const lockName = "LOCK"

// minFree is the least free space to start with, in bytes. JetStream stops accepting messages in
// the middle of a block when the disk is full, so it must not begin at the edge.
const minFree = 64 << 20

// prepareDir makes sure that dir is a directory. The lock, which is a write, then tells whether it can be used.
func prepareDir(dir string) error {
	info, err := os.Stat(dir)
	switch {
	case err == nil && info.IsDir():
		return nil
	case err == nil:
		return fmt.Errorf("embedded: %q is a file, and not a directory; move the file away or name another path", dir)
	case !errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("embedded: cannot look at the directory %q: %w; name another one", dir, reason(err))
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("embedded: cannot create the directory %q: %w; name one that this process may create", dir, reason(err))
	}
	return nil
}

// dirLock is the lock on a directory: an open file that the operating system has locked for this process.
type dirLock struct {
	file *os.File
}

// lockDir takes the lock or fails at once with ErrLocked.
func lockDir(dir string) (*dirLock, error) {
	file, err := os.OpenFile(filepath.Join(dir, lockName), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("embedded: cannot write in the directory %q: %w; make it writable or name another one", dir, reason(err))
	}
	taken, err := disk.TryLock(file)
	if err == nil && taken {
		err = writePID(file)
	}
	switch {
	case err != nil:
		err = fmt.Errorf("embedded: cannot lock the directory %q: %w; name one on a local disk", dir, reason(err))
	case !taken:
		err = fmt.Errorf("embedded: %w: %q is in use by a server in %s; stop it, or give this one a directory of its own",
			ErrLocked, dir, holder(file))
	default:
		return &dirLock{file: file}, nil
	}
	return nil, errors.Join(err, file.Close())
}

// release frees the lock by closing the file. The file stays: removing it would let a process that has
// opened it already and one that makes it anew both hold "the" lock.
func (l *dirLock) release() {
	// Without a process id, a reader in the moment before the next holder has written its own says
	// "another process" and not a wrong number. Neither failure here can be acted on: the
	// descriptor is gone either way, and with it the lock.
	_ = l.file.Truncate(0)
	_ = l.file.Close()
}

// writePID replaces the content of the lock file by the id of this process.
func writePID(file *os.File) error {
	if err := file.Truncate(0); err != nil {
		return err
	}
	_, err := file.WriteAt([]byte(strconv.Itoa(os.Getpid())+"\n"), 0)
	return err
}

// holder names the process that holds the lock, as well as the file tells.
func holder(file *os.File) string {
	var buf [20]byte
	n, _ := file.ReadAt(buf[:], 0) // io.EOF is the rule here, and an unreadable file is an unknown holder
	pid, err := strconv.Atoi(strings.TrimSpace(string(buf[:n])))
	switch {
	case err != nil || pid <= 0:
		return "another process"
	case pid == os.Getpid():
		return fmt.Sprintf("this process (pid %d)", pid)
	}
	return fmt.Sprintf("process %d", pid)
}

// freeFunc returns the bytes that this process may still write below dir. It returns ok false where the
// operating system does not say.
type freeFunc func(dir string) (free uint64, ok bool)

// checkFree fails with ErrDiskFull if less than minFree is free.
func checkFree(dir string, free freeFunc) error {
	n, ok := free(dir)
	if !ok || n >= minFree {
		return nil
	}
	return fmt.Errorf("embedded: %w: %d MiB are left for %q and at least %d MiB are needed; free some or name a directory on another disk",
		ErrDiskFull, n>>20, dir, minFree>>20)
}
