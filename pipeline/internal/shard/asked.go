package shard

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/calmstream/calmstream/internal/plan"
	"github.com/calmstream/calmstream/pipeline/internal/checkpoint"
)

var (
	// ErrNotHere is answered if this owner does not run the shard any more.
	ErrNotHere = errors.New("shard: this worker does not run the shard any more")
	// ErrBehind is answered if an owner has not come in time to the position that the question asks for.
	ErrBehind = errors.New("shard: this worker has not come there yet")
)

// Question asks a running shard for the state of one key.
type Question struct {
	// Node is the number of the operator, Key the canonical encoding of a key, and Instant says which of its windows.
	Node    int
	Key     []byte
	Instant int64
	// From is the position that the shard must have come to.
	From uint64
	// Until says whether what is seen is what is waited for; nil takes what there is. The shard's goroutine calls it, and
	// not for each batch.
	Until func(Seen) bool
	// Deadline is when to answer with what there is, or with ErrBehind.
	Deadline time.Time
	// Answer is called once, by the shard's goroutine or by who closes Asked. It must not wait for anything.
	Answer func(Seen, error)
}

// Seen is the state of a key in a running shard.
type Seen struct {
	plan.Finding
	Position checkpoint.Position
	// Frontier is how far the input of the shard was complete.
	Frontier int64
	// Fresh says that nothing of the log has been applied yet.
	Fresh bool
}

// Asked holds the questions to a shard, for its goroutine to answer between two batches: whoever asks takes no lock that the shard holds while it
// applies records, and while nobody asks a batch costs one look at a number. The zero Asked is ready for use; it outlives sessions.
//
// An answer is what the log says up to the position, from a state that no checkpoint may have yet. That is safe: the log is stored, and whoever
// replays it passes through the same state. Only that the input has ended is not said before the log is known to be whole, as for results.
type Asked struct {
	waiting atomic.Int32 // how many questions there are

	mu     sync.Mutex
	fresh  []*Question
	closed bool
	poke   func() // nil between sessions

	// What follows belongs to the shard's goroutine.
	open  []*Question
	next  time.Time // not before then are those that wait looked at
	timer *time.Timer
}

// idleShare bounds the time that goes into looking for those who wait: a look is followed by that many times as much work.
const idleShare = 20

// leastPause is the shortest time between two looks.
const leastPause = time.Millisecond

// Put hands a question over.
func (a *Asked) Put(q *Question) {
	a.mu.Lock()
	if a.closed {
		a.mu.Unlock()
		q.Answer(Seen{}, ErrNotHere)
		return
	}
	a.fresh = append(a.fresh, q)
	a.waiting.Add(1)
	poke := a.poke
	a.mu.Unlock()
	if poke != nil {
		poke()
	}
}

// Close answers everything with ErrNotHere, now and from now on. The shard does not run any more.
func (a *Asked) Close() {
	a.mu.Lock()
	a.closed = true
	all := append(a.open, a.fresh...)
	a.open, a.fresh = nil, nil
	a.waiting.Store(0)
	a.mu.Unlock()
	for _, q := range all {
		q.Answer(Seen{}, ErrNotHere)
	}
}

// attach names what wakes the session that answers; nil if there is none.
func (a *Asked) attach(poke func()) {
	if a == nil {
		return
	}
	a.mu.Lock()
	a.poke = poke
	a.mu.Unlock()
	if a.timer != nil {
		a.timer.Stop()
	}
	a.timer, a.next = nil, time.Time{}
	if poke != nil && a.waiting.Load() > 0 {
		poke()
	}
}

// take returns the questions that came since the last call.
func (a *Asked) take() (fresh []*Question) {
	a.mu.Lock()
	defer a.mu.Unlock()
	fresh, a.fresh = a.fresh, nil
	return fresh
}

// answer answers what can be answered. It is called between batches.
func (s *session) answer() {
	a := s.env.Asked
	if a == nil || a.waiting.Load() == 0 {
		return
	}
	if s.Ended() && s.verified < s.position.Seq {
		return // the checkpoint that is due proves the log
	}
	begin := s.env.Now()
	consider, due := a.take(), !begin.Before(a.next)
	if due {
		consider, a.open = append(a.open, consider...), nil
	}
	for _, q := range consider {
		if s.reply(q, begin) {
			a.waiting.Add(-1)
		} else {
			a.open = append(a.open, q)
		}
	}
	if len(a.open) == 0 {
		return
	}
	now := s.env.Now()
	if !due { // records have come since the last look, or a question
		a.ring(s.poke, a.next.Sub(now))
		return
	}
	a.next = now.Add(max(leastPause, idleShare*now.Sub(begin)))
	a.ring(s.poke, a.first().Sub(now))
}

// first returns the first deadline of those who wait.
func (a *Asked) first() time.Time {
	first := a.open[0].Deadline
	for _, q := range a.open[1:] {
		if q.Deadline.Before(first) {
			first = q.Deadline
		}
	}
	return first
}

func (a *Asked) ring(poke func(), after time.Duration) {
	if a.timer == nil {
		a.timer = time.AfterFunc(after, poke)
		return
	}
	a.timer.Reset(after)
}

// reply answers a question if that is possible or due.
func (s *session) reply(q *Question, now time.Time) (answered bool) {
	late := !now.Before(q.Deadline)
	if s.position.Seq < q.From {
		if late {
			q.Answer(Seen{}, fmt.Errorf("%w: it is at %d, and the question is about %d", ErrBehind, s.position.Seq, q.From))
		}
		return late
	}
	seen, err := s.find(q)
	if err == nil && q.Until != nil && !late && !s.Ended() && !q.Until(seen) {
		return false
	}
	q.Answer(seen, err)
	return true
}

func (s *session) find(q *Question) (Seen, error) {
	seen := Seen{Position: s.position, Frontier: s.frontier, Fresh: s.position.Seq == s.env.Start.Seq}
	for _, st := range s.states {
		if st.node.ID != q.Node {
			continue
		}
		op, ok := st.op.(plan.Answering)
		if !ok {
			return seen, fmt.Errorf("shard: %s cannot be asked", st.node.Label())
		}
		found, err := op.Find(q.Key, q.Instant)
		seen.Finding = found
		return seen, err
	}
	return seen, fmt.Errorf("shard: stage %s has no state of number %d", s.env.ID.Stage, q.Node)
}
