package kernel

import (
	"cmp"
	"slices"

	"github.com/calmstream/calmstream/internal/plan"
)

// Joining says what matches and what becomes of it.
type Joining[A, B, C any] struct {
	// Before and After bound, in nanoseconds, how far the time of the right may lie before and after that of the left.
	Before, After int64
	// KeepLeft and KeepRight say whether what has no match is handed on, once nothing can match it any more.
	KeepLeft, KeepRight bool
	// Alone says that pairs are not handed on.
	Alone bool
	// Pair makes a result; one side is nil where there is no match.
	Pair func(*A, *B) C
	A    plan.Codec[A]
	B    plan.Codec[B]
}

// joiner is the kernel of Join: a symmetric hash join by key and event-time interval. It keeps each record until the seal
// of the last instant at which a match could lie; forgetting earlier would lose matches, and forgetting by a clock
// would make them depend on it.
type joiner[K plan.Key, A, B, C any] struct {
	guard
	Joining[A, B, C]
	rule plan.SealRule
	keys plan.KeyCodec[K]
	held held[K, A, B]
	out  outlet[C]
	// passed is the instant up to which deadlines have come.
	passed int64
	// numbers the pairs of a message
	last  plan.Meta
	index uint32
	buf   []byte
}

// Join pairs the records of two sides.
func Join[K plan.Key, A, B, C any](n *plan.Node, rt *plan.Runtime, down []plan.Operator, j Joining[A, B, C]) (plan.Operator, error) {
	out, err := newOutlet[C](n, down)
	if err != nil {
		return nil, err
	}
	k := &joiner[K, A, B, C]{guard: guard{n, rt}, Joining: j, rule: n.Rule, keys: plan.KeyCodecOf[K](), out: out, passed: plan.Beginning}
	k.held.own, k.held.deadline = k.keys.Own, k.deadline
	k.held.encode = func(v *Sided[A, B]) ([]byte, error) { return k.appendRecord(nil, v) }
	k.held.byKey, k.held.due.less = make(map[K]*both[K, A, B]), (*entry[K, A, B]).byDeadline
	rt.Register(n, k)
	return k, nil
}

func (k *joiner[K, A, B, C]) Consume(b *plan.Batch[plan.Contribution[K, Sided[A, B]]]) {
	for i := 0; i < b.Len(); i++ {
		m, c := &b.Meta[i], &b.Val[i]
		e := k.held.add(c.Key, c.Start, c.Value)
		for _, other := range k.matches(e) {
			k.pair(m, e, other)
		}
		if k.out.batch.Len() >= chunk {
			k.out.flush()
		}
	}
	k.out.flush()
}

// matches returns the records of the other side within the interval, by time and then by number.
func (k *joiner[K, A, B, C]) matches(e *entry[K, A, B]) []*entry[K, A, B] {
	low, high, side := e.time-k.Before, e.time+k.After, e.of.lane(!e.value.Right).items()
	if e.value.Right {
		low, high = e.time-k.After, e.time+k.Before
	}
	from, _ := slices.BinarySearchFunc(side, low, func(e *entry[K, A, B], t int64) int { return cmp.Compare(e.time, t) })
	to := from
	for to < len(side) && side[to].time <= high {
		to++
	}
	return side[from:to]
}

// pair hands on what becomes of a record and one that was there before it.
func (k *joiner[K, A, B, C]) pair(m *plan.Meta, e, other *entry[K, A, B]) {
	k.held.match(e)
	k.held.match(other)
	if k.Alone {
		return
	}
	left, right := e, other
	if e.value.Right {
		left, right = other, e
	}
	if m.Seq != k.last.Seq || m.Branch != k.last.Branch {
		k.last, k.index = *m, 0
	}
	out := *m
	out.Index = k.index
	k.index++
	// The pair is at the later of its instants. That is never late: neither record was, in its own shard.
	out.Time = max(left.time, right.time)
	out.Frontier = out.Time
	k.make(out, &left.value.A, &right.value.B)
}

// make adds a result, unless the user's function panics.
func (k *joiner[K, A, B, C]) make(m plan.Meta, a *A, b *B) {
	defer func() {
		if r := recover(); r != nil {
			k.caught(r, m)
		}
	}()
	k.out.batch.Add(m, k.Pair(a, b))
}

// deadline is the frontier from which on nothing can match the record.
func (k *joiner[K, A, B, C]) deadline(e *entry[K, A, B]) int64 {
	reach := k.After
	if e.value.Right {
		reach = k.Before
	}
	if e.time > plan.End-1-reach {
		return plan.End
	}
	return e.time + reach + 1
}

// Advance forgets what nothing can match any more, and hands on what had no match where that is asked for. What is handed on
// is a fact about the key at an instant.
func (k *joiner[K, A, B, C]) Advance(frontier int64) {
	after := k.rule.After(frontier)
	if frontier == plan.End {
		after = plan.End
	}
	for rest := k.held.expire(after, k.alone); len(rest) > 0; {
		first, n := rest[0], 1
		for n < len(rest) && rest[n].time == first.time && rest[n].key == first.key {
			n++
		}
		k.unmatched(rest[:n])
		rest = rest[n:]
	}
	k.passed = max(k.passed, after)
	k.out.flush()
	k.out.advance(k.before(after))
}

// unmatched hands on records of one key and time that had no match.
func (k *joiner[K, A, B, C]) unmatched(same []*entry[K, A, B]) {
	k.rt.Waited(len(same))
	at := same[0].time
	m := plan.Meta{Time: at, Frontier: at, Group: &plan.Group{Key: k.keys.Text(same[0].key), Window: plan.Span{Start: at, End: at + 1}}}
	for _, e := range byContent(same, k.held.encoded, k.unordered(m)) {
		if e.value.Right {
			k.make(m, nil, &e.value.B)
		} else {
			k.make(m, &e.value.A, nil)
		}
	}
}

// alone reports whether a record is to be handed on as one without a match.
func (k *joiner[K, A, B, C]) alone(e *entry[K, A, B]) bool {
	return !e.matched && (e.value.Right && k.KeepRight || !e.value.Right && k.KeepLeft)
}

// before is the instant before which nothing more will be handed on. A pair is not before the record that completes it; what
// has no match is as far behind as it had to wait.
func (k *joiner[K, A, B, C]) before(after int64) int64 {
	wait := int64(0)
	if k.KeepLeft {
		wait = max(wait, k.After)
	}
	if k.KeepRight {
		wait = max(wait, k.Before)
	}
	if after == plan.End || after < plan.Beginning+wait {
		return after
	}
	return after - wait
}

func (k *joiner[K, A, B, C]) Open() int { return k.held.n }
