package sinks

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/nats-io/nats.go/jetstream"
)

// Subject publishes results to a JetStream subject, one message a result.
//
// The subject is Name, the word of the verdict, and Record.Path if there is one, joined with dots: a
// reader of final results subscribes to "<Name>.final.>". The payload is the result; the rest is in
// the headers (IDHeader and its neighbours).
//
// A result with a Path is created once: while its first message is in the stream, it is there exactly
// once whoever writes it and however often, and a different result on the same path is refused with
// a ConflictError. A result without a Path is published with Nats-Msg-Id set to its ID, which only saves
// what the stream can notice within its duplicate window (two minutes by default): beyond that
// it is delivered at least once and readers compare IDs.
//
// Lower bounds of one thing have a subject each, which ends in "v" and their Version.
//
// A stream with limits (age, size, messages per subject) forgets results and then takes them again.
type Subject struct {
	// Name is the first part of the subject, without wildcards. It is required.
	Name string
	// Stream is the stream that stores "<Name>.>". It is made if it does not exist: file storage, direct get
	// allowed. If it exists it is left as it is and must cover that subject. If Stream is empty, one
	// that covers the subject must exist.
	Stream string
	// Replicas is the number of copies of a stream that is made here; 0 means 1.
	Replicas int
}

// Target returns "subject " and the name.
func (s Subject) Target() string { return "subject " + s.Name }

// Open finds or makes the stream.
func (s Subject) Open(ctx context.Context, env Env) (Writer, error) {
	if s.Name == "" {
		return nil, errors.New("sinks: Subject has no Name: set the subject that results go to")
	}
	if err := checkTokens(s.Name); err != nil {
		return nil, fmt.Errorf("sinks: %s: the Name %w: use plain tokens joined with dots", s.Target(), err)
	}
	js, err := open(s.Target(), env, s.Replicas)
	if err != nil {
		return nil, err
	}
	stream, err := s.stream(ctx, js)
	if err != nil {
		return nil, fmt.Errorf("sinks: %s: %w", s.Target(), err)
	}
	warn(env, s.Target(), stream)
	return newPublisher(env.Conn, s.Target(), stream.Name, s.address)
}

// stream returns the configuration of the stream that takes the results.
func (s Subject) stream(ctx context.Context, js jetstream.JetStream) (jetstream.StreamConfig, error) {
	all := s.Name + ".>"
	if s.Stream == "" {
		return findStream(ctx, js, all)
	}
	config := jetstream.StreamConfig{
		Name:        s.Stream,
		Description: "Results of calmstream",
		Subjects:    []string{all},
		Storage:     jetstream.FileStorage,
		Replicas:    max(1, s.Replicas),
		AllowDirect: true,
	}
	return ensureStream(ctx, js, config, all)
}

// versioned returns the path of a record with its version, if it has one: each version is created once.
func versioned(r *Record) string {
	if r.Version == 0 {
		return r.Path
	}
	return r.Path + ".v" + versionText(r.Version)
}

// versionText is a version as it stands in the header; none is empty.
func versionText(version uint64) string {
	if version == 0 {
		return ""
	}
	return strconv.FormatUint(version, 10)
}

// address returns the subject of a record.
func (s Subject) address(r *Record) (string, error) {
	if r.Path == "" {
		return s.Name + "." + r.Verdict.String(), nil
	}
	if err := checkTokens(r.Path); err != nil {
		return "", fmt.Errorf("the Path %q %w", r.Path, err)
	}
	return s.Name + "." + r.Verdict.String() + "." + versioned(r), nil
}
