package crdt

import (
	"encoding/json"
	"iter"
)

// Causal is a dot store with its context, which together are a lattice: a causal CRDT (Almeida, Shoker, Baquero, "Delta state
// replicated data types", JPDC 2018, §7). The context says what this copy has heard of, the store what of that
// is still in force. What was heard of and is not in the store was removed: there are no tombstones. The
// zero Causal is bottom. Use [Clone] to copy one.
//
// Use it to build types of your own out of [DotSet], [DotFun] and [DotMap]; [AWSet], [ORMap] and the others are built of it.
// See [DotStore] for how it merges.
//
// The law that its users keep: origins name histories, see [Dot]. Deltas may come late, twice and in any order.
//
// Class of reads: what is in the store is not monotone, since a later update may remove it: read it after a seal. That an
// update was heard of, or was overtaken, is final: ask [Saw] and [Superseded].
//
// Merging costs like the smaller side: O(m log n) for m dots in other's store, runs in other's context and dots that go.
type Causal[S any, P DotStore[S]] struct {
	context DotContext
	store   S
}

func (c *Causal[S, P]) core() store { return P(&c.store).core() }

// Update lets change make updates in the name of an origin and returns their delta: bottom if there were none.
//
// The function must use no store but the one it is given, and keep neither that nor the clock.
func (c *Causal[S, P]) Update(origin string, change func(s *S, c *Clock)) (delta Causal[S, P]) {
	clock := c.clock(origin)
	change(&c.store, &clock)
	return c.delta(&clock)
}

// View shows the store to read, which must neither change nor keep it.
func (c *Causal[S, P]) View(read func(s *S)) { read(&c.store) }

// clock returns the clock of an origin.
func (c *Causal[S, P]) clock(name string) Clock {
	return Clock{context: &c.context, origin: c.context.intern(name)}
}

// removals returns a clock that has no dots to give.
func (c *Causal[S, P]) removals() Clock { return Clock{context: &c.context} }

// delta returns what has been done with a clock.
func (c *Causal[S, P]) delta(clock *Clock) (delta Causal[S, P]) {
	delta.context = clock.updates()
	for d := range clock.touched(0) {
		if c.core().has(d) {
			delta.core().put(d, c.core())
		}
	}
	return delta
}

// Context returns a copy of the context: all updates that were heard of. That of a delta holds its own updates and those that
// they overtook, and so can be asked for elsewhere, see [Saw].
func (c *Causal[S, P]) Context() DotContext { return Clone(&c.context) }

func (c *Causal[S, P]) parts() (*DotContext, store) { return &c.context, c.core() }

// Merge takes over what other has heard of, removals and all, and reports whether any of that was new.
func (c *Causal[S, P]) Merge(other *Causal[S, P]) (grew bool) {
	if c == other {
		return false
	}
	return mergeStores(c.core(), &c.context, other.core(), &other.context)
}

func mergeStores(mine store, context *DotContext, theirs store, heard *DotContext) (grew bool) {
	if context.runs.len() == 0 {
		mine.fill(theirs)
		return context.Merge(heard)
	}
	// What is here and not there, where they have heard of it, was removed there. Their context is as long as its runs, and
	// of the dots of a run only those are looked at that are in a store.
	for run := range heard.runs.all {
		if run.d.n == run.v && !theirs.has(run.d) { // one removal: look it up once
			grew = mine.remove(run.d) || grew
			continue
		}
		lockstep(mine, theirs, run.d, run.v, func(d Dot, here, there bool) {
			same := there
			switch {
			case here && there:
				var more bool
				more, same = mine.merge(d, theirs)
				grew = grew || more
			case there && !context.Contains(d):
				mine.put(d, theirs)
			}
			if here && !same {
				mine.remove(d)
				grew = true
			}
		})
	}
	return context.Merge(heard) || grew
}

