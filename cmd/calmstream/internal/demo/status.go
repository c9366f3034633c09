package demo

import (
	"time"

	"github.com/calmstream/calmstream/pipeline"
)

// status is the sum of the counters of all shards.
type status struct {
	dead, late, checkpoints, lag uint64
	// open is the number of windows that wait for their seal; shards that wait for the same one count it once.
	open int64
}

func statusOf(m *pipeline.Monitor) (s status) {
	for _, shard := range m.Shards() {
		s.dead += shard.DeadLetters
		s.late += shard.Late
		s.checkpoints += shard.Checkpoints
		s.lag += shard.Lag
		s.open = max(s.open, shard.OpenWindows)
	}
	return s
}

// speed measures how fast a counter grows, over the last second or so.
type speed struct {
	at    time.Time
	count uint64
	rate  float64
}

func (s *speed) update(now time.Time, count uint64) float64 {
	if s.at.IsZero() {
		s.at, s.count = now, count
	}
	if past := now.Sub(s.at); past >= time.Second {
		s.rate = float64(count-s.count) / past.Seconds()
		s.at, s.count = now, count
	}
	return s.rate
}
