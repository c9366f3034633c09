package sinks

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// Outbox puts each result into a JetStream stream exactly once and in the order of its shard, whoever computes it and however often, without
// a window of deduplication.
//
// Results are stored in the state bucket of the pipeline together with the checkpoint behind them, in one atomic batch: of several
// owners of a shard only one wins that, and what another one has stays unseen. From there the server copies them to Stream, which has the bucket
// as a source. They leave the bucket once the stream has them, never by age. The price is time: a result waits
// for the next checkpoint (pipeline.Config.CheckpointEvery at the most, less when many wait).
//
// The subject is Name, the word of the verdict and Record.Path, joined with dots, as with Subject; of a result without a Path, Record.ID stands in
// for it, with dots for its slashes. Payload and headers are those of Subject. The order is that of the checkpoints: all results of one shard up to a
// position, then those up to the next.
//
// Where Stream cannot take results, because it was deleted or is full, they wait in the bucket, and beyond a bound the pipeline waits.
// A result is at most 700 KiB.
//
// Only a pipeline can write to an Outbox: the Writer that Open returns refuses records.
type Outbox struct {
	// Name is the first part of the subject: letters, digits, '-' and '_', in tokens joined with dots. It is required, and no other Write, also of
	// another pipeline, uses it with the same Stream.
	Name string
	// Stream is the stream that the results come to. It is made if it does not exist: file storage, direct get allowed. If it exists the
	// state bucket of the pipeline is added to its sources, and nothing else is changed. It is required. Nothing else
	// may be published there under Name.
	Stream string
	// Replicas is the number of copies of a stream that is made here; 0 means 1.
	Replicas int
}

// maxOutboxPayload leaves room for headers in an entry of a checkpoint, see there.
const maxOutboxPayload = 700 << 10

// Target returns "outbox ", the name and the stream.
func (s Outbox) Target() string { return "outbox " + s.Name + " in stream " + s.Stream }

// Token is the name of the outbox in keys of the state bucket: Name with slashes for dots.
func (s Outbox) Token() string { return strings.ReplaceAll(s.Name, ".", "/") }

// Message returns the message as which a result comes to the stream.
func (s Outbox) Message(r *Record) (*nats.Msg, error) {
	place := versioned(r)
	if r.Path == "" {
		place = strings.ReplaceAll(r.ID, "/", ".")
	}
	err := checkRecord(r)
	if err == nil {
		err = checkKey(&Record{Path: place})
	}
	if err == nil && len(r.Payload) > maxOutboxPayload {
		err = fmt.Errorf("of %d bytes is larger than an outbox takes (%d)", len(r.Payload), maxOutboxPayload)
	}
	if err != nil {
		return nil, permanent("sinks: %s: record %q: %v", s.Target(), r.ID, err)
	}
	m := nats.NewMsg(s.Name + "." + r.Verdict.String() + "." + place)
	describe(m.Header, r)
	m.Data = r.Payload
	return m, nil
}

// Open finds or makes the stream and has it source the state bucket of the pipeline.
func (s Outbox) Open(ctx context.Context, env Env) (Writer, error) {
	if err := s.check(); err != nil {
		return nil, err
	}
	js, err := open(s.Target(), env, s.Replicas)
	if err != nil {
		return nil, err
	}
	config, err := s.attach(ctx, js, env.Pipeline)
	if err != nil {
		return nil, fmt.Errorf("sinks: %s: %w", s.Target(), err)
	}
	warn(env, s.Target(), config)
	return outboxWriter{s.Target()}, nil
}

func (s Outbox) check() error {
	if s.Name == "" || s.Stream == "" {
		return errors.New("sinks: Outbox needs a Name, which the subjects of results begin with, and a Stream, which they come to")
	}
	for i := 0; i < len(s.Name); i++ {
		if c := s.Name[i]; !isAlphanumeric(c) && c != '_' && c != '-' && c != '.' {
			return fmt.Errorf("sinks: %s: the Name has %q: use letters, digits, '_' and '-' in tokens joined with dots", s.Target(), c)
		}
	}
	if err := checkTokens(s.Name); err != nil {
		return fmt.Errorf("sinks: %s: the Name %w", s.Target(), err)
	}
	return nil
}

