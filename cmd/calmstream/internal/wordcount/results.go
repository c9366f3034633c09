package wordcount

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/calmstream/calmstream/sinks"
	"github.com/nats-io/nats.go/jetstream"
)

// ErrNotWhole is returned when results that were stored are not in their stream any more.
var ErrNotWhole = errors.New("wordcount: results are missing")

// patience is how long the next result may take to come.
const patience = 10 * time.Second

// Result is the count of a word.
type Result struct {
	// Key is the word and Value how often it occurs.
	Key   string `json:"key"`
	Value uint64 `json:"value"`
	// Verdict says what the count is worth and Window what it is about.
	Verdict string `json:"verdict"`
	Window  string `json:"window"`
}

// Results are those of a run that has ended.
type Results struct {
	// Words are in descending order of their counts, and in ascending order of bytes where these are equal.
	Words []Result
	// Unused counts the records that could not be used and that are therefore not in Words. They are in the stream
	// Names.DeadLetters with the reason.
	Unused uint64
}

// Collect reads the results of a run that Run has returned nil for. It takes memory for all of them.
func Collect(ctx context.Context, c Config) (results Results, err error) {
	fingerprint, err := Pipeline(c.Names, c.Shards).Fingerprint()
	if err != nil {
		return Results{}, err
	}
	js, err := jetstream.New(c.Conn)
	if err != nil {
		return Results{}, fmt.Errorf("wordcount: %w", err)
	}
	epoch := "e" + fingerprint
	err = patiently(ctx, c.Logger, func() (err error) {
		if results.Words, err = c.read(ctx, js, c.Names.ResultsSubject+".final."+epoch+".>"); err != nil {
			return err
		}
		results.Unused, err = c.unused(ctx, js, "calm.*."+c.Names.Pipeline+"."+epoch+".>")
		return err
	})
	if err != nil {
		return Results{}, err
	}
	slices.SortFunc(results.Words, func(a, b Result) int {
		return cmp.Or(cmp.Compare(b.Value, a.Value), cmp.Compare(a.Key, b.Key))
	})
	return results, nil
}

// read returns all results below a subject, and fails unless it gets as many as the stream holds.
func (c Config) read(ctx context.Context, js jetstream.JetStream, subject string) ([]Result, error) {
	if err := c.whole(ctx, js); err != nil {
		return nil, err
	}
	consumer, err := js.OrderedConsumer(ctx, c.Names.Results, jetstream.OrderedConsumerConfig{FilterSubjects: []string{subject}})
	if err != nil {
		return nil, fmt.Errorf("wordcount: reading stream %s: %w", c.Names.Results, err)
	}
	expected := consumer.CachedInfo().NumPending
	messages, err := consumer.Messages(jetstream.PullMaxMessagesWithBytesLimit(5000, 8<<20))
	if err != nil {
		return nil, fmt.Errorf("wordcount: reading stream %s: %w", c.Names.Results, err)
	}
	defer messages.Stop()
	words, seen := make([]Result, 0, expected), uint64(0)
	for uint64(len(words)) < expected {
		m, err := next(ctx, messages)
		if err != nil {
			return nil, fmt.Errorf("wordcount: stream %s holds %d results and only %d came: %w; run the same again to try again",
				c.Names.Results, expected, len(words), err)
		}
		seq, word, err := parse(m)
		if err != nil {
			return nil, err
		}
		if seq <= seen { // a reader that lost its connection may begin anew a little earlier
			continue
		}
		seen, words = seq, append(words, word)
	}
	return words, nil
}

func next(ctx context.Context, messages jetstream.MessagesContext) (jetstream.Msg, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	return messages.Next(jetstream.NextContext(ctx))
}

// whole fails if anything was ever removed from the stream of the results.
func (c Config) whole(ctx context.Context, js jetstream.JetStream) error {
	ctx, cancel := context.WithTimeout(ctx, answerWait)
	defer cancel()
	stream, err := js.Stream(ctx, c.Names.Results)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		return fmt.Errorf("%w: stream %s was deleted; restore it, or begin anew with another --run", ErrNotWhole, c.Names.Results)
	}
	if err != nil {
		return fmt.Errorf("wordcount: looking for stream %s: %w", c.Names.Results, err)
	}
	if s := stream.CachedInfo().State; s.Msgs != s.LastSeq {
		return fmt.Errorf("%w: stream %s has taken %d results and holds %d; restore it, or begin anew with another --run",
			ErrNotWhole, c.Names.Results, s.LastSeq, s.Msgs)
	}
	return nil
}

// parse reads one result.
func parse(m jetstream.Msg) (seq uint64, word Result, err error) {
	meta, err := m.Metadata()
	if err != nil {
		return 0, word, fmt.Errorf("wordcount: a result on %s has no place in its stream: %w", m.Subject(), err)
	}
	var payload counted
	if err := json.Unmarshal(m.Data(), &payload); err != nil {
		return 0, word, fmt.Errorf("wordcount: %s does not hold a count: %w", m.Subject(), err)
	}
	h := m.Headers()
	word = Result{Key: payload.Key, Value: payload.Value, Verdict: h.Get(sinks.VerdictHeader), Window: h.Get(sinks.WindowHeader)}
	return meta.Sequence.Stream, word, nil
}

// unused counts the messages on a subject of the dead letters.
func (c Config) unused(ctx context.Context, js jetstream.JetStream, subject string) (n uint64, err error) {
	ctx, cancel := context.WithTimeout(ctx, answerWait)
	defer cancel()
	stream, err := js.Stream(ctx, c.Names.DeadLetters)
	if err != nil {
		return 0, fmt.Errorf("wordcount: looking for records that could not be used in stream %s: %w", c.Names.DeadLetters, err)
	}
	info, err := stream.Info(ctx, jetstream.WithSubjectFilter(subject))
	if err != nil {
		return 0, fmt.Errorf("wordcount: looking for records that could not be used in stream %s: %w", c.Names.DeadLetters, err)
	}
	for _, count := range info.State.Subjects {
		n += count
	}
	return n, nil
}
