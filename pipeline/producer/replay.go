package producer

import (
	"crypto/sha256"
	"fmt"
	"maps"

	"github.com/calmstream/calmstream/pipeline/internal/seal"
	"github.com/nats-io/nats.go"
)

// identity tells records apart by subject and payload. It is the beginning of a SHA-256, long enough that no two records have the same.
type identity [16]byte

func identityOf(subject string, payload []byte) (id identity) {
	h := sha256.New()
	_, _ = fmt.Fprintf(h, "%d %s", len(subject), subject)
	_, _ = h.Write(payload)
	copy(id[:], h.Sum(nil))
	return id
}

// replay collects, while a shard is read, the records that its producer has published since a Seal.
type replay struct {
	// sealed is the time of that Seal, found says that its promise is there, and count how many records it counts.
	sealed  int64
	found   bool
	count   uint64
	records map[uint64]identity // by number
}

// record takes note of record n. Of two with one number the first is the one that counts.
func (r *replay) record(n uint64, subject string, payload []byte) {
	if r == nil || n <= r.count {
		return
	}
	if _, again := r.records[n]; !again {
		r.records[n] = identityOf(subject, payload)
	}
}

// void takes note that number n is no record.
func (r *replay) void(n uint64) {
	if r == nil || n <= r.count {
		return
	}
	if _, again := r.records[n]; !again {
		r.records[n] = identity{}
	}
}

func (r *replay) promise(made seal.Promise) {
	if r == nil || made.Before > r.sealed {
		return
	}
	if r.found = true; made.Count > r.count {
		r.count = made.Count
		maps.DeleteFunc(r.records, func(n uint64, _ identity) bool { return n <= r.count })
	}
}

// there returns how many records there are of each identity.
func (r *replay) there() map[identity]int {
	if r == nil {
		return nil
	}
	of := make(map[identity]int)
	for _, id := range r.records {
		if id != (identity{}) {
			of[id]++
		}
	}
	return of
}

// again reports whether a record is in the stream from before, and has now come again.
func (s *shard) again(msg *nats.Msg) bool {
	if len(s.there) == 0 {
		return false
	}
	id := identityOf(msg.Subject, msg.Data)
	n := s.there[id]
	if n == 1 {
		delete(s.there, id)
	} else if n > 1 {
		s.there[id] = n - 1
	}
	return n > 0
}

// replayed returns an error if records are in the stream that have not come again, though all were to: what was published in
// their stead counts twice.
func (p *Producer) replayed() error {
	for _, s := range p.shards {
		n := 0
		for _, of := range s.there {
			n += of
		}
		if n > 0 {
			return fmt.Errorf("producer %s: %d records that the shard %q has since the Seal of Config.Sealed were not published again; publish all of them again, as they were, before anything is promised", p.cfg.Name, n, s.filter)
		}
	}
	return nil
}
