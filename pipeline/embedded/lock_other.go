//go:build !windows && !darwin && !dragonfly && !freebsd && !linux && !netbsd && !openbsd

package embedded

import (
	"errors"
	"os"
)

// tryLock refuses to guess: without a lock two servers could destroy each other's messages.
func tryLock(*os.File) (bool, error) {
	return false, errors.ErrUnsupported
}
