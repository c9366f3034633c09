package seal

import (
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/calmstream/calmstream/internal/plan"
)

// Bounds of what producers can make a shard keep, and write with each checkpoint, whose small state is one message.
const (
	// MaxAhead is how many records of a producer may have come before one with a lower number.
	MaxAhead    = 1 << 12
	maxPromises = 1 << 8 // promises of a producer whose records have not all come

	// Once all together have that many, each has no more than its share. So there are never more than twice as many.
	allAhead    = 1 << 14
	allPromises = 1 << 11
)

// Votes is what a shard knows of the producers of its input. It belongs to the shard's goroutine.
type Votes struct {
	producers []*producer // by name
	frontier  int64
	refuted   []Refuted
	keys      *Keys // nil unless something is sealed by values of attributes
	// ahead and promises are how many all producers have.
	ahead, promises int
}

// Refuted is a punctuation whose records have come and are not what it promised.
type Refuted struct {
	// Seq is where in the log it stands.
	Seq uint64
	Err error
}

type producer struct {
	name   string
	number int // in the order of the names
	// got are the records numbered without a gap from 1 on, with those before the place where reading began.
	got Tally
	// ahead holds the hashes of those that came before one with a lower number.
	ahead map[uint64]uint64
	// promises wait for their records, ascending by count.
	promises []Promise
	frontier int64
}

// NewVotes returns the votes of the given producers, none of which has said anything yet.
func NewVotes(names []string) *Votes {
	v := &Votes{frontier: plan.Beginning}
	for i, name := range slices.Sorted(slices.Values(names)) {
		v.producers = append(v.producers, &producer{name: name, number: i, ahead: make(map[uint64]uint64), frontier: plan.Beginning})
	}
	return v
}

// Frontier returns the time before which all producers have promised, and delivered, everything.
func (v *Votes) Frontier() int64 { return v.frontier }

// Record takes note of a record. It reports false for fresh if a record with that number was there before: then it is the same
// one, published again. An error says why the record cannot be used.
func (v *Votes) Record(headers map[string][]string, payload []byte) (fresh bool, err error) {
	p, err := v.producer(headers)
	if err != nil {
		return false, err
	}
	n, err := Sequence(headers)
	if err != nil {
		return false, err
	}
	if fresh, err = v.take(p, n, Hash(n, payload)); fresh {
		v.settle(p)
	}
	return fresh, err
}

// Promise takes note of a punctuation, which stands at seq in the log. An error says why it is worth nothing.
func (v *Votes) Promise(seq uint64, headers map[string][]string) error {
	p, err := v.producer(headers)
	if err != nil {
		return err
	}
	made, err := ReadPromise(headers)
	if err != nil {
		return err
	}
	made.Seq = seq
	switch {
	case made.Before <= p.frontier:
		return nil // nothing new, or an old one published again
	case made.Count < p.got.Count:
		return fmt.Errorf("the punctuation of producer %q counts %d records, but %d had arrived before it, so that it can be held against no digest; publish a punctuation before the records that follow it", p.name, made.Count, p.got.Count)
	case v.full(len(p.promises), maxPromises, v.promises, allPromises):
		return fmt.Errorf("producer %q has %d punctuations that wait for records, which is the limit; the first record missing is number %d", p.name, len(p.promises), p.got.Count+1)
	}
	at, _ := slices.BinarySearchFunc(p.promises, made, func(a, b Promise) int {
		if a.Count > b.Count {
			return 1
		}
		return -1 // behind those with the same count
	})
	p.promises = slices.Insert(p.promises, at, made)
	v.promises++
	v.settle(p)
	return nil
}

// Refuted returns the punctuations that were refuted since the last call.
func (v *Votes) Refuted() (all []Refuted) {
	all, v.refuted = v.refuted, nil
	return all
}

func (v *Votes) producer(headers map[string][]string) (*producer, error) {
	name := Producer(headers)
	at, known := slices.BinarySearchFunc(v.producers, name, func(p *producer, name string) int {
		switch {
		case p.name < name:
			return -1
		case p.name > name:
			return 1
		}
		return 0
	})
	switch {
	case known:
		return v.producers[at], nil
	case name == "":
		return nil, fmt.Errorf("it names no producer in the header %s, but the input has registered producers: %s", ProducerHeader, v.names())
	}
	return nil, fmt.Errorf("the producer %q is not registered; the input has %s. A new one needs a new Version of the pipeline", name, v.names())
}

func (v *Votes) names() string {
	var names []string
	for _, p := range v.producers {
		names = append(names, fmt.Sprintf("%q", p.name))
	}
	return fmt.Sprint(names)
}

// full reports whether a producer that has so many of something may have no more, since it is at its limit, or all are at theirs
// and it has its share.
func (v *Votes) full(has, limit, together, all int) bool {
	return has >= limit || together >= all && has >= all/len(v.producers)
}

// take takes note of record n.
func (v *Votes) take(p *producer, n, hash uint64) (fresh bool, err error) {
	next := p.got.Count + 1
	if n == next && len(p.ahead) == 0 { // as it should be
		p.got.AddHash(hash)
		return true, nil
	}
	switch before, waits := p.ahead[n]; {
	case n < next:
		return false, nil
	case waits && before == beforeIt:
		return false, nil // see Survey
	case waits && before != hash:
		return false, fmt.Errorf("producer %q has given the number %d to two records; a name belongs to one producer at a time", p.name, n)
	case waits:
		return false, nil
	case n > next && v.full(len(p.ahead), MaxAhead, v.ahead, allAhead):
		return false, fmt.Errorf("record %d of producer %q has come before number %d, as have %d others, which is the limit", n, p.name, next, len(p.ahead))
	}
	p.ahead[n] = hash
	v.ahead++
	return true, nil
}