// source is how the stream takes results from the state bucket.
func (s Outbox) source(pipeline string) *jetstream.StreamSource {
	return &jetstream.StreamSource{
		Name: "KV_calm_" + pipeline,
		SubjectTransforms: []jetstream.SubjectTransformConfig{{
			Source: "$KV.calm_" + pipeline + ".*.*.*.out." + s.Token() + ".>", Destination: s.Name + ".>",
		}},
	}
}

// attachments is how often a stream that others change at the same time is tried to be changed.
const attachments = 8

// attach makes the stream, or adds the source to it, and looks whether both are there now.
func (s Outbox) attach(ctx context.Context, js jetstream.JetStream, pipeline string) (config jetstream.StreamConfig, err error) {
	source := s.source(pipeline)
	for range attachments {
		stream, err := js.Stream(ctx, s.Stream)
		switch {
		case errors.Is(err, jetstream.ErrStreamNotFound):
			config = jetstream.StreamConfig{
				Name:        s.Stream,
				Description: "Results of calmstream",
				Sources:     []*jetstream.StreamSource{source},
				Storage:     jetstream.FileStorage,
				Replicas:    max(1, s.Replicas),
				AllowDirect: true,
			}
			if _, err := js.CreateStream(ctx, config); err != nil && !errors.Is(err, jetstream.ErrStreamNameAlreadyInUse) {
				return config, fmt.Errorf("making stream %q: %w", s.Stream, explain(err))
			}
			continue
		case err != nil:
			return config, fmt.Errorf("looking for stream %q: %w", s.Stream, explain(err))
		}
		config = stream.CachedInfo().Config
		if attached, err := s.attached(config, source); attached || err != nil {
			return config, err
		}
		changed := config
		changed.Sources = append(slices.Clone(config.Sources), source)
		if _, err := js.UpdateStream(ctx, changed); err != nil {
			return config, fmt.Errorf("adding %s to the sources of stream %q: %w", source.Name, s.Stream, explain(err))
		}
	}
	return config, fmt.Errorf("stream %q does not keep %s among its sources: who else changes it?", s.Stream, source.Name)
}

// attached says whether a stream has the source, and why it cannot have it if so.
func (s Outbox) attached(config jetstream.StreamConfig, source *jetstream.StreamSource) (bool, error) {
	all := s.Name + ".>"
	switch {
	case config.Mirror != nil:
		return false, fmt.Errorf("stream %q mirrors %q and can have no source: use another one", config.Name, config.Mirror.Name)
	case config.Sealed:
		return false, fmt.Errorf("stream %q is sealed and takes no messages: use another one", config.Name)
	case config.SubjectTransform != nil:
		return false, fmt.Errorf("stream %q renames subjects, so what has come to it is not found again: use another one", config.Name)
	case slices.ContainsFunc(config.Subjects, func(subject string) bool { return overlap(subject, all) }):
		return false, fmt.Errorf("stream %q takes %s, so that anyone may publish to %q: use one that does not take that", config.Name, quoted(config.Subjects), all)
	}
	want, found := source.SubjectTransforms[0], false
	for _, other := range config.Sources {
		for _, t := range other.SubjectTransforms {
			same := other.Name == source.Name && t.Source == want.Source
			found = found || same && t.Destination == want.Destination
			if !same && overlap(t.Destination, all) {
				return false, fmt.Errorf("stream %q has results of %s under %q already: give this outbox another Name", config.Name, other.Name, all)
			}
		}
		if len(other.SubjectTransforms) == 0 && (other.FilterSubject == "" || overlap(other.FilterSubject, all)) {
			return false, fmt.Errorf("stream %q sources %q, which may hold %q: use another stream", config.Name, other.Name, all)
		}
	}
	return found, nil
}

// overlap says whether a subject can match both patterns.
func overlap(a, b string) bool {
	as, bs := strings.Split(a, "."), strings.Split(b, ".")
	for i := range min(len(as), len(bs)) {
		switch {
		case as[i] == ">" || bs[i] == ">":
			return true
		case as[i] != bs[i] && as[i] != "*" && bs[i] != "*":
			return false
		}
	}
	return len(as) == len(bs)
}

// outboxWriter stands for the outbox where a Writer is asked for.
type outboxWriter struct{ target string }

func (w outboxWriter) Write(_ context.Context, records []Record) error {
	if len(records) == 0 {
		return nil
	}
	return permanent("sinks: %s: results come here with the checkpoints of a pipeline and in no other way", w.target)
}

func (outboxWriter) Close() error { return nil }
