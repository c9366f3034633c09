package kernel

import (
	"cmp"
	"encoding/binary"
	"errors"
	"slices"

	"github.com/calmstream/calmstream/internal/plan"
)

// Ranking is the lattice of the best entries of a window: merging keeps the Limit best by score, the smaller key winning a tie,
// so that there is one right answer. Each key has one score, since scores are read behind a seal.
type Ranking[K, N plan.Key] struct {
	Limit   int
	Entries []plan.Ranked[K, N]
}

func better[K, N plan.Key](a, b plan.Ranked[K, N]) int {
	return cmp.Or(cmp.Compare(b.Score, a.Score), cmp.Compare(a.Key, b.Key))
}

// Put adds an entry and reports whether it is among the best. It costs O(log Limit) comparisons and O(Limit) moves.
func (r *Ranking[K, N]) Put(e plan.Ranked[K, N]) (grew bool) {
	i, found := slices.BinarySearchFunc(r.Entries, e, better[K, N])
	if found || i >= r.Limit {
		return false
	}
	r.Entries = insertAt(r.Entries, i, e)
	if len(r.Entries) > r.Limit {
		r.Entries = r.Entries[:r.Limit]
	}
	return true
}

// Merge joins other into the ranking.
func (r *Ranking[K, N]) Merge(other *Ranking[K, N]) (grew bool) {
	grew = r.Limit < other.Limit
	r.Limit = max(r.Limit, other.Limit)
	for _, e := range other.Entries {
		grew = r.Put(e) || grew
	}
	return grew
}

const rankingVersion = 1

// AppendBinary appends: version, uvarint limit, and for each entry, best first, length-prefixed key and score.
func (r *Ranking[K, N]) AppendBinary(b []byte) ([]byte, error) {
	b = binary.AppendUvarint(append(b, rankingVersion), uint64(r.Limit))
	entries := newRankedCodec[K, N]()
	for i := range r.Entries {
		b = entries.append(b, &r.Entries[i])
	}
	return b, nil
}

// UnmarshalBinary replaces the ranking.
func (r *Ranking[K, N]) UnmarshalBinary(data []byte) error {
	if len(data) == 0 || data[0] != rankingVersion {
		return errRanking
	}
	limit, n := binary.Uvarint(data[1:])
	if n <= 0 || limit > 1<<31 {
		return errRanking
	}
	out, entries := Ranking[K, N]{Limit: int(limit)}, newRankedCodec[K, N]()
	for rest := data[1+n:]; len(rest) > 0; {
		e, left, err := entries.cut(rest)
		if err != nil {
			return err
		}
		if last := len(out.Entries) - 1; len(out.Entries) >= out.Limit || last >= 0 && better(out.Entries[last], e) >= 0 {
			return errRanking
		}
		out.Entries, rest = append(out.Entries, e), left
	}
	*r = out
	return nil
}

var errRanking = errors.New("plan: malformed ranking")

// rankedCodec is the codec of entries. To make the codecs of the keys for each entry would be most of what it costs.
type rankedCodec[K, N plan.Key] struct {
	keys   plan.KeyCodec[K]
	scores plan.KeyCodec[N]
}

func newRankedCodec[K, N plan.Key]() rankedCodec[K, N] {
	return rankedCodec[K, N]{plan.KeyCodecOf[K](), plan.KeyCodecOf[N]()}
}

// RankedCodec returns the codec of entries on their way to the ranking of their window.
func RankedCodec[K, N plan.Key]() ValueCodec[plan.Ranked[K, N]] {
	entries := newRankedCodec[K, N]()
	return ValueCodec[plan.Ranked[K, N]]{
		Append: func(b []byte, e *plan.Ranked[K, N]) ([]byte, error) { return entries.append(b, e), nil },
		Decode: func(data []byte) (plan.Ranked[K, N], error) {
			e, rest, err := entries.cut(data)
			if err == nil && len(rest) > 0 {
				err = errRanking
			}
			return e, err
		},
	}
}

func (c *rankedCodec[K, N]) append(b []byte, e *plan.Ranked[K, N]) []byte {
	return appendSized(appendSized(b, &c.keys, e.Key), &c.scores, e.Score)
}

func (c *rankedCodec[K, N]) cut(data []byte) (e plan.Ranked[K, N], rest []byte, err error) {
	if e.Key, rest, err = cutSized(data, &c.keys); err != nil {
		return e, rest, err
	}
	e.Score, rest, err = cutSized(rest, &c.scores)
	return e, rest, err
}

func appendSized[K plan.Key](b []byte, keys *plan.KeyCodec[K], k K) []byte {
	return keys.Append(binary.AppendUvarint(b, uint64(keys.Size(k))), k)
}

func cutSized[K plan.Key](data []byte, keys *plan.KeyCodec[K]) (k K, rest []byte, err error) {
	size, n := binary.Uvarint(data)
	if n <= 0 || size > uint64(len(data)-n) {
		return k, nil, errRanking
	}
	end := n + int(size)
	k, err = keys.Decode(data[n:end])
	return k, data[end:], err
}

// Rankings turns closed rankings into results about their windows.
func Rankings[K, N plan.Key](n *plan.Node, rt *plan.Runtime, down []plan.Operator) (plan.Operator, error) {
	entries, err := newFlatMapper(n, rt, down, func(out *plan.Batch[[]plan.Ranked[K, N]], m plan.Meta, f plan.Fact[int64, Ranking[K, N]]) {
		m.Group = &plan.Group{Window: f.Window, Whole: true}
		out.Add(m, f.Value.Entries)
	})
	if err != nil {
		return nil, err
	}
	return Seal[int64, Ranking[K, N]](n, []plan.Operator{entries})
}
