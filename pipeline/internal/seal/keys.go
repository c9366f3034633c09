package seal

import (
	"bytes"
	"fmt"
	"slices"

	"github.com/calmstream/calmstream/internal/plan"
)

// Bounds of what producers can make a shard keep of values. It is not in the small state of a checkpoint but in its segments.
const (
	maxKeyPromises = 1 << 12 // promises of a producer about values, whose records have not all come
	allKeyPromises = 1 << 14 // from here on each has no more than its share
	maxOpenValues  = 1 << 16 // values that a producer has voted for and others have not
	allOpenValues  = 1 << 18
	maxSealed      = 1 << 20 // values that are complete: each is remembered, since what comes later is late
)

// Keys is what a shard knows of the values of attributes that its producers promise to be complete: "with the first C of my records,
// whose digest is D, everything with this value is in this shard". It belongs to Votes, which counts the records. A value is complete
// once every producer has promised so, and has delivered; one that has promised that nothing comes any more has promised it of
// every value. It is a plan.Stateful, whose entries are in keys_state.go.
type Keys struct {
	votes      *Votes
	attributes []string // in order
	ids        []*plan.Values
	// waiting has, for each producer, the promises whose records have not all come, ascending by count.
	waiting  [][]keyPromise
	ballots  map[plan.ValueID]*ballot
	sealed   map[plan.ValueID]struct{}
	decided  []Decided
	changes  [][]byte // entries since the last kept snapshot
	taken    int
	promises int   // how many wait
	open     []int // by producer: values it has voted for that are not complete
	limit    int   // of sealed
}

// keyPromise is a promise about a value.
type keyPromise struct {
	Tally
	seq       uint64
	attribute int
	value     plan.ValueID
}

// ballot has the votes for a value.
type ballot struct {
	attribute int
	voters    []byte // one bit for each producer
}

func (b *ballot) has(producer int) bool { return b.voters[producer/8]&(1<<(producer%8)) != 0 }

// Decided is a value that has become complete.
type Decided struct {
	Attribute string
	Value     plan.ValueID
}

// Keys returns what keeps the promises about values of these attributes. It is called once, before any message.
func (v *Votes) Keys(attributes []string) *Keys {
	v.keys = &Keys{
		votes: v, attributes: attributes, waiting: make([][]keyPromise, len(v.producers)), open: make([]int, len(v.producers)),
		ballots: make(map[plan.ValueID]*ballot), sealed: make(map[plan.ValueID]struct{}), limit: maxSealed,
	}
	for _, a := range attributes {
		v.keys.ids = append(v.keys.ids, plan.ValuesOf(a))
	}
	return v.keys
}

// PromiseKey takes note of a promise about a value, which is the payload; it stands at seq in the log. An error says why it is worth
// nothing. Attributes that nothing is sealed by are for other pipelines.
func (v *Votes) PromiseKey(seq uint64, headers map[string][]string, payload []byte) error {
	p, err := v.producer(headers)
	if err != nil {
		return err
	}
	made, attribute, err := ReadKeyPromise(headers, payload)
	if err != nil || v.keys == nil {
		return err
	}
	at, wanted := slices.BinarySearch(v.keys.attributes, attribute)
	if !wanted {
		return nil
	}
	return v.keys.promise(p, keyPromise{Tally: made, seq: seq, attribute: at, value: v.keys.ids[at].ID(string(payload))})
}

func (k *Keys) promise(p *producer, made keyPromise) error {
	at := p.number
	switch {
	case k.voted(made.value, at):
		return nil // published again
	case made.Count < p.got.Count:
		return fmt.Errorf("the punctuation of producer %q counts %d records, but %d had arrived before it, so that it can be held against no digest; publish a punctuation before the records that follow it", p.name, made.Count, p.got.Count)
	case k.votes.full(len(k.waiting[at]), maxKeyPromises, k.promises, allKeyPromises):
		return fmt.Errorf("producer %q has %d punctuations about values that wait for records, which is the limit; the first record missing is number %d; publish this one again when it is there", p.name, len(k.waiting[at]), p.got.Count+1)
	case k.votes.full(k.open[at], maxOpenValues, k.opened(), allOpenValues):
		return fmt.Errorf("producer %q has promised %d values that others have not, which is the limit; publish this one again when they have", p.name, k.open[at])
	case k.remembered() >= k.limit && k.ballots[made.value] == nil:
		return fmt.Errorf("%d values are complete or voted for in this shard, which is the limit: each is remembered, so that what comes later is late; a new Version of the pipeline begins anew", k.remembered())
	}
	k.insert(at, made)
	k.note(appendWaiting(nil, at, &made))
	k.votes.settle(p)
	return nil
}

