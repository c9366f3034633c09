package emit

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/calmstream/calmstream/internal/plan"
	"github.com/calmstream/calmstream/pipeline/internal/checkpoint"
	"github.com/calmstream/calmstream/pipeline/internal/shard"
	"github.com/calmstream/calmstream/sinks"
	"github.com/nats-io/nats.go"
)

const (
	// maxWaiting and maxWaitingBytes bound what one owner of a shard has stored and no stream has taken yet.
	maxWaiting      = 1 << 14
	maxWaitingBytes = 64 << 20
)

// Progress is how far the stream of an outbox has taken what was stored for it. Many goroutines use it.
type Progress struct {
	mu      sync.Mutex
	through uint64
	waiting map[*outbox][]handed
	changed chan struct{} // closed, and replaced, when through grows
}

// handed is what one commit has stored, the last of it at a revision.
type handed struct {
	revision     uint64
	count, bytes int
}

// Reach notes that the stream has all up to a revision.
func (p *Progress) Reach(revision uint64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if revision <= p.through {
		return
	}
	p.through = revision
	for o, waiting := range p.waiting {
		p.waiting[o] = slices.DeleteFunc(waiting, func(h handed) bool { return h.revision <= revision })
	}
	if p.changed != nil {
		close(p.changed)
		p.changed = nil
	}
}

// Newest returns the revision of the newest thing that this process has stored and the stream is not known to have; 0 if there is none.
func (p *Progress) Newest() (revision uint64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, waiting := range p.waiting {
		for _, h := range waiting {
			revision = max(revision, h.revision)
		}
	}
	return revision
}

func (p *Progress) stored(o *outbox, h handed) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if h.revision <= p.through {
		return
	}
	if p.waiting == nil {
		p.waiting = make(map[*outbox][]handed)
	}
	p.waiting[o] = append(p.waiting[o], h)
}

func (p *Progress) forget(o *outbox) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.waiting, o)
}

// room waits until the stream has taken enough of what the owner of a shard has stored.
func (p *Progress) room(ctx context.Context, o *outbox) error {
	for {
		p.mu.Lock()
		count, bytes := 0, 0
		for _, h := range p.waiting[o] {
			count, bytes = count+h.count, bytes+h.bytes
		}
		if p.changed == nil {
			p.changed = make(chan struct{})
		}
		changed := p.changed
		p.mu.Unlock()
		if count <= maxWaiting && bytes <= maxWaitingBytes {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// outbox is a shard.Outbox for the writes whose sinks are outboxes.
type outbox struct {
	id       identity
	plan     *plan.Plan
	sinks    map[*plan.Node]sinks.Outbox
	progress map[string]*Progress // by token
	limit    int                  // bytes of a message
}

// AsOutbox returns the outbox that a sink is, if it is one.
func AsOutbox(sink sinks.Sink) (o sinks.Outbox, is bool) {
	switch s := sink.(type) {
	case sinks.Outbox:
		return s, true
	case *sinks.Outbox:
		if s != nil {
			return *s, true
		}
	}
	return o, false
}

// Outbox returns what is to be told of results that leave with checkpoints, nil if none does.
func (o *Outlet) Outbox() shard.Outbox {
	if len(o.outbox.sinks) == 0 {
		return nil
	}
	return &o.outbox
}

// envelopeRoom is left in a message for the headers of the batch it is stored in, and the one that its source gets.
const envelopeRoom = 2048

// Output implements shard.Outbox.
func (o *outbox) Output(r *shard.Result) (out checkpoint.Output, owed bool, err error) {
	sink, owed := o.sinks[r.Write]
	if !owed {
		return out, false, nil
	}
	record := o.id.record(o.plan, r)
	m, err := sink.Message(&record)
	if err != nil {
		return out, true, fmt.Errorf("write %s: %w", r.Write.Name, err)
	}
	out = checkpoint.Output{Name: sink.Token() + strings.TrimPrefix(m.Subject, sink.Name), Headers: pairs(m.Header), Data: m.Data}
	if size := out.Size() + envelopeRoom; o.limit > 0 && size > o.limit {
		return out, true, fmt.Errorf("write %s: %w: result %q of %d bytes does not fit, with its headers, into max_payload of the server (%d bytes); raise it or make results smaller",
			r.Write.Name, sinks.ErrPermanent, record.ID, len(record.Payload), o.limit)
	}
	return out, true, nil
}

func pairs(h nats.Header) (all [][2]string) {
	for name, values := range h {
		all = append(all, [2]string{name, values[0]})
	}
	slices.SortFunc(all, func(a, b [2]string) int { return strings.Compare(a[0], b[0]) })
	return all
}

// Room implements shard.Outbox.
func (o *outbox) Room(ctx context.Context) error {
	for _, p := range o.progress {
		if err := p.room(ctx, o); err != nil {
			return err
		}
	}
	return nil
}

// Stored implements shard.Outbox.
func (o *outbox) Stored(outputs []checkpoint.Output, revision uint64) {
	all := make(map[string]handed)
	for i := range outputs {
		token := outputs[i].Outbox()
		h := all[token]
		h.revision, h.count, h.bytes = revision-uint64(len(outputs)-i), h.count+1, h.bytes+outputs[i].Size()
		all[token] = h
	}
	for token, h := range all {
		if p := o.progress[token]; p != nil { // one that the pipeline had before has none
			p.stored(o, h)
		}
	}
}
