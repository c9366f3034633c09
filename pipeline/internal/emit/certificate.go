package emit

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"

	"github.com/calmstream/calmstream/internal/plan"
	"github.com/calmstream/calmstream/pipeline/internal/shard"
	"github.com/cespare/xxhash/v2"
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
	// Kind is "" for a window with all its keys; "sessions" for the sessions that end in a period, one after the other; "evidence" for the states that
	// SealWhen has handed on in a range of positions of the shard's log. Window renders which that is.
	Kind   string `json:"kind,omitempty"`
	Window string `json:"window"`
	// Start and End are the window or the period in nanoseconds since 1970, and First and Last the range of positions.
	Start int64  `json:"start"`
	End   int64  `json:"end"`
	First uint64 `json:"first,omitempty"`
	Last  uint64 `json:"last,omitempty"`
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
	// Registry has those whose word counted. Of more than MaxRegistry it has those who were the least far, by whom the seal was held back, and
	// Registered says how many there are in all, with the digest of their names.
	Registry   []Word      `json:"registry"`
	Registered *Registered `json:"registered,omitempty"`
}

// MaxRegistry is how many words a certificate has at the most.
const MaxRegistry = 32

// Registered stands for a registry that is longer than a certificate has room for.
type Registered struct {
	Count int `json:"count"`
	// Digest is the xxhash64 of all names, each followed by a line feed, in the order of the registry.
	Digest string `json:"digest"`
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
	// remake makes the stream again.
	remake func(ctx context.Context) error
}

// comparisons is how many certificates are read at once. One after the other they would take a round trip each, which is most of a
// restart that seals ten thousand windows again.
const comparisons = 64

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
	if errors.Is(err, jetstream.ErrNoStreamResponse) {
		return errors.Join(err, c.lost(ctx))
	}
	if err != nil || !stood {
		return err
	}
	return c.compareAll(ctx, messages)
}

// lost makes the stream again, which somebody has deleted. Certificates are witnesses: nothing is computed from them, so that it is
// better to go on with those to come than to hold back checkpoints until the old ones are found. What is lost is said once.
func (c *certificates) lost(ctx context.Context) error {
	name := SealStream(c.id.pipeline)
	_, err := c.js.Stream(ctx, name)
	if err == nil { // it is there: another shard was faster, or nobody leads it at the moment
		return nil
	}
	if !errors.Is(err, jetstream.ErrStreamNotFound) {
		return fmt.Errorf("emit: certificates: stream %s: %w", name, err)
	}
	if err := c.remake(ctx); err != nil {
		return fmt.Errorf("emit: the stream %s was deleted and cannot be made again; no checkpoint is taken without it, so make it or restore it: %w", name, err)
	}
	c.logger.Warn("the stream of certificates was deleted and has been made again; what was sealed before has lost its certificates", "stream", name)
	return nil
}

// compareAll holds certificates against those that are stored, many at once.
func (c *certificates) compareAll(ctx context.Context, messages []*nats.Msg) error {
	stream, err := c.js.Stream(ctx, SealStream(c.id.pipeline))
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		return nil // it was deleted meanwhile, and with it what there was to compare
	}
	if err != nil {
		return fmt.Errorf("emit: certificates: %w", err)
	}
	errs := make([]error, min(comparisons, len(messages)))
	var running sync.WaitGroup
	for first := range errs {
		running.Go(func() {
			for i := first; i < len(messages) && errs[first] == nil; i += len(errs) {
				errs[first] = c.compare(ctx, stream, messages[i])
			}
		})
	}
	running.Wait()
	return errors.Join(errs...)
}

func (c *certificates) message(certificate *shard.Certificate) *nats.Msg {
	n, span, about := certificate.Node, certificate.Window, certificate.About()
	m := nats.NewMsg(fmt.Sprintf("%s.%s.%s.%d.%s.%s", SealSubject(c.id.pipeline), c.id.epoch, c.id.shard.Stage, c.id.shard.Shard, n.Name, certificate.Token()))
	digest := fmt.Sprintf("%016x-%d", certificate.Digest, certificate.Keys)
	m.Header.Set(jetstream.ExpectedLastSubjSeqHeader, "0")
	m.Header.Set("Calm-Pipeline", c.id.pipeline)
	m.Header.Set("Calm-Window", about)
	m.Header.Set("Calm-Digest", digest)
	form := Certificate{
		Pipeline: c.id.pipeline, Epoch: c.id.epoch, State: n.Name, Stage: c.id.shard.Stage, Shard: c.id.shard.Shard,
		Window: about, Start: span.Start, End: span.End, Rule: certificate.Rule(),
		Keys: certificate.Keys, Digest: fmt.Sprintf("%016x", certificate.Digest),
		Owner: c.owner, Position: strconv.FormatUint(certificate.Seq, 10), Frontier: plan.FrontierText(certificate.Frontier),
	}
	if certificate.Valued {
		form.Attribute, form.Value = n.Rule.Attribute, &certificate.Value
	}
	switch certificate.Kind {
	case plan.ByEvidence:
		form.Kind, form.First, form.Last = certificate.Kind.String(), certificate.First, certificate.Seq
	case plan.BySession:
		form.Kind = certificate.Kind.String()
	case plan.ByWindow: // which was the only kind there was
	}
	form.Registry, form.Registered = registryOf(certificate.Registry)
	m.Data, _ = json.Marshal(form) // strings and numbers
	return m
}

// registryOf renders a registry, as much as there is room for.
func registryOf(words []shard.Word) (shown []Word, all *Registered) {
	if len(words) > MaxRegistry {
		names := xxhash.New()
		for _, w := range words {
			_, _ = names.WriteString(w.Name + "\n")
		}
		all = &Registered{Count: len(words), Digest: fmt.Sprintf("%016x", names.Sum64())}
		words = slices.Clone(words)
		slices.SortStableFunc(words, func(a, b shard.Word) int { return cmp.Compare(a.Frontier, b.Frontier) })
		words = words[:MaxRegistry]
	}
	for _, w := range words {
		shown = append(shown, Word{w.Name, plan.FrontierText(w.Frontier)})
	}
	return shown, all
}

// compare holds a certificate against the one that is stored. A difference is an alarm: two owners have made different
// things of one input.
func (c *certificates) compare(ctx context.Context, stream jetstream.Stream, m *nats.Msg) error {
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
