package query

import (
	"errors"

	"github.com/calmstream/calmstream/pipeline/internal/lookup"
)

// What a question meets.
var (
	// ErrNotRun is returned by Open if the pipeline has not run on the server in the version that asks.
	ErrNotRun = lookup.ErrNotRun
	// ErrNoWorker is wrapped if no worker has answered, and nothing else was to be asked.
	ErrNoWorker = errors.New("query: no worker answers; one does that runs the shard with pipeline.Config.Queries")
	// ErrBehind is wrapped if who answers is behind what a worker has answered before to the same State, so that the answer could take that
	// back. A worker that runs comes there again: it reads the same log.
	ErrBehind = errors.New("query: what is there is behind an answer that a worker has given before")
	// ErrGone is returned if the state that is asked for was sealed and handed on, or cannot be told from one that was.
	ErrGone = errors.New("query: the state is not there any more; what was sealed is where the pipeline writes its results")
	// ErrWindow is returned if the state has windows, and no instant says which of them is meant: see State.At.
	ErrWindow = errors.New("query: the state has windows; say which one with At")
	// ErrNever is returned by Await once the input has ended and the state will not change any more.
	ErrNever = errors.New("query: the input has ended, and the state has not come there")
)
