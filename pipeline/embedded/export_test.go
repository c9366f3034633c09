package embedded

import "context"

// StartWithFree is Start on a disk that has the given number of bytes left.
func StartWithFree(ctx context.Context, cfg Config, free uint64) (*Server, error) {
	return start(ctx, cfg, func(string) (uint64, bool) { return free, true })
}
