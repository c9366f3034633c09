package kernel

import (
	"encoding/binary"
	"math"
	"time"

	"github.com/calmstream/calmstream/internal/plan"
	"github.com/cespare/xxhash/v2"
)

// What is sealed key by key has one certificate for many keys. Where one ends and the next begins must not depend on batches. Sessions are
// sealed in the order of their ends, so that theirs are about periods of event time; what is sealed by the evidence in it is sealed by
// the record that completes it, so that theirs are about ranges of positions in the log.
const sessionPeriod = int64(time.Hour)

// tally is the certificate under way: how many states were sealed in a period, and the sum of their hashes, which knows no order.
type tally struct {
	rt     *plan.Runtime
	period int64
	keys   int
	digest uint64
	// about makes the certificate of a period.
	about func(period int64) plan.Certificate
	// whole says that there is one period.
	whole bool
	// used says that there is something to keep in checkpoints.
	used bool
	buf  []byte
}

func (t *tally) wanted() bool { return t.rt.Certify != nil }

// add counts a state by its encoding.
func (t *tally) add(period int64, entry []byte) {
	t.move(period)
	t.used = true
	t.keys++
	t.digest += xxhash.Sum64(entry)
}

// move ends the period unless it is the one given.
func (t *tally) move(period int64) {
	if period != t.period {
		t.end()
		t.period = period
	}
}

// end hands out the certificate of the period, if anything was sealed in it.
func (t *tally) end() {
	if t.keys == 0 {
		return
	}
	c := t.about(t.period)
	c.Keys, c.Digest = t.keys, t.digest
	t.rt.Certify(c)
	t.keys, t.digest = 0, 0
}

// state is what a checkpoint keeps:
//
//	varint(period)  uvarint(keys)  8 bytes digest, little-endian
func (t *tally) state(b []byte) []byte {
	b = binary.AppendUvarint(binary.AppendVarint(b, t.period), uint64(t.keys))
	return binary.LittleEndian.AppendUint64(b, t.digest)
}

func (t *tally) restore(data []byte) error {
	period, n := binary.Varint(data)
	if n <= 0 {
		return errEntry
	}
	keys, m := binary.Uvarint(data[n:])
	if m <= 0 || keys > math.MaxInt || len(data) != n+m+8 {
		return errEntry
	}
	t.period, t.keys, t.digest, t.used = period, int(keys), binary.LittleEndian.Uint64(data[n+m:]), true
	return nil
}

// tallied is what a fold sees of a reader that keeps a tally.
type tallied interface{ counts() *tally }

// An entry of a fold's state that is the tally of a reader is
//
//	tally: 0x07  uvarint(number of the threshold)  tally
const entryTally = 0x07

// snapshotTallies writes the tallies of the thresholds. They are few, and written whether they have changed or not.
func (k *folder[K, C, L, P]) snapshotTallies(w plan.StateWriter) error {
	for i, t := range k.thresholds {
		if own, ok := t.(tallied); ok && own.counts().used {
			k.buf = own.counts().state(binary.AppendUvarint(append(k.buf[:0], entryTally), uint64(i)))
			if err := w.Add(k.buf); err != nil {
				return err
			}
		}
	}
	return nil
}

func (k *folder[K, C, L, P]) restoreTally(data []byte) error {
	i, n := binary.Uvarint(data)
	if n <= 0 || i >= uint64(len(k.thresholds)) {
		return errEntry
	}
	own, ok := k.thresholds[i].(tallied)
	if !ok {
		return errEntry
	}
	return own.counts().restore(data[n:])
}

// passed tells the tallies that the log has come to a position.
func (k *folder[K, C, L, P]) passed(seq uint64) {
	if k.sealing == 0 {
		return
	}
	for _, t := range k.thresholds {
		if own, ok := t.(tallied); ok {
			own.counts().move(own.counts().at(seq))
		}
	}
}

// at returns the period of a position.
func (t *tally) at(seq uint64) int64 {
	if t.whole {
		return 0
	}
	return int64(seq / max(1, t.rt.CertifyRange))
}

// newEvidence makes the tally of states that are sealed by the evidence in them. What comes from behind a seal has no position of its own, but
// that of the batch in which its window has closed: the whole input is one period for it.
func newEvidence(seal *plan.Node, rt *plan.Runtime) tally {
	t := tally{rt: rt, whole: seal.In[0].Follows()}
	t.about = func(period int64) plan.Certificate {
		c := plan.Certificate{Node: seal.In[0], Kind: plan.ByEvidence, By: seal, Window: plan.Global}
		if !t.whole {
			c.First, c.Seq = max(1, uint64(period)*rt.CertifyRange), uint64(period+1)*rt.CertifyRange-1
		}
		return c
	}
	return t
}

// sessionsEnded makes the certificate of the sessions that end in a period.
func sessionsEnded(fold *plan.Node) func(period int64) plan.Certificate {
	return func(period int64) plan.Certificate {
		start := period * sessionPeriod
		return plan.Certificate{Node: fold, Kind: plan.BySession, Window: plan.Span{Start: start, End: start + sessionPeriod}}
	}
}

func sessionPeriodOf(instant int64) int64 {
	period := instant / sessionPeriod
	if instant%sessionPeriod < 0 {
		period--
	}
	return period
}

// An entry of the state of session windows that is a tally begins as no key can, with a length of 1<<64-1.
var tallyMark = binary.AppendUvarint(nil, math.MaxUint64)

// certify counts a session that is sealed. A state that cannot be encoded counts as its key alone: the next checkpoint will say so.
func (k *sessions[K, C, L, P]) certify(c *ended[K, L]) {
	if !k.tally.wanted() {
		return
	}
	b := binary.AppendVarint(k.keys.Append(binary.AppendUvarint(k.buf[:0], uint64(k.keys.Size(c.key))), c.key), c.span.Start)
	b = binary.AppendVarint(b, c.span.End)
	k.buf = encoded[L, P](b, &c.value)
	k.tally.add(sessionPeriodOf(c.span.End), k.buf)
}

// certified ends the periods in which no session can end any more.
func (k *sessions[K, C, L, P]) certified(after int64) {
	if k.tally.keys > 0 {
		k.tally.move(max(k.tally.period, sessionPeriodOf(after)))
	}
}

// encoded appends a state, if it can be.
func encoded[L any, P interface {
	*L
	AppendBinary([]byte) ([]byte, error)
}](b []byte, value *L) (out []byte) {
	defer func() {
		if recover() != nil {
			out = b
		}
	}()
	if with, err := P(value).AppendBinary(b); err == nil {
		return with
	}
	return b
}
