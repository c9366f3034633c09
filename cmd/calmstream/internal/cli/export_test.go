package cli

import (
	"context"
	"io"
)

// Dispatch is Main without signals and with any streams.
func Dispatch(ctx context.Context, args []string, stdout, stderr io.Writer, live bool) int {
	return dispatch(ctx, args, streams{out: stdout, err: stderr, live: live})
}

// ErrInterrupt is the cause of a context that SIGINT has ended.
var ErrInterrupt error = stoppedBy{2}
