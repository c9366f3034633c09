package embedded

import (
	"errors"
	"io/fs"
)

// Errors of Start. Each is wrapped in a sentence that names the directory and what to do.
var (
	// ErrLocked is returned when a running server holds the directory.
	ErrLocked = errors.New("the directory is locked")
	// ErrDiskFull is returned when too little space is free for a server to start safely.
	ErrDiskFull = errors.New("too little free disk space")
)

// ErrClosed is returned by Conn after Close.
var ErrClosed = errors.New("embedded: the server is closed")

// reason strips the operation and the path from a file error, since our sentences name both already.
func reason(err error) error {
	var pathErr *fs.PathError
	if errors.As(err, &pathErr) {
		return pathErr.Err
	}
	return err
}
