package producer

import (
	"context"
	"fmt"

	"github.com/calmstream/calmstream/internal/plan"
	"github.com/calmstream/calmstream/pipeline/internal/seal"
	"github.com/nats-io/nats.go"
)

// SealKey promises that every record with each of these values of an attribute has been published, to whatever shard: it waits until
// all records are stored, and then until each shard has the promises, one message for each value and shard. The attribute is one by which the
// pipeline seals, see operators.Keys, and a value is the text of a key: numbers are decimal digits. Pipelines that seal by other
// attributes pass it over. A value that has been promised before, or of which nothing was ever published, may be promised as well.
//
// What the shards hold against their records is the count and the digest of everything that the producer has published to them so far,
// which includes what has the value. A record of the value that follows is late.
func (p *Producer) SealKey(ctx context.Context, attribute string, values ...string) error {
	if !plan.ValidName(attribute) {
		return fmt.Errorf("producer %s: the attribute %q must be 1 to 64 letters, digits, '-' or '_'", p.cfg.Name, attribute)
	}
	for _, v := range values {
		if len(v) > plan.MaxValueBytes {
			return fmt.Errorf("producer %s: a value of %s has %d bytes, more than the %d that a value can have that is promised", p.cfg.Name, attribute, len(v), plan.MaxValueBytes)
		}
	}
	if err := p.enter(ctx); err != nil {
		return err
	}
	defer p.leave()
	if err := p.replayed(); err != nil {
		return err
	}
	if err := p.wait(ctx, 0); err != nil {
		return p.fail(err)
	}
	for _, s := range p.shards {
		if s.promised == plan.End {
			continue // which includes this
		}
		for _, v := range values {
			msg := &nats.Msg{Subject: s.punctuation, Header: seal.KeyHeaders(p.cfg.Name, attribute, s.tally), Data: []byte(v)}
			if err := p.begin(ctx, flight{msg: msg}); err != nil {
				return p.fail(err)
			}
		}
	}
	return p.fail(p.wait(ctx, 0))
}