// settle counts the records that have no gap before them any more, and the promises that they fulfil or refute.
func (v *Votes) settle(p *producer) {
	before := p.frontier
	for {
		for len(p.promises) > 0 && p.promises[0].Count == p.got.Count {
			made := p.promises[0]
			p.promises = slices.Delete(p.promises, 0, 1)
			v.promises--
			if made.Digest != p.got.Digest {
				v.refute(p, made.Seq, made.Tally)
				continue
			}
			p.frontier = max(p.frontier, made.Before)
		}
		if v.keys != nil {
			v.keys.settle(p)
		}
		hash, ok := p.ahead[p.got.Count+1]
		if !ok {
			break
		}
		p.got.AddHash(hash)
		delete(p.ahead, p.got.Count)
		v.ahead--
	}
	if p.frontier == before {
		return
	}
	if v.keys != nil && p.frontier == plan.End {
		v.keys.ended()
	}
	v.frontier = plan.End
	for _, other := range v.producers {
		v.frontier = min(v.frontier, other.frontier)
	}
}

// refute takes note that the records of a producer are not what it promised.
func (v *Votes) refute(p *producer, seq uint64, made Tally) {
	v.refuted = append(v.refuted, Refuted{seq, fmt.Errorf("the punctuation of producer %q promises the digest %016x of its first %d records, but theirs is %016x; were records lost or changed, or does another process use its name?", p.name, made.Digest, p.got.Count, p.got.Digest)})
}

// Words yields how far each producer has promised, and delivered, everything.
func (v *Votes) Words(yield func(producer string, frontier int64)) {
	for _, p := range v.producers {
		yield(p.name, p.frontier)
	}
}

// Waiting returns the producers that hold the frontier back, for people.
func (v *Votes) Waiting() (names []string) {
	for _, p := range v.producers {
		if p.frontier == v.frontier && v.frontier != plan.End {
			names = append(names, p.name)
		}
	}
	return names
}

// AppendState appends what a checkpoint keeps:
//
//	n | ( count | digest | frontier | m | (step | hash)*m | k | (count | digest | before | seq)*k ) * n
//
// in the order of the producers' names. Hashes and digests are 8 bytes, little endian; frontier and before varint, all else
// uvarint; step is the distance from the number before.
func (v *Votes) AppendState(b []byte) []byte {
	b = binary.AppendUvarint(b, uint64(len(v.producers)))
	for _, p := range v.producers {
		b = p.got.append(b)
		b = binary.AppendVarint(b, p.frontier)
		b = binary.AppendUvarint(b, uint64(len(p.ahead)))
		last := p.got.Count
		for _, n := range slices.Sorted(maps.Keys(p.ahead)) {
			b = binary.AppendUvarint(b, n-last)
			b = binary.LittleEndian.AppendUint64(b, p.ahead[n])
			last = n
		}
		b = binary.AppendUvarint(b, uint64(len(p.promises)))
		for _, made := range p.promises {
			b = binary.AppendUvarint(binary.AppendVarint(made.append(b), made.Before), made.Seq)
		}
	}
	return b
}

func (t Tally) append(b []byte) []byte {
	return binary.LittleEndian.AppendUint64(binary.AppendUvarint(b, t.Count), t.Digest)
}

// ErrMalformed is returned for bytes that AppendState did not write.
var ErrMalformed = errors.New("seal: malformed votes in a checkpoint")

// RestoreState takes it back, in place of what was there, and returns the rest of data.
func (v *Votes) RestoreState(data []byte) ([]byte, error) {
	d := decoder{data: data}
	if d.uvarint() != uint64(len(v.producers)) {
		return nil, ErrMalformed
	}
	v.frontier, v.ahead, v.promises = plan.End, 0, 0
	for _, p := range v.producers {
		p.got, p.frontier = d.tally(), d.varint()
		p.promises = nil
		clear(p.ahead)
		last := p.got.Count
		for left := d.count(MaxAhead); left > 0; left-- {
			step := d.uvarint()
			if d.failed || step == 0 || last+step < last {
				return nil, ErrMalformed
			}
			last += step
			p.ahead[last] = d.fixed()
		}
		for left := d.count(maxPromises); left > 0; left-- {
			p.promises = append(p.promises, Promise{Tally: d.tally(), Before: d.varint(), Seq: d.uvarint()})
		}
		v.frontier = min(v.frontier, p.frontier)
		v.ahead, v.promises = v.ahead+len(p.ahead), v.promises+len(p.promises)
	}
	if d.failed {
		return nil, ErrMalformed
	}
	return d.data, nil
}

// decoder reads what AppendState wrote. After a failure it yields zeros.
type decoder struct {
	data   []byte
	failed bool
}

func (d *decoder) uvarint() uint64 {
	v, n := binary.Uvarint(d.data)
	return v * d.skip(n)
}

func (d *decoder) varint() int64 {
	v, n := binary.Varint(d.data)
	return v * int64(d.skip(n))
}

// skip leaves n bytes behind, or, if there are none to leave, fails and returns 0 instead of 1.
func (d *decoder) skip(n int) uint64 {
	if n <= 0 || n > len(d.data) {
		d.failed, d.data = true, nil
		return 0
	}
	d.data = d.data[n:]
	return 1
}

func (d *decoder) fixed() (v uint64) {
	if len(d.data) >= 8 {
		v = binary.LittleEndian.Uint64(d.data)
	}
	return v * d.skip(8)
}

func (d *decoder) tally() Tally { return Tally{Count: d.uvarint(), Digest: d.fixed()} }

func (d *decoder) count(limit uint64) uint64 {
	n := d.uvarint()
	if n > limit {
		d.failed, d.data = true, nil
		return 0
	}
	return n
}
