package shard

import (
	"context"
	"encoding/binary"
	"fmt"

	"github.com/calmstream/calmstream/internal/plan"
	"github.com/calmstream/calmstream/pipeline/internal/checkpoint"
)

// Outbox is told by a shard what leaves with its checkpoints. It may be called by several goroutines at once.
type Outbox interface {
	// Output returns the output that a result leaves as, and whether it leaves with a checkpoint at all.
	Output(r *Result) (out checkpoint.Output, owed bool, err error)
	// Room waits until whoever the outputs are for has taken enough of those before.
	Room(ctx context.Context) error
	// Stored is told of outputs that a commit has stored at the revisions before its own.
	Stored(outputs []checkpoint.Output, revision uint64)
}

const (
	// maxOutputs and maxOutputBytes bound what leaves with one commit: all of it must go into one batch of the server, with the fence.
	maxOutputs     = 900
	maxOutputBytes = 8 << 20
	// maxOwed and maxOwedBytes bound what waits for a checkpoint; beyond that the shard does not read. One batch may exceed them.
	maxOwed      = 16 * maxOutputs
	maxOwedBytes = 64 << 20
)

// outbox holds the results of a shard that leave with its checkpoints.
//
// A result leaves with the commit that moves the fence over the place in the log where it was made. The state at a position is the same
// for all owners, and so is the set of results that were made up to it; therefore each leaves once, whoever wins which commit. An owner
// that loses drops what the winner's position covers. What it has made itself is in batches of its own, and the place of a result
// behind a seal is known only by its batch: if the winner stands within one, the owner cannot say what is covered and begins again
// from the winner's checkpoint.
//
// What is more than one commit takes is part of the state: entries of segments under numbers, and in the small state the number up to which
// they have left. It leaves with the next commits.
type outbox struct {
	to Outbox // nil if no result leaves so; what is left from before leaves all the same
	// kept are those in the state, and fresh those that are in no checkpoint yet.
	kept  []checkpoint.Output
	fresh []owed
	// left and last are the numbers of the fence this owner builds on: that of the last output which has left, and that of the last there is.
	left, last uint64
	bytes      int // of fresh
	// offered is what the snapshot under way holds of fresh, and leaving how many, of kept and then of fresh, leave with it.
	offered, leaving int
}

// owed is an output and where in the log it was made: behind from, and at the latest at to.
type owed struct {
	checkpoint.Output
	from, to place
}

// place is a position, or behind it the end of the input there.
type place uint64

func placeOf(seq uint64, ended bool) place {
	p := place(2 * seq)
	if ended {
		p++
	}
	return p
}

// take takes out of the results of a batch those that leave with the checkpoint, and returns the others. Those that stand behind a seal
// were made between two places, the others at the message they are about.
func (o *outbox) take(p *plan.Plan, results []Result, from, to place) ([]Result, error) {
	if o.to == nil {
		return results, nil
	}
	others := results[:0]
	for i := range results {
		r := &results[i]
		out, is, err := o.to.Output(r)
		if err != nil {
			return nil, err
		}
		if !is {
			others = append(others, *r)
			continue
		}
		e := owed{out, from, to}
		if !p.Behind(r.Write) {
			e.from, e.to = placeOf(r.Meta.Seq, false)-1, placeOf(r.Meta.Seq, false)
		}
		o.fresh = append(o.fresh, e)
		o.bytes += out.Size()
	}
	clear(results[len(others):])
	return others, nil
}

// covered drops what a fence at a place covers. It reports false if that cannot be known.
func (o *outbox) covered(at place) bool {
	kept := o.fresh[:0]
	o.bytes = 0
	known := true
	for _, e := range o.fresh {
		if e.to <= at {
			continue
		}
		known = known && e.from >= at
		kept = append(kept, e)
		o.bytes += e.Size()
	}
	clear(o.fresh[len(kept):])
	o.fresh = kept
	return known
}

// owes says whether there is anything to commit for.
func (o *outbox) owes() bool { return len(o.kept) > 0 }

// presses says that it is time for a commit, whatever the clock says.
func (o *outbox) presses(first bool) bool {
	if !first { // another owner is to commit
		return o.owes() || len(o.fresh) >= maxOwed/2 || o.bytes >= maxOwedBytes/2
	}
	return o.owes() || len(o.fresh) >= maxOutputs || o.bytes >= maxOutputBytes
}

// full says that the shard is not to make more.
func (o *outbox) full() bool { return len(o.kept)+len(o.fresh) >= maxOwed || o.bytes >= maxOwedBytes }

