package kernel

import (
	"fmt"

	"github.com/calmstream/calmstream/internal/plan"
)

// homeCheck is what stands before a state without an exchange whose keys the shards of the input divide: whether a record is in the shard
// of its key. Else two shards would have a part of the key each.
type homeCheck[K plan.Key] struct {
	value         func(K) string
	name          string // of the attribute
	shard, shards int
}

func newHomeCheck[K plan.Key](n *plan.Node, rt *plan.Runtime) (*homeCheck[K], error) {
	value, err := HomeOf[K](n)
	if err != nil {
		return nil, err
	}
	return &homeCheck[K]{value: value, name: n.PartitionedBy(), shard: rt.Shard, shards: rt.Shards}, nil
}

// check returns an error if the key belongs to another shard.
func (c *homeCheck[K]) check(key K) error {
	value := c.value(key)
	home := plan.TokenPartition(value, c.shards)
	if home == c.shard {
		return nil
	}
	return fmt.Errorf("the %s %s belongs to shard %d of %d, and has come in shard %d: that the input is partitioned by %s (Source.PartitionedBy) is not so", c.name, short(value), home, c.shards, c.shard, c.name)
}

// HomeOf returns the function that gives a key the value by which the shards of the input divide the keys of a state.
func HomeOf[K plan.Key](n *plan.Node) (func(K) string, error) {
	value, ok := valueOf[K](n.PartitionOf())
	if !ok {
		return nil, fmt.Errorf("plan: %s (%s): %s is declared for keys of another type: %T", n.Label(), n.Site, n.PartitionedBy(), n.PartitionOf().OfKey)
	}
	return value, nil
}

// ShardOf returns the stage and the shard that have the state of a key of a fold.
func ShardOf[K plan.Key](p *plan.Plan, fold *plan.Node, key K) (stage *plan.Stage, shard int, err error) {
	stage = p.StagesOf(fold)[0] // a state is in one stage
	switch {
	case stage.Shards == 1:
		return stage, 0, nil
	case p.Exchanged(fold):
		return stage, plan.Partition(plan.KeyCodecOf[K]().Append(nil, key), stage.Shards), nil
	}
	value, err := HomeOf[K](fold) // the input is divided as the keys are
	if err != nil {
		return stage, 0, err
	}
	return stage, plan.TokenPartition(value(key), stage.Shards), nil
}
