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
	r.Entries = slices.Insert(r.Entries, i, e)
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
	for i := range r.Entries {
		b = AppendRanked(b, &r.Entries[i])
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
	out := Ranking[K, N]{Limit: int(limit)}
	for rest := data[1+n:]; len(rest) > 0; {
		e, left, err := cutRanked[K, N](rest)
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

// AppendRanked appends an entry.
func AppendRanked[K, N plan.Key](b []byte, e *plan.Ranked[K, N]) []byte {
	return appendSized(appendSized(b, e.Key), e.Score)
}

// DecodeRanked reads an entry back from the whole of data.
func DecodeRanked[K, N plan.Key](data []byte) (plan.Ranked[K, N], error) {
	e, rest, err := cutRanked[K, N](data)
	if err == nil && len(rest) > 0 {
		err = errRanking
	}
	return e, err
}

func cutRanked[K, N plan.Key](data []byte) (e plan.Ranked[K, N], rest []byte, err error) {
	if e.Key, rest, err = cutSized[K](data); err != nil {
		return e, rest, err
	}
	e.Score, rest, err = cutSized[N](rest)
	return e, rest, err
}

func appendSized[K plan.Key](b []byte, k K) []byte {
	keys := plan.KeyCodecOf[K]()
	return keys.Append(binary.AppendUvarint(b, uint64(keys.Size(k))), k)
}

func cutSized[K plan.Key](data []byte) (k K, rest []byte, err error) {
	size, n := binary.Uvarint(data)
	if n <= 0 || size > uint64(len(data)-n) {
		return k, nil, errRanking
	}
	end := n + int(size)
	k, err = plan.KeyCodecOf[K]().Decode(data[n:end])
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