// offer returns what leaves with the commit that is about to be made.
func (o *outbox) offer() []checkpoint.Output {
	var out []checkpoint.Output
	bytes := 0
	fits := func(e checkpoint.Output) bool {
		if bytes += e.Size(); len(out) == maxOutputs || len(out) > 0 && bytes > maxOutputBytes {
			return false
		}
		out = append(out, e)
		return true
	}
	o.offered = len(o.fresh)
	for _, e := range o.kept {
		if !fits(e) {
			o.leaving = len(out)
			return out
		}
	}
	for _, e := range o.fresh {
		if !fits(e.Output) {
			break
		}
	}
	o.leaving = len(out)
	return out
}

// remains is how many do not leave with the commit under way.
func (o *outbox) remains() int { return len(o.kept) + o.offered - o.leaving }

// committed takes note of the commit that was offered to.
func (o *outbox) committed() {
	o.left, o.last = o.left+uint64(o.leaving), o.last+uint64(o.offered)
	for _, e := range o.fresh[:o.offered] {
		o.kept = append(o.kept, e.Output)
		o.bytes -= e.Size()
	}
	o.kept = append([]checkpoint.Output(nil), o.kept[o.leaving:]...)
	o.fresh = append([]owed(nil), o.fresh[o.offered:]...)
	o.offered, o.leaving = 0, 0
}

// beaten takes note of another owner's fence. It reports false if this one cannot go on from where it is: it does not know which results
// are covered, or those that the winner has in its state.
func (o *outbox) beaten(w checkpoint.Fence) bool {
	o.offered, o.leaving = 0, 0
	numbers, frontier, err := numbersOf(w.Meta)
	if err != nil || numbers.left < numbers.last {
		return false
	}
	o.kept, o.left, o.last = nil, numbers.left, numbers.last // the winner has let go of all that was kept
	return o.covered(placeOf(w.Position.Seq, frontier == plan.End))
}

// An entry of the outbox in a segment is
//
//	uvarint number, output (checkpoint.AppendOutput)
//
// Snapshot implements plan.Stateful: it writes what does not leave with the commit.
func (o *outbox) Snapshot(w plan.StateWriter, full bool) error {
	number, stay := o.left, 0
	var buf []byte
	add := func(e checkpoint.Output, known bool) error {
		number++
		if stay++; stay <= o.leaving || known && !full {
			return nil
		}
		buf = checkpoint.AppendOutput(binary.AppendUvarint(buf[:0], number), e)
		return w.Add(buf)
	}
	for _, e := range o.kept {
		if err := add(e, true); err != nil {
			return err
		}
	}
	for _, e := range o.fresh[:o.offered] {
		if err := add(e.Output, false); err != nil {
			return err
		}
	}
	return nil
}

// Settle implements plan.Stateful; committed and beaten say what has become of a snapshot.
func (o *outbox) Settle(bool) {}

// Restore implements plan.Stateful. The numbers come first, with the small state.
func (o *outbox) Restore(entry []byte) error {
	number, n := binary.Uvarint(entry)
	if n <= 0 {
		return errState
	}
	if number <= o.left {
		return nil
	}
	if number != o.left+uint64(len(o.kept))+1 || number > o.last {
		return fmt.Errorf("%w: output %d, with %d left and %d kept", errState, number, o.left, len(o.kept))
	}
	out, err := checkpoint.DecodeOutput(entry[n:])
	if err == nil {
		o.kept = append(o.kept, out)
	}
	return err
}

// Open implements plan.Stateful.
func (o *outbox) Open() int { return 0 }

// appendState appends the numbers that stand once the commit under way does:
//
//	uvarint number of the last that has left, uvarint number of the last there is
func (o *outbox) appendState(b []byte) []byte {
	b = binary.AppendUvarint(b, o.left+uint64(o.leaving))
	return binary.AppendUvarint(b, o.last+uint64(o.offered))
}

// numbers are those of an outbox in a checkpoint.
type numbers struct{ left, last uint64 }

func readNumbers(data []byte) (n numbers, rest []byte, err error) {
	left, a := binary.Uvarint(data)
	if a <= 0 {
		return n, nil, errState
	}
	last, b := binary.Uvarint(data[a:])
	if b <= 0 || left > last {
		return n, nil, errState
	}
	return numbers{left, last}, data[a+b:], nil
}

// ended says whether the input had ended at a checkpoint; no small state is that of the beginning.
func ended(meta []byte) bool {
	_, frontier, err := numbersOf(meta)
	return err == nil && frontier == plan.End
}
