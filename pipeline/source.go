package pipeline

import (
	"fmt"
	"slices"
	"time"

	"github.com/calmstream/calmstream/internal/plan"
)

// Source says what to read and how.
type Source[T any] struct {
	// Stream is the JetStream stream to read. Its retention must be by limits.
	Stream string
	// Subjects has one subject filter for each shard; each shard reads its part in order. Empty means one shard
	// that reads the whole stream. Filters must not overlap.
	Subjects []string
	// Decode makes a record of a message. A message that it refuses goes to the dead letters with the error, unless that is
	// ErrNoRecord.
	Decode func(*Message) (T, error)
	// Time returns the event time of a record. If it is nil, the time at which the server stored the message counts.
	Time func(T) time.Time
	// Producers is the registry of those who publish to the stream, if they say themselves what is complete: by punctuations in
	// each shard, as package producer publishes them. A window is complete once every one of them has promised so for every
	// shard, however far the records of others are. Each record must carry the name of its producer and its
	// number: see package producer. They may also promise values of an attribute: see operators.Keys. A record or a promise of anyone else goes to the dead letters. The registry is
	// part of the pipeline's identity; a shard that nobody publishes to needs the promises too.
	Producers []string
	// Complete, if it is not nil, is a seal of your own: behind each message it returns the time before which the shard is
	// complete, the zero time if the message says nothing about that, and the records' own times seal nothing. So marks of
	// another system, or a rule other than the latest record's time, can seal windows by operators.Watermark. Like
	// Decode it must be a function of the message alone. Messages that are only such marks are for Decode to pass over
	// with ErrNoRecord.
	Complete func(*Message) time.Time
	// Cuts makes the time of the records that of recorded cuts: each record belongs to the cut that follows it in its shard. A cut
	// is a marker that was put into all shards at once, by producer.Cut; see operators.Cuts and operators.UpToCut.
	Cuts bool
	// Idle, if it is not 0, is the idle policy: a shard without a record for so long is taken to be complete up to that long ago,
	// by the clock of the server, so that it holds back no window for ever. The decision is a message in the
	// shard's own log, so that all owners, now and later, judge alike what comes after it: a record before that time is late.
	// The workers need permission to publish to the subjects of the shards, where wildcards become "seal". An input with
	// Producers has no use for it.
	Idle time.Duration
	// PartitionedBy names the attribute by which the shards divide the records: one whose value is v, as text, is in shard
	// partition.Of(len(Subjects), v), as a stream with a partition.Layout stores them. The states of keys that are the attribute, or determine it
	// (operators.Determines), then need no exchange. It is checked for each record that comes to such a state; one in another
	// shard goes to the dead letters.
	PartitionedBy string
	// StartNew, StartSequence and StartTime say where to begin; without any of them it is the first message that the stream has. StartNew
	// is behind the last one, StartSequence a stream sequence, and StartTime the first message that was stored then or later,
	// or behind the last one if there is none yet. This is resolved once, when the first worker starts, and stays so: a restart goes on
	// where it was. It is part of the pipeline's identity. StartSequence must be of a message that the stream has then, or the next one.
	StartNew      bool
	StartSequence uint64
	StartTime     time.Time
	// Bounded ends the input with the last message that the stream has when the first worker starts, as an end marker behind it would.
	Bounded bool
	// MaxAhead is how far an event time may lie beyond the store time; 0 means an hour. A record beyond it goes to the dead
	// letters: it would close windows before their time.
	MaxAhead time.Duration
}

// within returns what the plan says about the parts of the input, its beginning and its end.
func (s *Source[T]) within(fail func(string)) (detail string) {
	if s.PartitionedBy != "" {
		detail = "; partitioned by " + s.PartitionedBy
		if !plan.ValidName(s.PartitionedBy) {
			fail(fmt.Sprintf("Source.PartitionedBy is %q; the name of an attribute must be 1 to 64 letters, digits, '-' or '_'", s.PartitionedBy))
		}
	}
	modes := 0
	if s.StartNew {
		modes++
		detail += "; begins behind what is there"
	}
	if s.StartSequence > 0 {
		modes++
		detail += fmt.Sprintf("; begins with sequence %d", s.StartSequence)
	}
	if !s.StartTime.IsZero() {
		modes++
		detail += "; begins with what was stored from " + s.StartTime.UTC().Format(time.RFC3339Nano)
	}
	if modes > 1 {
		fail("Source.StartNew, StartSequence and StartTime exclude each other")
	}
	if s.Bounded {
		if s.StartNew {
			fail("Source.Bounded excludes StartNew: nothing is left between them")
		}
		detail += "; ends with what is there"
	}
	return detail
}

// checkProducers returns what is wrong with a registry, "" if nothing.
func checkProducers(names []string) string {
	for i, name := range names {
		switch {
		case !plan.ValidName(name):
			return fmt.Sprintf("Source.Producers: the name %q must be 1 to 64 letters, digits, '-' or '_'", name)
		case slices.Contains(names[:i], name):
			return fmt.Sprintf("Source.Producers: %q is there twice; each producer has one vote", name)
		}
	}
	return ""
}
