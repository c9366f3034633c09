package query

import (
	"errors"

	"github.com/calmstream/calmstream/pipeline/internal/lookup"
)

// What a question meets.
var (
	// ErrNotRun is returned by Open if the pipeline has not run on the server in the version that asks.
	ErrNotRun = lookup.ErrNotRun
	// ErrGone is returned if the state that is asked for was sealed and handed on, or cannot be told from one that was.
	ErrGone = errors.New("query: the state is not there any more; what was sealed is where the pipeline writes its results")
	// ErrWindow is returned if the state has windows, and no instant says which of them is meant: see State.At.
	ErrWindow = errors.New("query: the state has windows; say which one with At")
	// ErrNever is returned by Await once the input has ended and the state will not change any more.
	ErrNever = errors.New("query: the input has ended, and the state has not come there")
)
