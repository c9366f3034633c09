package shard

import (
	"cmp"
	"encoding/binary"
	"math/bits"
	"slices"

	"github.com/calmstream/calmstream/internal/plan"
	"github.com/cespare/xxhash/v2"
)

// digest is a running hash of what a shard makes of its log: the results and the rejected records, all of them, and about
// five hundred contributions to its state between two marks. It is a function of the prefix of the log that was applied, and
// of nothing else. At fixed positions, the multiples of its distance, it is marked, so that owners can be compared: if
// their marks differ, something that should be a function is none, or they run different functions.
//
// It is a sum of hashes, since the order of outputs is not a function of the prefix: a window closes at the end of a
// batch. That is why batches end at marks.
type digest struct {
	distance uint64
	known    bool // false behind a checkpoint that has no digest
	sum      uint64
	next     uint64 // the position of the next mark
	marks    []mark // the newest, in order
	// awaited are marks of other owners ahead of this one, in order.
	awaited []mark
	buf     []byte
}

// mark is the digest of everything up to a position.
type mark struct{ at, sum uint64 }

const (
	markDistance = 1 << 16
	// keptMarks is how many marks are kept: an owner writes a checkpoint for every few.
	keptMarks = 64
)

func newDigest(distance uint64) digest {
	distance = cmp.Or(distance, markDistance)
	return digest{distance: distance, known: true, next: distance}
}

// sampleBits makes about five hundred samples of a distance. More would show in the speed of a shard.
func (d *digest) sampleBits() int { return max(0, bits.Len64(d.distance)-10) }

// The kinds of what a digest is made of. They are part of checkpoints.
const (
	digestContribution = iota + 1
	digestResult
	digestRejected
	digestLate
)

// contribution takes a sample of what goes into the state of a node.
func (d *digest) contribution(to *plan.Node, record []byte) {
	d.begin(digestContribution, to)
	d.buf = append(d.buf, record...)
	d.add()
}

// result takes a result. It is hashed by what its identity is made of: the sequence of a fact about a key and window is that
// of the batch in which the window closed.
func (d *digest) result(write *plan.Node, r *plan.Result) {
	d.begin(digestResult, write)
	d.place(&r.Meta)
	d.buf = binary.AppendUvarint(d.buf, uint64(r.Index))
	d.buf = append(d.buf, r.Payload...)
	d.add()
}

// rejected takes a record that was rejected. The reason is for people, and may name an address in memory.
func (d *digest) rejected(r *plan.Rejected) {
	kind := byte(digestRejected)
	if r.Late {
		kind = digestLate
	}
	d.begin(kind, r.Node)
	d.place(&r.Meta)
	d.buf = binary.AppendUvarint(d.buf, uint64(r.Meta.Index))
	d.add()
}

func (d *digest) begin(kind byte, n *plan.Node) {
	d.buf = binary.AppendUvarint(append(d.buf[:0], kind), uint64(n.ID))
}

func (d *digest) place(m *plan.Meta) {
	d.buf = binary.AppendUvarint(d.buf, uint64(m.Branch))
	if g := m.Group; g != nil {
		d.buf = binary.AppendVarint(append(d.buf, 'g'), g.Window.Start)
		d.buf = binary.AppendVarint(d.buf, g.Window.End)
		d.buf = binary.AppendUvarint(d.buf, uint64(len(g.Key)))
		d.buf = append(d.buf, g.Key...)
		return
	}
	d.buf = binary.AppendUvarint(append(d.buf, 'p'), m.Seq)
}

func (d *digest) add() { d.sum += xxhash.Sum64(d.buf) }

// reach returns how many of the messages lie before the next mark, which is at least one. It sets the mark that lies before the
// first of them: whoever reads the same log sets the same marks.
func (d *digest) reach(messages []plan.Message) int {
	if first := messages[0].Seq; first > d.next {
		d.set((first - 1) / d.distance * d.distance)
	}
	if messages[len(messages)-1].Seq <= d.next {
		return len(messages)
	}
	n, _ := slices.BinarySearchFunc(messages, d.next+1, func(m plan.Message, seq uint64) int { return cmp.Compare(m.Seq, seq) })
	return n
}

func (d *digest) set(at uint64) {
	d.next = at + d.distance
	if !d.known {
		return
	}
	if len(d.marks) == keptMarks {
		d.marks = slices.Delete(d.marks, 0, 1)
	}
	d.marks = append(d.marks, mark{at, d.sum})
}

// last returns the newest mark.
func (d *digest) last() mark {
	if len(d.marks) == 0 {
		return mark{}
	}
	return d.marks[len(d.marks)-1]
}

// expect notes a mark of another owner, to be compared when this one has come as far.
func (d *digest) expect(m mark) {
	if d.known && m.at > 0 && (len(d.awaited) == 0 || d.awaited[len(d.awaited)-1].at < m.at) {
		d.awaited = append(d.awaited, m)
	}
}

// differs compares the noted marks that this owner has come to, and forgets them. It returns a pair that differs.
func (d *digest) differs() (own, other mark, differ bool) {
	for len(d.awaited) > 0 && d.awaited[0].at <= d.last().at {
		other, d.awaited = d.awaited[0], d.awaited[1:]
		i, found := slices.BinarySearchFunc(d.marks, other.at, func(m mark, at uint64) int { return cmp.Compare(m.at, at) })
		if found && d.marks[i].sum != other.sum {
			return d.marks[i], other, true
		}
	}
	return own, other, false
}

// In the small state of a checkpoint the digest is
//
//	byte 0 if it is not known, else byte 1, 8 bytes sum, uvarint position of the newest mark (0: none), 8 bytes its digest
//
// with little-endian sums.
func (d *digest) appendState(b []byte) []byte {
	if !d.known {
		return append(b, 0)
	}
	m := d.last()
	b = binary.LittleEndian.AppendUint64(append(b, 1), d.sum)
	b = binary.AppendUvarint(b, m.at)
	return binary.LittleEndian.AppendUint64(b, m.sum)
}

// restoreState takes it back and returns the rest of data.
func (d *digest) restoreState(data []byte) ([]byte, error) {
	if len(data) > 0 && data[0] == 0 {
		d.known = false
		return data[1:], nil
	}
	if len(data) < 1+8 || data[0] != 1 {
		return nil, errState
	}
	sum := binary.LittleEndian.Uint64(data[1:])
	at, n := binary.Uvarint(data[9:])
	if n <= 0 || at%d.distance != 0 || len(data) < 9+n+8 {
		return nil, errState
	}
	d.known, d.sum, d.next, d.marks = true, sum, at+d.distance, nil
	if at > 0 {
		d.marks = []mark{{at, binary.LittleEndian.Uint64(data[9+n:])}}
	}
	return data[9+n+8:], nil
}
