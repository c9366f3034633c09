package engine

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/calmstream/calmstream/pipeline/internal/checkpoint/jetstore"
	"github.com/calmstream/calmstream/pipeline/internal/emit"
	"github.com/calmstream/calmstream/sinks"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

const (
	// takenEvery is how often it is looked how far the streams of outboxes are.
	takenEvery = 250 * time.Millisecond
	// stuckAfter is after how many looks without progress a stream is asked whether it has its source.
	stuckAfter = 20
	// answerWait is how long an answer about a stream is waited for.
	answerWait = 5 * time.Second
)

// outbox is an outbox of the plan.
type outbox struct {
	sinks.Outbox
	progress emit.Progress
	stuck    int // looks without progress
}

// collectOutboxes finds the outboxes among the sinks. Two writes must not share one: their results would have the same subjects.
func (e *engine) collectOutboxes() error {
	e.outboxes = make(map[string]*outbox)
	for _, write := range e.Plan.Writes {
		sink, is := emit.AsOutbox(e.Sinks[write])
		if !is {
			continue
		}
		if e.outboxes[sink.Token()] != nil {
			return fmt.Errorf("write %s: another write has the outbox %q too; give each a Name of its own", write.Name, sink.Name)
		}
		e.outboxes[sink.Token()] = &outbox{Outbox: sink}
	}
	return nil
}

// progress returns where the shards are to say what they have stored.
func (e *engine) progress() map[string]*emit.Progress {
	all := make(map[string]*emit.Progress, len(e.outboxes))
	for token, o := range e.outboxes {
		all[token] = &o.progress
	}
	return all
}

// deliver looks how far the streams of the outboxes are, and removes from the bucket what they have. One worker of all is
// enough to remove; turn says whether it is this one.
func (e *engine) deliver(stop <-chan struct{}, turn func() bool) {
	if len(e.outboxes) == 0 {
		return
	}
	every(takenEvery, stop, func(ctx context.Context) {
		for _, o := range e.outboxes {
			if removes := turn(); removes || o.progress.Newest() > 0 {
				if _, err := e.look(ctx, o, removes); err != nil && ctx.Err() == nil {
					e.Logger.Debug("it is not known how far an outbox is", "outbox", o.Name, "stream", o.Stream, "error", err)
				}
			}
		}
	})
}

// deliverAll waits, when every shard has ended, until the streams of the outboxes have everything.
func (e *engine) deliverAll(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, e.Drain)
	defer cancel()
	ticker := time.NewTicker(takenEvery / 10)
	defer ticker.Stop()
	for _, o := range e.outboxes {
		for {
			owing, err := e.look(ctx, o, true)
			if err == nil && !owing {
				break
			}
			select {
			case <-ticker.C:
			case <-ctx.Done():
				e.Logger.Warn("the stream of an outbox does not have all results yet; they stay in the state bucket until it has", "outbox", o.Name, "stream", o.Stream, "error", err)
				return
			}
		}
	}
}

// look finds out how far the stream of an outbox is: by the newest message there that came from the bucket. What is stored below it is removed,
// if it is known that it is the same message which the bucket holds there: a stream also remembers sequences of a bucket that was made
// again since.
func (e *engine) look(ctx context.Context, o *outbox, removes bool) (owing bool, err error) {
	newest := o.progress.Newest()
	first, owing, err := e.store.FirstOutput(ctx, o.Token())
	if err != nil {
		return true, err
	}
	if !owing { // another worker has removed it
		o.stuck = 0
		o.progress.Reach(newest)
		return false, nil
	}
	id, through, err := e.taken(ctx, o)
	switch {
	case errors.Is(err, jetstream.ErrStreamNotFound):
		return true, e.reopen(ctx, o, removes)
	case err != nil:
		return true, err
	case through >= first:
		header, found, err := e.store.Output(ctx, through)
		if err != nil {
			return true, err
		}
		if !found || header.Get(sinks.IDHeader) != id {
			if o.stuck++; o.stuck%stuckAfter == 0 { // servers from 2.15 on find out by themselves
				e.Logger.Warn("the stream of an outbox goes by an earlier state bucket, so it passes over results of this one: use another stream", "outbox", o.Name, "stream", o.Stream, "sequence", through)
			}
			return true, nil
		}
		o.stuck = 0
		if removes {
			err = e.store.RemoveOutputs(ctx, o.Token(), through)
		}
		if err == nil {
			o.progress.Reach(through)
		}
		return true, err
	}
	o.progress.Reach(first - 1)
	if o.stuck++; o.stuck == stuckAfter {
		return true, e.reopen(ctx, o, removes)
	}
	return true, nil
}

// reopen makes the stream of an outbox, or the source in it, again.
func (e *engine) reopen(ctx context.Context, o *outbox, removes bool) error {
	if !removes { // another worker does
		return nil
	}
	o.stuck = 0
	e.Logger.Warn("results wait in the state bucket since the stream of their outbox does not take them: it is full, was deleted, or lost its source", "outbox", o.Name, "stream", o.Stream)
	w, err := o.Open(ctx, sinks.Env{Conn: e.Conn, Pipeline: e.Plan.Graph.Name, Logger: e.Logger})
	if err != nil {
		return err
	}
	return w.Close()
}

// newest returns the last message of a stream on the subjects. Its sequence is 0 if there is none.
func (e *engine) newest(ctx context.Context, stream, subjects string) (storedMessage, error) {
	ctx, cancel := context.WithTimeout(ctx, answerWait)
	defer cancel()
	return e.message(ctx, stream, struct {
		Last string `json:"last_by_subj"`
	}{subjects})
}

// resultsOf matches the results of this epoch in the stream of an outbox.
func (e *engine) resultsOf(o *outbox) string { return o.Name + ".*." + e.Plan.Epoch() + ".>" }

// written returns an outbox whose stream has results of this epoch, nil if there is none.
func (e *engine) written(ctx context.Context) (*outbox, error) {
	for _, token := range slices.Sorted(maps.Keys(e.outboxes)) {
		o := e.outboxes[token]
		m, err := e.newest(ctx, o.Stream, e.resultsOf(o))
		switch {
		case errors.Is(err, jetstream.ErrStreamNotFound):
		case err != nil:
			return nil, fmt.Errorf("engine: what stream %q has of an earlier run: %w", o.Stream, err)
		case m.Seq > 0:
			return o, nil
		}
	}
	return nil, nil
}

// taken returns the identity of the newest result in the stream of an outbox, and its revision in the bucket; 0 if there is none.
func (e *engine) taken(ctx context.Context, o *outbox) (id string, revision uint64, err error) {
	m, err := e.newest(ctx, o.Stream, o.Name+".>")
	if err != nil || m.Seq == 0 {
		return "", 0, err
	}
	header, err := nats.DecodeHeadersMsg(m.Header)
	if err != nil {
		return "", 0, fmt.Errorf("the headers of message %d of stream %q: %w", m.Seq, o.Stream, err)
	}
	from := strings.Fields(header.Get("Nats-Stream-Source")) // the stream, the sequence, and how they were matched
	if len(from) < 2 || from[0] != jetstore.StateStream(e.Plan.Graph.Name) {
		return "", 0, fmt.Errorf("message %d of stream %q did not come from %s, but from %q: let nothing else publish there", m.Seq, o.Stream, jetstore.StateStream(e.Plan.Graph.Name), from)
	}
	revision, err = strconv.ParseUint(from[1], 10, 64)
	if err != nil {
		return "", 0, fmt.Errorf("the source of message %d of stream %q: %w", m.Seq, o.Stream, err)
	}
	return header.Get(sinks.IDHeader), revision, nil
}
