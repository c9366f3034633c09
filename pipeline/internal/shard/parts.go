package shard

import (
	"fmt"

	"github.com/calmstream/calmstream/internal/plan"
	"github.com/calmstream/calmstream/pipeline/internal/checkpoint"
	"github.com/calmstream/calmstream/pipeline/internal/exchange"
)

// Parts are those of the small state of a checkpoint, of which another version of the pipeline may have others.
type Parts struct {
	// Frontier is how far the input was complete.
	Frontier int64
	// Sent has, for each stage that the shard feeds, the number of the next record to each of its partitions.
	Sent [][]uint64
	// Taken has, for each producer of a shard behind an exchange, the number of the first record that has not been taken, and Heard up to when that
	// producer has said that it is complete.
	Taken []uint64
	Heard []int64

	head, received, votes []byte
	senders               [][]byte
}

// PartsOf takes the small state of a checkpoint apart. feeds has the number of partitions of each stage that the shard feeds, and producers is how many
// shards feed it, 0 if it reads an input.
func PartsOf(meta []byte, feeds []int, producers int) (p Parts, err error) {
	d := newDigest(1) // which divides every distance
	frontier, rest, err := d.restore(meta)
	if err != nil {
		return p, err
	}
	p.Frontier, p.head = frontier, meta[:len(meta)-len(rest)]
	for _, partitions := range feeds {
		s, from := exchange.NewSender(0, partitions, nil), rest
		if rest, err = s.RestoreState(rest); err != nil {
			return p, err
		}
		p.Sent, p.senders = append(p.Sent, s.Next()), append(p.senders, from[:len(from)-len(rest)])
	}
	if producers > 0 {
		r, from := exchange.NewReceiver(producers), rest
		if rest, err = r.RestoreState(rest); err != nil {
			return p, err
		}
		p.received = from[:len(from)-len(rest)]
		for i := range producers {
			p.Taken, p.Heard = append(p.Taken, r.Next(i)), append(p.Heard, r.FrontierOf(i))
		}
	}
	p.votes = rest
	return p, nil
}

// Meta puts a small state together for a shard that feeds other stages: for each of them old is its place among those of before, -1 if it is new, and
// partitions are those that it has.
func (p *Parts) Meta(old, partitions []int) []byte {
	b := append([]byte(nil), p.head...)
	for i, before := range old {
		if before >= 0 {
			b = append(b, p.senders[before]...)
		} else {
			b = exchange.NewSender(0, partitions[i], nil).AppendState(b)
		}
	}
	return append(append(b, p.received...), p.votes...)
}

// Beginning returns the small state of a shard that has taken nothing.
func Beginning(p *plan.Plan, stage *plan.Stage, number int) ([]byte, error) {
	m, err := NewMachine(&Env{ID: checkpoint.ShardID{Stage: stage.Name, Shard: number}, Plan: p, Stage: stage})
	if err != nil {
		return nil, err
	}
	return m.Meta(), nil
}

// Tells returns up to when a shard that goes on from a state would say that it is complete to each of the stages that it feeds: nothing that it
// sends from there on is before that. restore gives it the chunks of its segments.
func Tells(p *plan.Plan, stage *plan.Stage, number int, meta []byte, restore func(each func(chunk []byte) error) error) (told []int64, err error) {
	m, err := NewMachine(&Env{ID: checkpoint.ShardID{Stage: stage.Name, Shard: number}, Plan: p, Stage: stage})
	if err == nil {
		err = m.RestoreMeta(meta)
	}
	if err == nil {
		err = restore(m.RestoreChunk)
	}
	if err != nil {
		return nil, fmt.Errorf("stage %s, shard %d: %w", stage.Name, number, err)
	}
	if m.frontier > plan.Beginning {
		if m.receiver != nil {
			m.kernels.Receiver.Advance(m.frontier)
		} else {
			m.kernels.Source.Advance(m.frontier)
		}
	}
	for _, s := range m.senders {
		told = append(told, s.Frontier())
	}
	return told, nil
}
