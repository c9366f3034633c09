package jetstore

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// openStream finds or makes the stream of the bucket and checks it. The first request is one that changes nothing, so that
// a server that is too old is refused before anything is made on it.
func (s *Store) openStream(ctx context.Context, replicas int) (jetstream.Stream, error) {
	js, err := jetstream.New(s.conn)
	if err != nil {
		return nil, fmt.Errorf("jetstore: %w", err)
	}
	stream, err := js.Stream(ctx, s.name)
	if err != nil && !errors.Is(err, jetstream.ErrStreamNotFound) {
		return nil, s.explain("read the settings of", "$JS.API.STREAM.INFO."+s.name, err)
	}
	if tooOld := s.checkServer(); tooOld != nil {
		return nil, tooOld
	}
	if err != nil {
		stream, err = js.CreateStream(ctx, s.settings(replicas))
		if errors.Is(err, jetstream.ErrStreamNameAlreadyInUse) { // another worker was faster, with other replicas
			stream, err = js.Stream(ctx, s.name)
		}
	}
	if err != nil {
		return nil, s.explain("make", "$JS.API.STREAM.CREATE."+s.name, err)
	}
	cfg := stream.CachedInfo().Config
	if cfg.Replicas < replicas {
		s.log.Warn("the checkpoint bucket has fewer replicas than the pipeline asks for", "bucket", s.bucket,
			"replicas", cfg.Replicas, "wanted", replicas, "repair", fmt.Sprintf("nats stream edit %s --replicas=%d", s.name, replicas))
	}
	return stream, s.checkSettings(cfg)
}

// settings are those of a key-value bucket, and atomic batches.
func (s *Store) settings(replicas int) jetstream.StreamConfig {
	return jetstream.StreamConfig{
		Name:               s.name,
		Description:        "Checkpoints of a calmstream pipeline",
		Subjects:           []string{"$KV." + s.bucket + ".>"},
		Retention:          jetstream.LimitsPolicy,
		MaxConsumers:       -1,
		MaxMsgs:            -1,
		MaxBytes:           -1,
		MaxMsgSize:         -1,
		MaxMsgsPerSubject:  1,
		Discard:            jetstream.DiscardNew,
		Storage:            jetstream.FileStorage,
		Replicas:           replicas,
		Compression:        jetstream.S2Compression,
		DenyDelete:         true,
		AllowRollup:        true,
		AllowDirect:        true,
		AllowMsgTTL:        true,
		AllowAtomicPublish: true,
	}
}

// checkSettings refuses a bucket that would lose or refuse checkpoints. It names all that is wrong, and one command
// that repairs what can be repaired.
func (s *Store) checkSettings(cfg jetstream.StreamConfig) error {
	rules := []struct {
		ok    bool
		wrong string
		flag  string // of `nats stream edit`; empty if the setting cannot be changed
	}{
		{cfg.AllowAtomicPublish, "allow_atomic is off, so that a checkpoint cannot be committed", "--allow-batch"},
		{slices.Contains(cfg.Subjects, s.subject(">")), "subjects do not include " + s.subject(">"), "--subjects='" + s.subject(">") + "'"},
		{cfg.Discard == jetstream.DiscardNew, "discard is old, so that the server may drop checkpoints", "--discard=new"},
		{!cfg.DiscardNewPerSubject, "discard_new_per_subject is on, so that a fence cannot be replaced", "--no-discard-per-subject"},
		{cfg.MaxAge == 0, "max_age is set, so that checkpoints expire", "--max-age=0s"},
		{cfg.MaxMsgsPerSubject >= 1, "max_msgs_per_subject is unlimited, so that the bucket only grows", "--max-msgs-per-subject=1"},
		{cfg.MaxMsgSize <= 0, "max_msg_size is set, so that chunks may be refused", "--max-msg-size=-1"},
		{!cfg.DenyPurge, "deny_purge is on, so that old segments cannot be removed", ""},
		{!cfg.NoAck, "no_ack is on, so that commits are not acknowledged", "--ack"},
		{cfg.SubjectTransform == nil, "subject_transform is set, so that keys are renamed", "--no-transform"},
		{!cfg.Sealed, "it is sealed, so that it is read-only", ""},
		{cfg.Mirror == nil, "it is a mirror, so that it is read-only", ""},
		{cfg.Retention == jetstream.LimitsPolicy, "retention is not limits, so that reading removes checkpoints", ""},
		{cfg.Storage == jetstream.FileStorage, "storage is memory, so that a restart loses checkpoints", ""},
		{cfg.PersistMode == jetstream.DefaultPersistMode, "persist_mode is async, so that acknowledged checkpoints may be lost", ""},
		{!cfg.AllowMsgCounter, "allow_msg_counter is on, so that only counters can be stored", ""},
	}
	var wrong, flags []string
	final := false
	for _, r := range rules {
		if r.ok {
			continue
		}
		wrong = append(wrong, r.wrong)
		if r.flag == "" {
			final = true
		} else {
			flags = append(flags, r.flag)
		}
	}
	if len(wrong) == 0 {
		return nil
	}
	repair := "repair it with: nats stream edit " + s.name + " " + strings.Join(flags, " ")
	if final {
		repair = "that cannot be changed: give the pipeline another name, or, if nobody needs the bucket: nats stream rm " + s.name
	}
	return fmt.Errorf("%w: bucket %s: %s; %s", ErrSettings, s.bucket, strings.Join(wrong, "; "), repair)
}

// explain says what a failed request means for the person who starts the pipeline.
func (s *Store) explain(verb, subject string, err error) error {
	err = s.denied(subject, err)
	switch {
	case errors.Is(err, ErrServer):
		return err
	case errors.Is(err, nats.ErrNoResponders), errors.Is(err, jetstream.ErrJetStreamNotEnabled):
		return fmt.Errorf("%w: %s has no JetStream; start it with -js, or connect to one that has (%w)", ErrServer, s.conn.ConnectedUrlRedacted(), err)
	case errors.Is(err, jetstream.ErrJetStreamNotEnabledForAccount):
		return fmt.Errorf("%w: JetStream is off for this account; enable it in the server's configuration (%w)", ErrServer, err)
	}
	return fmt.Errorf("jetstore: cannot %s bucket %s (stream %s): %w", verb, s.bucket, s.name, Advise(err))
}

// Advise adds to an error of the server that is about a limit what can be done; other errors stay as they are.
func Advise(err error) error {
	switch {
	case codeOf(err) == codeTooManyStreams:
		return fmt.Errorf("%w; raise max_streams of the account, or remove a stream that nobody needs", err)
	case full(err):
		return fmt.Errorf("%w; raise the storage limits of the account and the server, or make room", err)
	}
	return err
}
