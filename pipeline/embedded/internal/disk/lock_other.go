//go:build !windows && !darwin && !dragonfly && !freebsd && !linux && !netbsd && !openbsd

package disk

import (
	"errors"
	"os"
)

// TryLock refuses to guess: without a lock two servers could destroy each other's messages.
func TryLock(*os.File) (bool, error) {
	return false, errors.ErrUnsupported
}
