package ownership

import (
	"cmp"
	"slices"
	"strconv"

	"github.com/cespare/xxhash/v2"
)

// Owners returns the first n of the workers in the order in which they are to run a shard of a stage, all of them if there
// are fewer. The first is its owner, the others its standbys.
//
// The order is by the hash of worker and shard together (Thaler, Ravishankar: "Using Name-Based Mappings to Increase Hit Rates", 1998,
// known as rendezvous hashing): a worker that comes takes over the shards that it is first for, one that goes leaves its own to the
// next in line, and no other shard moves. It takes O(w log w) for w workers.
func Owners(workers []string, stage string, shard, n int) []string {
	type ranked struct {
		worker string
		score  uint64
	}
	all := make([]ranked, len(workers))
	var key []byte
	for i, w := range workers {
		key = append(append(append(append(key[:0], w...), 0), stage...), 0)
		all[i] = ranked{w, xxhash.Sum64(strconv.AppendInt(key, int64(shard), 10))}
	}
	slices.SortFunc(all, func(a, b ranked) int {
		return cmp.Or(cmp.Compare(b.score, a.score), cmp.Compare(a.worker, b.worker))
	})
	out := make([]string, min(n, len(all)))
	for i := range out {
		out[i] = all[i].worker
	}
	return out
}
