package feed

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

const (
	headerDigest = "Calm-Digest"
	headerSeal   = "Calm-Seal"
	headerCount  = "Calm-Count"
	sealEnd      = "end"

	metaFormat = "calm-feed-format"
	metaShards = "calm-feed-shards"
)

// source is the source stream as its leader has it.
type source struct {
	config  Config
	js      jetstream.JetStream
	stream  jetstream.Stream // set by last
	created time.Time        // zero until the stream has been seen
	seen    uint64           // the highest last sequence that was seen
}

// errRewound says that the stream is shorter than it was. That is loss, or the answer of a server that does
// not know yet that it is no longer the leader.
var errRewound = errors.New("it is shorter than it was")

// last returns the sequence of the last stored message. It makes the stream if there never was one,
// and makes sure that it is laid out as this feed needs it and still holds everything.
func (s *source) last(ctx context.Context) (uint64, error) {
	ctx, cancel := context.WithTimeout(ctx, s.config.answerWait())
	defer cancel()
	stream, err := s.open(ctx)
	if err != nil {
		return 0, err
	}
	s.stream = stream
	info := stream.CachedInfo()
	if err := s.config.fits(info.Config); err != nil {
		return 0, err
	}
	state := info.State
	switch {
	case !s.created.IsZero() && !s.created.Equal(info.Created):
		return 0, s.broken("was deleted and made again while it was being fed")
	case state.LastSeq > 0 && (state.FirstSeq != 1 || state.Msgs != state.LastSeq):
		return 0, s.broken(fmt.Sprintf("holds %d messages, from sequence %d to %d: some were removed", state.Msgs, state.FirstSeq, state.LastSeq))
	case state.LastSeq < s.seen:
		return 0, fmt.Errorf("%w: %w", s.broken(fmt.Sprintf("ends at sequence %d and has ended at %d", state.LastSeq, s.seen)), errRewound)
	}
	s.created, s.seen = info.Created, state.LastSeq
	return state.LastSeq, nil
}

// open asks the leader for the stream, and makes it if there never was one.
func (s *source) open(ctx context.Context) (jetstream.Stream, error) {
	stream, err := s.js.Stream(ctx, s.config.Stream)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		if !s.created.IsZero() {
			return nil, s.broken("was deleted while it was being fed")
		}
		stream, err = s.js.CreateStream(ctx, s.config.stream())
		if errors.Is(err, jetstream.ErrStreamNameAlreadyInUse) { // someone else was faster
			stream, err = s.js.Stream(ctx, s.config.Stream)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("feed: opening stream %s: %w", s.config.Stream, err)
	}
	return stream, nil
}

func (s *source) broken(what string) error {
	return fmt.Errorf("%w: stream %s %s; restore the stream, or begin anew with another --run", ErrNotWhole, s.config.Stream, what)
}

// stored is what a stored message says about itself.
type stored struct {
	digest string
	end    bool
}

// get reads the message at seq from the leader: the stream does not allow direct reads from replicas.
func (s *source) get(ctx context.Context, seq uint64) (stored, error) {
	ctx, cancel := context.WithTimeout(ctx, s.config.answerWait())
	defer cancel()
	m, err := s.stream.GetMsg(ctx, seq)
	if err != nil {
		return stored{}, fmt.Errorf("feed: reading message %d of stream %s: %w", seq, s.config.Stream, err)
	}
	found := stored{digest: m.Header.Get(headerDigest), end: m.Header.Get(headerSeal) == sealEnd}
	if found.digest == "" {
		return stored{}, s.config.unfit(fmt.Sprintf("message %d has no %s header, so that something else has published it", seq, headerDigest))
	}
	return found, nil
}

// stream is the stream as it is made.
func (c Config) stream() jetstream.StreamConfig {
	return jetstream.StreamConfig{
		Name:        c.Stream,
		Description: "input of a calmstream run",
		Subjects:    []string{c.Subject + ".*"},
		Retention:   jetstream.LimitsPolicy,
		Storage:     jetstream.FileStorage,
		Replicas:    c.Replicas,
		Discard:     jetstream.DiscardNew,
		DenyDelete:  true,
		DenyPurge:   true,
		Metadata:    map[string]string{metaFormat: strconv.Itoa(format), metaShards: strconv.Itoa(c.Shards)},
	}
}

// fits says whether a stream that exists is one that this feed can go on with. Replicas, placement and
// limits that refuse rather than drop are the operator's.
func (c Config) fits(got jetstream.StreamConfig) error {
	want := c.stream()
	version, shards := got.Metadata[metaFormat], got.Metadata[metaShards]
	switch {
	case version == "" || shards == "":
		return c.unfit("it was made by something else than a feed")
	case version != want.Metadata[metaFormat]:
		return c.unfit(fmt.Sprintf("its format is %s, and this program knows format %d", version, format))
	case shards != want.Metadata[metaShards]:
		return fmt.Errorf("%w: stream %s: it was fed for %s shards, and this run is for %d; use --shards %s, or another --run",
			ErrLayout, c.Stream, shards, c.Shards, shards)
	case !slices.Equal(got.Subjects, want.Subjects):
		return c.unfit(fmt.Sprintf("its subjects are %q, and this run needs %q", got.Subjects, want.Subjects))
	case got.Mirror != nil || len(got.Sources) > 0 || got.SubjectTransform != nil:
		return c.unfit("it takes messages from elsewhere or changes their subjects")
	case got.Retention != want.Retention || got.Discard != want.Discard || got.MaxAge > 0 || got.MaxMsgsPerSubject > 0 || !got.DenyPurge || !got.DenyDelete:
		return c.unfit("its limits let messages disappear")
	}
	return nil
}

func (c Config) unfit(why string) error {
	return fmt.Errorf("%w: stream %s: %s; delete or restore it, or use another --run", ErrLayout, c.Stream, why)
}
