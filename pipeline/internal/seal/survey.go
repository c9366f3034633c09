package seal

import (
	"slices"

	"github.com/calmstream/calmstream/internal/plan"
)

// Survey works out what the producers of a shard had published before a place in its log, where a pipeline begins to read: their
// numbers go on there, and do not begin with 1. It is told the messages in the order of the log, from one before the place on,
// or, if the log has lost those, from the first that is left.
//
// A promise says what its producer had published: all that it counts, and nothing more, was in the log when it was published. With one
// before the place, the records between the two are counted on top. Else the first behind the place tells, less the records from
// the place up to it. So of a producer without a promise on either side nothing is known, unless the log is whole.
type Survey struct {
	votes *Votes
	parts []part // by producer
	begun bool
}

// part is what is known of a producer.
type part struct {
	// known says that its tally is.
	known   bool
	highest uint64
	// before and behind are the numbers of its records on either side of the place, while its tally is not known.
	before, behind runs
}

// NewSurvey returns a survey of the producers of a shard. In a log that is whole, what is told from its beginning on is all there was.
func NewSurvey(names []string, whole bool) *Survey {
	s := &Survey{votes: NewVotes(names), parts: make([]part, len(names))}
	for i := range s.parts {
		s.parts[i].known = whole
	}
	return s
}

// Message takes note of a message of the shard. What the shard itself would refuse counts for nothing.
func (s *Survey) Message(seq uint64, headers map[string][]string, payload []byte) {
	p, err := s.votes.producer(headers)
	if err != nil {
		return
	}
	at := &s.parts[p.number]
	if at.known && s.begun {
		return // the shard will see it
	}
	switch kind := get(headers, Header); kind {
	case Idle, Cut:
	case "", Void:
		if kind == Void {
			payload = nil
		}
		if at.known {
			_, _ = s.votes.Record(headers, payload)
		} else if n, err := Sequence(headers); err == nil {
			at.record(n, Hash(n, payload), s.begun)
		}
	case Key:
		if made, _, err := ReadKeyPromise(headers, payload); err == nil && !at.known {
			s.promise(p, Promise{Tally: made, Before: plan.Beginning})
		}
	default:
		if at.known {
			_ = s.votes.Promise(seq, headers)
		} else if made, err := ReadPromise(headers); err == nil {
			s.promise(p, made)
		}
	}
}

func (a *part) record(n, hash uint64, begun bool) {
	a.highest = max(a.highest, n)
	switch {
	case !begun:
		a.before.add(n, hash)
	case !a.before.has(n):
		a.behind.add(n, hash)
	}
}

// promise takes the tally of a producer from a promise, unless records that it does not count have come before it.
func (s *Survey) promise(p *producer, made Promise) {
	at := &s.parts[p.number]
	if made.Count < at.highest {
		return
	}
	at.known = true
	if !s.begun {
		p.got, p.frontier = made.Tally, made.Before
		return
	}
	// What is not behind the place was before it: numbers below all that are behind it are counted, and those between left out.
	room := min(MaxAhead, allAhead/len(s.parts)) / 2
	got := made.Tally
	for _, r := range slices.Backward(at.behind) {
		gap := got.Count - r.to
		if gap > uint64(room) {
			break // published again, long after
		}
		room -= int(gap)
		for ; got.Count > r.to; got.Count-- {
			p.ahead[got.Count] = beforeIt
			s.votes.ahead++
		}
		got = Tally{r.from - 1, got.Digest - r.sum}
	}
	p.got = got
	*at = part{known: true}
}

// Begin says that the messages that follow are behind the place.
func (s *Survey) Begin() { s.begun = true }

// Unknown returns the producers of which nothing is known yet.
func (s *Survey) Unknown() (names []string) {
	for _, p := range s.votes.producers {
		if !s.parts[p.number].known {
			names = append(names, p.name)
		}
	}
	return names
}

// AppendState appends what Votes.RestoreState takes: the votes of a shard that begins at the place.
func (s *Survey) AppendState(b []byte) []byte { return s.votes.AppendState(b) }

// beforeIt stands for the hash of a record that came before the place where reading began, among others that did not.
const beforeIt = 0

// runs are numbers, in runs without a gap, ascending.
type runs []run

type run struct {
	from, to uint64
	sum      uint64 // of the hashes
}

// after returns the place of the first run that ends at n or behind it.
func (r runs) after(n uint64) int {
	at, _ := slices.BinarySearchFunc(r, n, func(r run, n uint64) int {
		if r.to < n {
			return -1
		}
		return 1
	})
	return at
}

func (r runs) has(n uint64) bool {
	at := r.after(n)
	return at < len(r) && r[at].from <= n
}

// add adds a number, unless it is there. Where there are too many runs the lowest are forgotten.
func (r *runs) add(n, hash uint64) {
	at := r.after(n)
	all := *r
	if at < len(all) && all[at].from <= n {
		return
	}
	below, above := at > 0 && all[at-1].to+1 == n, at < len(all) && all[at].from-1 == n
	switch {
	case below && above:
		all[at-1].to, all[at-1].sum = all[at].to, all[at-1].sum+hash+all[at].sum
		all = slices.Delete(all, at, at+1)
	case below:
		all[at-1].to, all[at-1].sum = n, all[at-1].sum+hash
	case above:
		all[at].from, all[at].sum = n, all[at].sum+hash
	default:
		if all = slices.Insert(all, at, run{n, n, hash}); len(all) > MaxAhead {
			all = slices.Delete(all, 0, 1)
		}
	}
	*r = all
}
