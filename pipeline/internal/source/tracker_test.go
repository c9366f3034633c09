package source

import (
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// world is a model of a stream, a consumer and a network. The stream has sequences 1, 2, 3 ... of which some match; the
// consumer delivers the matching ones with numbers and sends heartbeats; the network keeps the order but loses and repeats.
type world struct {
	matches []bool // by sequence - 1
	first   uint64 // first sequence still stored
	purged  map[uint64]bool

	sseq, dseq uint64 // of the consumer: next stream sequence to look at, next number to give
	wire       []packet
}

type packet struct {
	beat bool
	d    delivery
}

func (w *world) stored(seq uint64) bool { return seq >= w.first && w.matches[seq-1] }

func (w *world) subscribe(after uint64) {
	w.sseq, w.dseq, w.wire = max(after+1, w.first), 1, nil
}

// deliver looks at one more sequence.
func (w *world) deliver() {
	w.sseq = max(w.sseq, w.first)
	if w.sseq > uint64(len(w.matches)) {
		return
	}
	if w.stored(w.sseq) {
		w.wire = append(w.wire, packet{d: delivery{stream: w.sseq, consumer: w.dseq, time: int64(w.sseq)}})
		w.dseq++
	}
	w.sseq++
}

func (w *world) heartbeat() {
	w.wire = append(w.wire, packet{beat: true, d: delivery{stream: w.sseq - 1, consumer: w.dseq - 1}})
}

func (w *world) purge(first uint64) {
	for seq := w.first; seq < first; seq++ {
		w.purged[seq] = true
	}
	w.first = max(w.first, first)
	w.sseq = max(w.sseq, w.first) // as the server does
}

// trial is a tracker in a world, and what it has accepted.
type trial struct {
	*world
	tracker tracker
	read    []uint64
}

// again makes another consumer, as the reader does when the tracker doubts.
func (r *trial) again(*rapid.T) {
	r.subscribe(r.tracker.position)
	r.tracker.restart()
}

func (r *trial) receive(t *rapid.T) {
	if len(r.wire) == 0 {
		t.Skip("nothing on the wire")
	}
	p := r.wire[0]
	r.wire = r.wire[1:]
	if p.beat {
		if _, ok := r.tracker.heartbeat(p.d.consumer, p.d.stream); !ok {
			r.again(t)
		}
	} else if r.tracker.message(p.d) {
		r.read = append(r.read, p.d.stream)
	} else {
		r.again(t)
	}
}

// any draws something that is on the wire.
func (r *trial) any(t *rapid.T) int {
	if len(r.wire) == 0 {
		t.Skip("nothing on the wire")
	}
	return rapid.IntRange(0, len(r.wire)-1).Draw(t, "which")
}

func (r *trial) lose(t *rapid.T) {
	i := r.any(t)
	r.wire = slices.Delete(r.wire, i, i+1)
}

func (r *trial) repeat(t *rapid.T) {
	if i := r.any(t); !r.wire[i].beat {
		r.wire = slices.Insert(r.wire, i, r.wire[i])
	}
}

// check is the invariant.
func (r *trial) check(t *rapid.T) {
	if !slices.IsSorted(r.read) || len(slices.Compact(slices.Clone(r.read))) != len(r.read) {
		t.Fatalf("out of order or twice: %v", r.read)
	}
	for seq := uint64(1); seq <= r.tracker.position; seq++ {
		if r.matches[seq-1] && !slices.Contains(r.read, seq) && !r.purged[seq] {
			t.Fatalf("position %d, but %d matches and was not read", r.tracker.position, seq)
		}
	}
}

// verify holds a verification against what the world knows to be lost, and continues as after a new proof.
func (r *trial) verify(t *rapid.T) {
	lost, gap := r.tracker.gap(r.first, 0)
	for seq := r.tracker.proven + 1; seq <= r.tracker.position; seq++ {
		inside := gap && lost[0] <= seq && seq <= lost[1]
		if r.purged[seq] && !slices.Contains(r.read, seq) && !inside {
			t.Fatalf("%d was purged unread below position %d, but the gap is %v (%v)", seq, r.tracker.position, lost, gap)
		}
	}
	if gap && (!r.purged[lost[0]] || !r.purged[lost[1]] || slices.Contains(r.read, lost[0])) {
		t.Fatalf("gap %v is too wide", lost)
	}
	r.tracker.prove()
}

// The promise of the tracker, against any loss, repetition, new consumer and purge: what it accepts is in order and without
// repetition, everything that matches up to the position was accepted unless it was purged, and a purge of anything that was
// not read is never missed, and is located.
func TestTrackerAgainstAnyWorld(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		r := &trial{world: &world{first: 1, purged: map[uint64]bool{}}, tracker: newTracker(0, 0, 0)}
		r.subscribe(0)
		t.Repeat(map[string]func(*rapid.T){
			"publish": func(t *rapid.T) { r.matches = append(r.matches, rapid.Bool().Draw(t, "matches")) },
			"purge":   func(t *rapid.T) { r.purge(rapid.Uint64Range(1, uint64(len(r.matches))+1).Draw(t, "first")) },
			"deliver": func(*rapid.T) { r.deliver() },
			"beat":    func(*rapid.T) { r.heartbeat() },
			"receive": r.receive,
			"again":   r.again,
			"lose":    r.lose,
			"repeat":  r.repeat,
			"verify":  r.verify,
			"":        r.check,
		})
	})
}

func TestTrackerKnowsTheExactGapOfOnePurge(t *testing.T) {
	t.Parallel()
	tr := newTracker(5, 5, 1)
	for i, seq := range []uint64{6, 7, 8, 901, 902} {
		if !tr.message(delivery{stream: seq, consumer: uint64(i + 1), time: 1}) {
			t.Fatalf("message %d is refused", seq)
		}
	}
	for _, c := range []struct {
		name        string
		first, from uint64
		lost        [2]uint64
		gap         bool
	}{
		{"begins where reading went on", 901, 0, [2]uint64{9, 900}, true},
		{"was trimmed further", 902, 0, [2]uint64{9, 900}, true},
		{"was trimmed less", 101, 0, [2]uint64{9, 100}, true},
		{"begins at the jump", 9, 0, [2]uint64{}, false},
		{"begins below the jump", 1, 0, [2]uint64{}, false},
		{"is empty", 0, 0, [2]uint64{}, false},
		{"caller vouches for a part", 901, 500, [2]uint64{501, 900}, true},
		{"caller vouches for all", 901, 900, [2]uint64{}, false},
	} {
		if lost, gap := tr.gap(c.first, c.from); lost != c.lost || gap != c.gap {
			t.Errorf("the stream %s: gap %v (%v), want %v (%v)", c.name, lost, gap, c.lost, c.gap)
		}
	}
	tr.prove()
	if tr.jumped() {
		t.Error("a proof left a jump")
	}
}

func TestTrackerRefusesWhatItHas(t *testing.T) {
	t.Parallel()
	for _, stream := range []uint64{1, 4, 5} {
		tr := newTracker(5, 3, 1)
		if tr.message(delivery{stream: stream, consumer: 1, time: 1}) {
			t.Errorf("sequence %d was accepted at position 5", stream)
		}
	}
}
