package crdt

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"iter"
	"slices"
	"strconv"
	"strings"
	"unique"
)

// Frontier says how far each shard of an input is complete: for each shard the largest event time, in
// nanoseconds, up to which nothing more will come from it. It merges by maximum per shard. The zero Frontier has heard of no
// shard, which is less than any time.
//
// It is the lattice behind event-time watermarks. A watermark is a seal for all windows that end before it (punctuation: Tucker
// et al., 2003; seals: Alvaro et al., "Blazes", ICDE 2014, §V), so that "every shard has passed t" must be a
// question whose yes is final: see [Passed].
//
// The law that its users keep: a time is advanced only on evidence, and what is below it comes no more. A shard is a name
// for one history, as the origin of a [GCounter] is.
//
// Class of reads: At and ReachedBy are lower bounds. The minimum over the shards heard of so far is not monotone, and
// therefore not offered: a shard that is heard of later may be behind, and takes the yes back. Hence the [Registry].
//
// It takes 24 bytes for each shard, up to 40 if they come in no order, and its name. Use [Clone] to copy one.
type Frontier struct {
	shards table[string, int64]
}

// Registry is a fixed set of shards: those that must have passed. It is a part of the question and not of the state. It does not
// change; a registry with one shard more asks another question, whose answer may well be "not yet known" after a yes to the first.
// Whoever lets a shard join must either start it above every time that was sealed, or begin a new
// epoch. The zero Registry has no shards and proves nothing.
type Registry struct {
	shards []string // ascending
}

// NewRegistry returns the set of shards.
func NewRegistry(shards ...string) Registry {
	shards = slices.Clone(shards)
	slices.Sort(shards)
	return Registry{shards: slices.Compact(shards)}
}

// Len returns the number of shards.
func (r Registry) Len() int { return len(r.shards) }

// All yields the shards in ascending order.
func (r Registry) All() iter.Seq[string] { return slices.Values(r.shards) }

// maxNamedShards is how many shards a plan spells out.
const maxNamedShards = 8

// String returns the shards for plans; a digest of them if they are many.
func (r Registry) String() string {
	if len(r.shards) > maxNamedShards {
		var names []byte
		for _, shard := range r.shards {
			names = appendString(names, shard)
		}
		sum := sha256.Sum256(names)
		return strconv.Itoa(len(r.shards)) + " shards " + hex.EncodeToString(sum[:16])
	}
	var b strings.Builder
	for i, shard := range r.shards {
		if i > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(strconv.Quote(shard))
	}
	return "shards [" + b.String() + "]"
}

// Advance says that shard is complete up to t, and returns the delta: that alone, or bottom if it was known. A time that is
// not above the one known changes nothing. O(log n) for n shards.
func (f *Frontier) Advance(shard string, t int64) (delta Frontier) {
	if at := f.shards.find(shard); at == nil {
		f.shards.insert(shard, t)
	} else if !raiseTime(at, &t) {
		return delta
	}
	delta.shards.insert(shard, t)
	return delta
}

func raiseTime(mine, theirs *int64) bool {
	if *theirs <= *mine {
		return false
	}
	*mine = *theirs
	return true
}

// At returns the time up to which shard is known to be complete, a lower bound; ok is false if nothing is known of it.
func (f *Frontier) At(shard string) (t int64, ok bool) {
	if at := f.shards.find(shard); at != nil {
		return *at, true
	}
	return 0, false
}

// Len returns the number of shards heard of.
func (f *Frontier) Len() int { return f.shards.len() }

// ReachedBy returns the time that every shard of the registry has reached: a lower bound of it, as a value that only grows. It is
// bottom as long as one of them was not heard of, and for a registry without shards. O(r log n) for r shards among n.
func (f *Frontier) ReachedBy(r Registry) Max[int64] {
	var least Min[int64]
	for _, shard := range r.shards {
		at := f.shards.find(shard)
		if at == nil {
			return Max[int64]{}
		}
		least.Add(*at)
	}
	return Max[int64]{max: least.min, seen: least.seen}
}

// Passed holds once every shard of the registry has reached t. It never holds for a registry without shards: an empty
// list is a mistake more often than a proof.
func Passed(r Registry, t int64) UpSet[Frontier] {
	return UpSet[Frontier]{
		name:  r.String() + " passed " + strconv.FormatInt(t, 10),
		holds: func(f *Frontier) bool { least := f.ReachedBy(r); return least.seen && least.max >= t },
	}
}

// Merge takes the larger time of each shard and reports whether any grew.
func (f *Frontier) Merge(other *Frontier) (grew bool) {
	// A shard that is new gets time 0, which raiseTime would prefer to one before 1970.
	var fresh []slot[string, int64]
	for s := range other.shards.all {
		if at := f.shards.find(s.k); at == nil {
			fresh = append(fresh, *s)
		} else {
			grew = raiseTime(at, &s.v) || grew
		}
	}
	f.shards.insertAll(fresh)
	return grew || len(fresh) > 0
}

// Decompose yields the time of each shard alone, in ascending order of shards.
func (f *Frontier) Decompose() iter.Seq[Frontier] {
	return func(yield func(Frontier) bool) {
		for s := range f.shards.all {
			var part Frontier
			part.shards.insert(s.k, s.v)
			if !yield(part) {
				return
			}
		}
	}
}

// Delta returns the times that are above those of since.
func (f *Frontier) Delta(since *Frontier) (delta Frontier) {
	for s := range f.shards.all {
		if at := since.shards.find(s.k); at == nil || *at < s.v {
			delta.shards.insert(s.k, s.v) // ascending: appended
		}
	}
	return delta
}

// MarshalJSON shows the time of each shard, in nanoseconds, as an object in the order of the shards.
func (f Frontier) MarshalJSON() ([]byte, error) {
	times := make(map[string]int64, f.Len())
	for s := range f.shards.all {
		times[s.k] = s.v
	}
	return json.Marshal(times) // sorts the keys
}

// Encoding, version 1:
//
//	Frontier   version | n | (string | time) * n      shards strictly ascending
//	time       the uvarint of its zigzag form

// AppendBinary appends the encoding of f to b. The error is always nil.
func (f *Frontier) AppendBinary(b []byte) ([]byte, error) {
	b = appendUvarint(append(b, version1), uint64(f.Len()))
	for s := range f.shards.all {
		b = appendUvarint(appendString(b, s.k), zigzag(s.v))
	}
	return b, nil
}

// UnmarshalBinary replaces f with the value encoded in data. On an error, which wraps [ErrCorrupt]
// or [ErrVersion], f is as before.
func (f *Frontier) UnmarshalBinary(data []byte) error {
	r := open("Frontier", data)
	var g Frontier
	last := ""
	for left := r.count(2); left > 0 && r.err == nil; left-- {
		shard := unique.Make(string(r.bytes())).Value() // there are few shards and many frontiers
		t := unzigzag(r.uvarint())
		if g.Len() > 0 && shard <= last {
			r.corrupt("shards are not ascending")
		}
		if r.err != nil {
			break
		}
		g.shards.insert(shard, t)
		last = shard
	}
	if err := r.close(); err != nil {
		return err
	}
	*f = g
	return nil
}
