package engine

import (
	"fmt"
	"regexp"
	"strconv"

	"github.com/calmstream/calmstream/internal/plan"
	"github.com/nats-io/nats.go/jetstream"
)

var partitionFunction = regexp.MustCompile(`\{\{\s*partition\(\s*([0-9]+)`)

// dividedAs fails if an input says that its shards divide the values of an attribute, and the server divides the stream into another number
// of partitions. Where the server does not, whoever publishes may, which each record shows.
func dividedAs(source *plan.SourceSpec, stream *jetstream.StreamConfig) error {
	if source.PartitionedBy == "" {
		return nil
	}
	var transforms []jetstream.SubjectTransformConfig
	if stream.SubjectTransform != nil {
		transforms = append(transforms, *stream.SubjectTransform)
	}
	for _, s := range stream.Sources {
		transforms = append(transforms, s.SubjectTransforms...)
	}
	for _, t := range transforms {
		found := partitionFunction.FindStringSubmatch(t.Destination)
		if found == nil {
			continue
		}
		if n, err := strconv.Atoi(found[1]); err != nil || n != len(source.Filters) {
			return fmt.Errorf("stream %q is divided into %s partitions, and Source.Subjects has %d, so that they are not those by %s; name all of them, as partition.Layout.Subjects does", source.Stream, found[1], len(source.Filters), source.PartitionedBy)
		}
	}
	return nil
}
