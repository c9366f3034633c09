package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/calmstream/calmstream/pipeline/internal/checkpoint/jetstore"
	"github.com/calmstream/calmstream/pipeline/internal/emit"
	"github.com/nats-io/nats.go/jetstream"
)

// ExchangeStream is the stream of the records on their way between the stages of a pipeline.
func ExchangeStream(pipeline string) string { return "CALM_X_" + pipeline }

// ExchangeConfig is how that stream is made.
func ExchangeConfig(pipeline string, replicas int) jetstream.StreamConfig {
	return jetstream.StreamConfig{
		Name:        ExchangeStream(pipeline),
		Description: "calmstream " + pipeline + ": records on their way between stages",
		Subjects:    []string{"calm.x." + pipeline + ".>"},
		Discard:     jetstream.DiscardNew, // refuse rather than lose
		Storage:     jetstream.FileStorage,
		Replicas:    max(1, replicas),
	}
}

func deadStream(pipeline string) string { return "CALM_DLQ_" + pipeline }

// sealAge is how long certificates are kept, unless the operator of the server changes their stream.
const sealAge = 30 * 24 * time.Hour

// makeStreams makes the streams that belong to the pipeline.
func (e *engine) makeStreams(ctx context.Context) error {
	name := e.Plan.Graph.Name
	configs := []jetstream.StreamConfig{{
		Name:        deadStream(name),
		Description: "calmstream " + name + ": records that could not be used or came late",
		Subjects:    []string{emit.DeadSubject(name) + ".>", emit.LateSubject(name) + ".>"},
		AllowDirect: true,
	}}
	if e.Plan.Certified() {
		configs = append(configs, e.sealStream())
	}
	for _, stage := range e.Plan.Stages {
		if stage.Exchanged() {
			configs = append(configs, ExchangeConfig(name, e.Replicas))
			break
		}
	}
	for _, cfg := range configs {
		if err := e.makeStream(ctx, cfg); err != nil {
			return err
		}
	}
	return nil
}

// sealStream is the stream of certificates.
func (e *engine) sealStream() jetstream.StreamConfig {
	name := e.Plan.Graph.Name
	return jetstream.StreamConfig{
		Name:        emit.SealStream(name),
		Description: "calmstream " + name + ": certificates of what was sealed",
		Subjects:    []string{emit.SealSubject(name) + ".>"},
		AllowDirect: true,
		MaxAge:      sealAge,
	}
}

// makeStream makes a stream, unless there is one of that name.
func (e *engine) makeStream(ctx context.Context, cfg jetstream.StreamConfig) error {
	cfg.Storage, cfg.Replicas = jetstream.FileStorage, max(1, e.Replicas)
	_, err := e.js.CreateStream(ctx, cfg)
	if errors.Is(err, jetstream.ErrStreamNameAlreadyInUse) { // made by an earlier version, or changed by its operator
		var stream jetstream.Stream
		if stream, err = e.js.Stream(ctx, cfg.Name); err == nil && cfg.Name == ExchangeStream(e.Plan.Graph.Name) {
			return e.checkExchange(stream.CachedInfo().Config)
		}
	}
	if err != nil {
		return fmt.Errorf("the stream %s (subjects %v) cannot be made: %w", cfg.Name, cfg.Subjects, jetstore.Advise(err))
	}
	return nil
}

// leastPerSender is the least that an exchange with a limit must hold for each shard that sends: as much as one has under way.
const leastPerSender = 16 << 20

// checkExchange refuses settings of the exchange, changed by hand, that would lose records or come to a standstill.
func (e *engine) checkExchange(cfg jetstream.StreamConfig) error {
	var wrong, flags []string
	for _, rule := range []struct {
		ok          bool
		wrong, flag string
	}{
		{cfg.Discard == jetstream.DiscardNew, "discard is old, so that the server may drop what was not received", "--discard=new"},
		{cfg.MaxAge == 0, "max_age is set, so that what was not received expires", "--max-age=0s"},
		{cfg.MaxMsgsPerSubject <= 0, "max_msgs_per_subject is set, so that a shard that is behind comes to a standstill or loses records", "--max-msgs-per-subject=-1"},
		{cfg.Retention == jetstream.LimitsPolicy, "retention is not limits, so that the first reader takes records from the others", ""},
		{cfg.SubjectTransform == nil, "subject_transform is set, so that records go elsewhere", "--no-transform"},
		{!cfg.NoAck, "no_ack is on, so that nobody knows what is stored", "--ack"},
		{!cfg.Sealed && cfg.Mirror == nil, "it is read-only", ""},
	} {
		if !rule.ok {
			wrong, flags = append(wrong, rule.wrong), append(flags, rule.flag)
		}
	}
	if least := int64(e.resenders()) * leastPerSender; cfg.MaxBytes > 0 && cfg.MaxBytes < least {
		wrong = append(wrong, fmt.Sprintf("max_bytes is %d, so that it can fill up with what a stage cannot take before it has sent on, which then waits for ever", cfg.MaxBytes))
		flags = append(flags, fmt.Sprintf("--max-bytes=%d", least))
	}
	if len(wrong) == 0 {
		return nil
	}
	repair := fmt.Sprintf("repair it with: nats stream edit %s %s", cfg.Name, strings.Join(flags, " "))
	if slices.Contains(flags, "") {
		repair = "that cannot be changed: give the pipeline another name, or, if nobody needs the stream: nats stream rm " + cfg.Name
	}
	return fmt.Errorf("%w: stream %s: %s; %s", errExchange, cfg.Name, strings.Join(wrong, "; "), repair)
}

// errExchange is returned when the exchange exists with settings that it cannot have.
var errExchange = errors.New("engine: the exchange is not set up for its records")

// resenders counts the shards that send through the exchange, if some of them receive through it too: 0 otherwise. Where all that receive
// send nothing on, they make room whatever its size.
func (e *engine) resenders() (n int) {
	both := false
	for _, stage := range e.Plan.Stages {
		if len(stage.To) > 0 {
			n += stage.Shards
			both = both || stage.Exchanged()
		}
	}
	if !both {
		return 0
	}
	return n
}