// lockstep yields the dots of d's origin from d's number to hi that are in one of the stores or in both, ascending. Yield may
// change the stores.
func lockstep(mine, theirs store, d Dot, hi uint64, yield func(d Dot, here, there bool)) {
	const limit = 1024 // so that two large states do not need as much memory again
	var a, b []Dot
	for {
		a, b = mine.between(d, hi, limit, a[:0]), theirs.between(d, hi, limit, b[:0])
		end := hi
		if len(a) == limit {
			end = a[limit-1].n
		}
		if len(b) == limit {
			end = min(end, b[limit-1].n)
		}
		for i, j := 0, 0; ; {
			left, right := i < len(a) && a[i].n <= end, j < len(b) && b[j].n <= end
			if !left && !right {
				break
			}
			here := left && (!right || a[i].n <= b[j].n)
			there := right && (!left || b[j].n <= a[i].n)
			if here {
				d.n = a[i].n
				i++
			}
			if there {
				d.n = b[j].n
				j++
			}
			yield(d, here, there)
		}
		if end == hi {
			return
		}
		d.n = end + 1
	}
}

// Decompose yields the updates heard of, by dot: those in force with what they put into the store, the others as a dot alone.
func (c *Causal[S, P]) Decompose() iter.Seq[Causal[S, P]] {
	return func(yield func(Causal[S, P]) bool) {
		for d := range c.context.All() {
			var part Causal[S, P]
			part.context.add(d, d.n)
			if c.core().has(d) {
				part.core().put(d, c.core())
			}
			if !yield(part) {
				return
			}
		}
	}
}

// Delta returns the updates that since has not heard of, and the removals. O(n log m) for the n dots in force here or there.
func (c *Causal[S, P]) Delta(since *Causal[S, P]) (delta Causal[S, P]) {
	mine, theirs, part := c.core(), since.core(), delta.core()
	delta.context = c.context.Delta(&since.context)
	for run := range c.context.runs.all {
		lockstep(mine, theirs, run.d, run.v, func(d Dot, here, there bool) {
			switch {
			case !here: // removed here
				delta.context.add(d, d.n)
			case there && mine.below(d, theirs), !there && since.context.Contains(d):
			default:
				delta.context.add(d, d.n)
				part.put(d, mine)
			}
		})
	}
	return delta
}

// MarshalJSON shows the store.
func (c Causal[S, P]) MarshalJSON() ([]byte, error) { return json.Marshal(c.store) }

// Encoding, version 1:
//
//	Causal    version | context | store              context: see dotcontext.go
//	DotSet    n | dot * n                            dots ascending, all of them in the context
//	DotFun    n | (dot | value) * n                  as a DotSet
//	DotMap    n | (key | store) * n                  ascending by the first dot of each store; none is empty; no key and no dot twice
//
//	dot       as a step from the dot before: see dotstore.go. In a DotMap the dot before a store is the first of the store before.
//	value     length (uvarint), then that many bytes: the encoding of the value's own lattice
//	key       element, see encoding.go

// AppendBinary appends the encoding of c to b. An error is that of a value; b is then returned as it was.
func (c *Causal[S, P]) AppendBinary(b []byte) ([]byte, error) { return c.appendTo("Causal", b) }

func (c *Causal[S, P]) appendTo(typ string, b []byte) ([]byte, error) {
	w := dotWriter{typ: typ, origins: c.context.origins()}
	out, err := c.core().append(c.context.appendRuns(append(b, version1)), &w)
	if err != nil {
		return b, err
	}
	return out, nil
}

// UnmarshalBinary replaces c with the value encoded in data. On an error c is as before. The error wraps [ErrCorrupt],
// [ErrVersion] or that of a value.
func (c *Causal[S, P]) UnmarshalBinary(data []byte) error { return c.decode("Causal", data) }

func (c *Causal[S, P]) decode(typ string, data []byte) error {
	r := open(typ, data)
	var read Causal[S, P]
	read.context = readRuns(&r)
	read.core().read(&dotReader{reader: &r, context: &read.context, origins: read.context.origins()})
	if err := r.close(); err != nil {
		return err
	}
	*c = read
	return nil
}
