package wordcount

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// ErrStreamGone is returned when a run has checkpoints, but its input or its results do not exist any more.
var ErrStreamGone = errors.New("wordcount: a stream of the run is gone")

// answerWait is how long the server may take for one question.
const answerWait = 10 * time.Second

// prepare refuses to go on with a run that has lost a stream, and makes the stream of the results for a new one.
//
// A stream that is made again is empty, and a run that has ended would not fill it again: the loss would show as a word
// count without words. So the streams of a run exist before its checkpoints do, and are looked for after them.
func (c Config) prepare(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, answerWait)
	defer cancel()
	js, err := jetstream.New(c.Conn)
	if err != nil {
		return fmt.Errorf("wordcount: %w", err)
	}
	known, err := exists(ctx, js, c.Names.Checkpoints)
	if err != nil {
		return err
	}
	if !known {
		return c.makeResults(ctx, js)
	}
	return c.present(ctx, js)
}

// reason returns why a run has failed: that a stream of it is gone, if one is, and not what followed from that. So it
// says what the next start would say.
func (c Config) reason(ctx context.Context, err error) error {
	ctx, cancel := context.WithTimeout(ctx, answerWait)
	defer cancel()
	js, failed := jetstream.New(c.Conn)
	if failed != nil {
		return err
	}
	if known, failed := exists(ctx, js, c.Names.Checkpoints); failed != nil || !known {
		return err
	}
	if gone := c.present(ctx, js); errors.Is(gone, ErrStreamGone) {
		return gone
	}
	return err
}

// present fails with ErrStreamGone if a stream is gone of a run that has checkpoints.
func (c Config) present(ctx context.Context, js jetstream.JetStream) error {
	for _, stream := range []string{c.Names.Source, c.Names.Results} {
		there, err := exists(ctx, js, stream)
		if err != nil {
			return err
		}
		if !there {
			return fmt.Errorf("%w: stream %s was deleted, and run %s has checkpoints that are about it; restore the stream, or begin anew with another --run",
				ErrStreamGone, stream, c.Names.Run)
		}
	}
	return nil
}

func exists(ctx context.Context, js jetstream.JetStream, stream string) (bool, error) {
	_, err := js.Stream(ctx, stream)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("wordcount: looking for stream %s: %w", stream, err)
	}
	return true, nil
}

// makeResults makes the stream of the results. Nothing can be removed from it, short of deleting it.
func (c Config) makeResults(ctx context.Context, js jetstream.JetStream) error {
	_, err := js.CreateStream(ctx, jetstream.StreamConfig{
		Name:        c.Names.Results,
		Description: "results of a calmstream run",
		Subjects:    []string{c.Names.ResultsSubject + ".>"},
		Storage:     jetstream.FileStorage,
		Discard:     jetstream.DiscardNew,
		DenyDelete:  true,
		DenyPurge:   true,
		AllowDirect: true,
	})
	if err != nil && !errors.Is(err, jetstream.ErrStreamNameAlreadyInUse) {
		return fmt.Errorf("wordcount: making stream %s: %w", c.Names.Results, err)
	}
	return nil
}
