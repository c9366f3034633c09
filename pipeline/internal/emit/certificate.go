package emit

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"sync/atomic"

	"github.com/calmstream/calmstream/internal/plan"
	"github.com/calmstream/calmstream/pipeline/internal/shard"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// SealStream is the stream that keeps the certificates of a pipeline.
func SealStream(pipeline string) string { return "CALM_SEALS_" + pipeline }

// SealSubject begins the subjects of the certificates of a pipeline.
func SealSubject(pipeline string) string { return "calm.seal." + pipeline }

// Certificate is the stored form of a certificate, as JSON. Fields are added, not changed.
type Certificate struct {
	Pipeline string `json:"pipeline"`
	Epoch    string `json:"epoch"`
	State    string `json:"state"`
	Stage    string `json:"stage"`
	Shard    int    `json:"shard"`
	Window   string `json:"window"`
	// Start and End are the window in nanoseconds since 1970.
	Start int64 `json:"start"`
	End   int64 `json:"end"`
	// Attribute and Value are set for a state that is sealed by values of an attribute: all keys with the value are sealed.
	Attribute string  `json:"attribute,omitempty"`
	Value     *string `json:"value,omitempty"`
	// Rule is the rule of the seal.
	Rule   string `json:"rule"`
	Keys   int    `json:"keys"`
	Digest string `json:"digest"`
	// Owner is the process that has stored the certificate first; Position, Frontier and Registry are what it has witnessed.
	Owner    string `json:"owner"`
	Position string `json:"position"`
	Frontier string `json:"frontier"`
	Registry []Word `json:"registry"`
}

// Word is how far one of those whose word counted said that its input was complete.
type Word struct {
	Name     string `json:"name"`
	Frontier string `json:"frontier"`
}

// certificates stores certificates, each once: the first owner's. One that another owner has stored before must say the
// same of the same window.
type certificates struct {
	id          identity
	owner       string
	js          jetstream.JetStream
	logger      *slog.Logger
	divergences *atomic.Uint64
}

func (c *certificates) write(ctx context.Context, all []shard.Certificate) error {
	messages := make([]*nats.Msg, len(all))
	for i := range all {
		messages[i] = c.message(&all[i])
	}
	stood := false
	err := publishAll(ctx, c.js, messages, func(err error) error {
		if exists(err) {
			stood = true
			return nil
		}
		return err
	})
	if err != nil || !stood {
		return err
	}
	for _, m := range messages {
		if err := c.compare(ctx, m); err != nil {
			return err
		}
	}
	return nil
}

func (c *certificates) message(certificate *shard.Certificate) *nats.Msg {
	n, span := certificate.Node, certificate.Window
	what := span.Token()
	if certificate.Valued {
		what += "." + plan.KeyToken(certificate.Value)
	}
	m := nats.NewMsg(fmt.Sprintf("%s.%s.%s.%d.%s.%s", SealSubject(c.id.pipeline), c.id.epoch, c.id.shard.Stage, c.id.shard.Shard, n.Name, what))
	digest := fmt.Sprintf("%016x-%d", certificate.Digest, certificate.Keys)
	m.Header.Set(jetstream.ExpectedLastSubjSeqHeader, "0")
	m.Header.Set("Calm-Pipeline", c.id.pipeline)
	m.Header.Set("Calm-Window", span.String())
	m.Header.Set("Calm-Digest", digest)
	form := Certificate{
		Pipeline: c.id.pipeline, Epoch: c.id.epoch, State: n.Name, Stage: c.id.shard.Stage, Shard: c.id.shard.Shard,
		Window: span.String(), Start: span.Start, End: span.End, Rule: n.Rule.String(),
		Keys: certificate.Keys, Digest: fmt.Sprintf("%016x", certificate.Digest),
		Owner: c.owner, Position: strconv.FormatUint(certificate.Seq, 10), Frontier: plan.FrontierText(certificate.Frontier),
	}
	if certificate.Valued {
		form.Attribute, form.Value = n.Rule.Attribute, &certificate.Value
	}
	for _, w := range certificate.Registry {
		form.Registry = append(form.Registry, Word{w.Name, plan.FrontierText(w.Frontier)})
	}
	m.Data, _ = json.Marshal(form) // strings and numbers
	return m
}

// compare holds a certificate against the one that is stored. A difference is an alarm: two owners have made different
// things of one input.
func (c *certificates) compare(ctx context.Context, m *nats.Msg) error {
	stream, err := c.js.Stream(ctx, SealStream(c.id.pipeline))
	if err != nil {
		return fmt.Errorf("emit: certificates: %w", err)
	}
	stored, err := stream.GetLastMsgForSubject(ctx, m.Subject)
	if errors.Is(err, jetstream.ErrMsgNotFound) {
		return nil // it has left the stream by age meanwhile
	}
	if err != nil {
		return fmt.Errorf("emit: certificate %s: %w", m.Subject, err)
	}
	if own, other := m.Header.Get("Calm-Digest"), stored.Header.Get("Calm-Digest"); own != other {
		c.divergences.Add(1)
		c.logger.Error("two owners have sealed different things in one window; make the functions of the pipeline deterministic, or declare a new Version where they have changed",
			"subject", m.Subject, "own", own, "stored", other)
	}
	return nil
}
