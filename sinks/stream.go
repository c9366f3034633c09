package sinks

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// open checks what every sink on NATS needs and returns the API of JetStream.
func open(target string, env Env, replicas int) (jetstream.JetStream, error) {
	if replicas < 0 {
		return nil, fmt.Errorf("sinks: %s: Replicas is %d: use 1, 3 or 5, or 0 for 1", target, replicas)
	}
	if env.Conn == nil {
		return nil, fmt.Errorf("sinks: %s: there is no NATS connection: set Env.Conn", target)
	}
	js, err := jetstream.New(env.Conn)
	if err != nil {
		return nil, fmt.Errorf("sinks: %s: %w", target, err)
	}
	return js, nil
}

// ensureStream makes the stream if it is missing and checks that it can take the subjects.
func ensureStream(ctx context.Context, js jetstream.JetStream, config jetstream.StreamConfig, subjects string) (jetstream.StreamConfig, error) {
	found, err := lookUpStream(ctx, js, config.Name, subjects)
	if !errors.Is(err, jetstream.ErrStreamNotFound) {
		return found, err
	}
	_, err = js.CreateStream(ctx, config)
	if err == nil || errors.Is(err, jetstream.ErrStreamNameAlreadyInUse) { // another worker was faster
		return lookUpStream(ctx, js, config.Name, subjects)
	}
	var api *jetstream.APIError
	if errors.As(err, &api) && api.ErrorCode == codeSubjectOverlap {
		return found, fmt.Errorf("stream %q cannot be made: another stream already takes some of %q; "+
			"set Stream to its name, or to nothing (%w)", config.Name, subjects, err)
	}
	return found, fmt.Errorf("making stream %q: %w", config.Name, explain(err))
}

// lookUpStream returns the configuration of a stream if it can take the subjects.
func lookUpStream(ctx context.Context, js jetstream.JetStream, name, subjects string) (jetstream.StreamConfig, error) {
	stream, err := js.Stream(ctx, name)
	if err != nil {
		return jetstream.StreamConfig{}, fmt.Errorf("looking for stream %q: %w", name, explain(err))
	}
	config := stream.CachedInfo().Config
	return config, checkStream(config, subjects)
}

// findStream returns the configuration of the stream that covers the subjects.
func findStream(ctx context.Context, js jetstream.JetStream, subjects string) (jetstream.StreamConfig, error) {
	lister := js.StreamNames(ctx, jetstream.WithStreamListSubject(subjects))
	var names []string
	for name := range lister.Name() { // to the end, or the lister's goroutine stays
		names = append(names, name)
	}
	if err := lister.Err(); err != nil {
		return jetstream.StreamConfig{}, fmt.Errorf("looking for a stream that covers %q: %w", subjects, explain(err))
	}
	var partial error
	for _, name := range names {
		config, err := lookUpStream(ctx, js, name, subjects)
		if err == nil {
			return config, nil
		}
		partial = err
	}
	if partial != nil {
		return jetstream.StreamConfig{}, partial
	}
	return jetstream.StreamConfig{}, fmt.Errorf("no stream covers %q: make one with `nats stream add RESULTS --subjects '%s' --defaults`, "+
		"or set Stream to have it made", subjects, subjects)
}

// checkStream tells why a stream cannot take results, if it cannot.
func checkStream(config jetstream.StreamConfig, subjects string) error {
	switch {
	case config.Mirror != nil:
		return fmt.Errorf("stream %q mirrors %q and takes no messages: name the origin", config.Name, config.Mirror.Name)
	case !coversAny(config.Subjects, subjects):
		return fmt.Errorf("stream %q takes %s, which does not cover %q: add it with `nats stream edit %s --subjects '%s'`",
			config.Name, quoted(config.Subjects), subjects, config.Name, strings.Join(append(config.Subjects[:len(config.Subjects):len(config.Subjects)], subjects), ","))
	case config.Sealed:
		return fmt.Errorf("stream %q is sealed and takes no messages: use another one", config.Name)
	case config.NoAck:
		return fmt.Errorf("stream %q does not acknowledge, so nobody would know what it has stored: use another one, or edit it with --ack", config.Name)
	case config.SubjectTransform != nil:
		return fmt.Errorf("stream %q renames subjects, so a result would not be found again where it was published: use another one", config.Name)
	}
	return nil
}

// warn logs what makes a stream forget results, after which they may show a second time.
func warn(env Env, target string, config jetstream.StreamConfig) {
	if env.Logger == nil {
		return
	}
	if config.Retention != jetstream.LimitsPolicy {
		env.Logger.Warn("sinks: the stream removes results that were consumed, so they may be stored a second time",
			"target", target, "stream", config.Name, "retention", config.Retention.String())
	}
	if config.MaxAge > 0 {
		env.Logger.Warn("sinks: the stream removes results by age, so one that is written later than that is stored a second time",
			"target", target, "stream", config.Name, "max_age", config.MaxAge)
	}
	if config.Discard == jetstream.DiscardOld && (config.MaxMsgs > 0 || config.MaxBytes > 0) {
		env.Logger.Warn("sinks: the stream removes its oldest results when it is full, so one that is written later than that is stored a second time; "+
			"with discard new it refuses instead, and the pipeline waits",
			"target", target, "stream", config.Name, "max_msgs", config.MaxMsgs, "max_bytes", config.MaxBytes)
	}
}

// explain puts into words the errors whose own text does not say what to do.
func explain(err error) error {
	var api *jetstream.APIError
	if errors.As(err, &api) {
		switch api.ErrorCode {
		case codeTooManyStreams:
			return fmt.Errorf("%w; raise max_streams of the account, or remove a stream that nobody needs", err)
		case codeAccountFull, codeServerFull, codeStorageFull:
			return fmt.Errorf("%w; raise the storage limits of the account and the server, or make room", err)
		}
	}
	switch {
	case errors.Is(err, nats.ErrNoResponders), errors.Is(err, jetstream.ErrJetStreamNotEnabled),
		errors.Is(err, jetstream.ErrJetStreamNotEnabledForAccount):
		return fmt.Errorf("JetStream does not answer: enable it for the server and the account (%w)", err)
	default:
		return err
	}
}

// coversAny reports whether one of the patterns takes every subject that "name.>" takes.
func coversAny(patterns []string, subjects string) bool {
	for _, p := range patterns {
		if covers(p, subjects) {
			return true
		}
	}
	return false
}

// covers reports whether every subject that inner matches is matched by outer. Both may have wildcards.
func covers(outer, inner string) bool {
	for {
		o, outerRest, outerMore := strings.Cut(outer, ".")
		i, innerRest, innerMore := strings.Cut(inner, ".")
		switch {
		case o == ">":
			return true
		case i == ">", o != "*" && o != i:
			return false
		case !outerMore || !innerMore:
			return outerMore == innerMore
		}
		outer, inner = outerRest, innerRest
	}
}

// checkTokens tells why s is not a sequence of literal subject tokens.
func checkTokens(s string) error {
	for token := range strings.SplitSeq(s, ".") {
		if token == "" || token == "*" || token == ">" {
			return fmt.Errorf("has the token %q, which no single subject has", token)
		}
	}
	for i := 0; i < len(s); i++ {
		if s[i] <= ' ' || s[i] == 0x7f {
			return fmt.Errorf("has %q, which subjects do not allow", s[i])
		}
	}
	return nil
}

func quoted(list []string) string {
	if len(list) == 0 {
		return "no subjects"
	}
	return fmt.Sprintf("%q", list)
}