// insert puts a promise behind those of its producer that have the same count.
func (k *Keys) insert(producer int, made keyPromise) {
	all := k.waiting[producer]
	i, _ := slices.BinarySearchFunc(all, made, func(a, b keyPromise) int {
		if a.Count > b.Count {
			return 1
		}
		return -1
	})
	k.waiting[producer] = slices.Insert(all, i, made)
	k.promises++
}

func (k *Keys) remove(producer, i int) {
	k.waiting[producer] = slices.Delete(k.waiting[producer], i, i+1)
	k.promises--
}

func (k *Keys) remembered() int { return len(k.sealed) + len(k.ballots) + len(k.decided) }

func (k *Keys) opened() (n int) {
	for _, o := range k.open {
		n += o
	}
	return n
}

// voted reports whether a producer needs to promise a value no more.
func (k *Keys) voted(value plan.ValueID, producer int) bool {
	if b := k.ballots[value]; b != nil {
		return b.has(producer)
	}
	if _, ok := k.sealed[value]; ok {
		return true
	}
	return slices.ContainsFunc(k.decided, func(d Decided) bool { return d.Value == value })
}

// settle counts the promises of a producer that its records fulfil or refute, as they are now.
func (k *Keys) settle(p *producer) {
	at := p.number
	for len(k.waiting[at]) > 0 && k.waiting[at][0].Count == p.got.Count {
		made := k.waiting[at][0]
		k.remove(at, 0)
		k.note(appendDone(nil, at, made.seq))
		if made.Digest != p.got.Digest {
			k.votes.refute(p, made.seq, made.Tally)
			continue
		}
		k.vote(at, &made)
	}
}

func (k *Keys) vote(producer int, made *keyPromise) {
	if k.voted(made.value, producer) {
		return
	}
	b := k.ballots[made.value]
	if b == nil {
		b = &ballot{attribute: made.attribute, voters: make([]byte, (len(k.waiting)+7)/8)}
		k.ballots[made.value] = b
	}
	b.voters[producer/8] |= 1 << (producer % 8)
	k.open[producer]++
	if !k.decide(made.value, b) {
		k.note(appendBallot(nil, made.value, b))
	}
}

// ended takes note that a producer has promised that nothing comes any more: values that wait for it alone are complete.
func (k *Keys) ended() {
	for _, value := range sortedIDs(k.ballots) {
		k.decide(value, k.ballots[value])
	}
}

// decide closes a ballot if all have voted.
func (k *Keys) decide(value plan.ValueID, b *ballot) bool {
	for i, p := range k.votes.producers {
		if !b.has(i) && p.frontier != plan.End {
			return false
		}
	}
	k.close(value, b)
	k.decided = append(k.decided, Decided{k.attributes[b.attribute], value})
	k.note(appendSealed(nil, value))
	return true
}

func (k *Keys) close(value plan.ValueID, b *ballot) {
	for i := range k.open {
		if b.has(i) {
			k.open[i]--
		}
	}
	delete(k.ballots, value)
}

// Pending reports whether there are values for Decided.
func (k *Keys) Pending() bool { return k != nil && len(k.decided) > 0 }

// Decided returns the values that have become complete since the last call. From now on they are sealed: what comes behind is late.
func (k *Keys) Decided() []Decided {
	all := k.decided
	for _, d := range all {
		k.sealed[d.Value] = struct{}{}
	}
	k.decided = nil
	return all
}

// Sealed reports whether a value is complete.
func (k *Keys) Sealed(value plan.ValueID) bool {
	_, ok := k.sealed[value]
	return ok
}

// sortedIDs returns the keys of a map in an order that no map decides.
func sortedIDs[V any](of map[plan.ValueID]V) []plan.ValueID {
	ids := make([]plan.ValueID, 0, len(of))
	for id := range of {
		ids = append(ids, id)
	}
	slices.SortFunc(ids, func(a, b plan.ValueID) int { return bytes.Compare(a[:], b[:]) })
	return ids
}
