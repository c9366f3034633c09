package emit

import (
	"github.com/calmstream/calmstream/internal/plan"
	"github.com/calmstream/calmstream/pipeline/internal/checkpoint"
	"github.com/calmstream/calmstream/pipeline/internal/shard"
	"github.com/calmstream/calmstream/sinks"
)

// Exists is exported to its test.
var Exists = exists

// RecordOf makes the record of a result of shard 1 of stage "in", whose log was made at nanosecond 255.
func RecordOf(r *shard.Result) sinks.Record {
	id := identity{pipeline: "p", epoch: "e1", shard: checkpoint.ShardID{Stage: "in", Shard: 1}, incarnation: 255}
	return id.record(&plan.Plan{}, r)
}

// RegistryOf is exported to its test.
var RegistryOf = registryOf
