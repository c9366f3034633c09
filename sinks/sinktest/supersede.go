package sinktest

import (
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/calmstream/calmstream/crdt"
	"github.com/calmstream/calmstream/sinks"
)

// versions returns the versions from first to last of a thing, each with content of its own.
func (b *bench) versions(thing int, first, last uint64) (all []sinks.Record) {
	for v := first; v <= last; v++ {
		r := b.withPaths(thing, 1)[0]
		r.Verdict, r.Version = crdt.LowerBound, v
		r.ID += fmt.Sprintf("/v%d", v)
		r.Payload = fmt.Appendf(nil, "at least %d", v)
		all = append(all, r)
	}
	return all
}

// checkNewer: a newer version takes the place of the one before, in another batch, in the same, and over a gap.
func checkNewer(b *bench) error {
	all := b.versions(0, 1, 9)
	w, err := b.open()
	if err != nil {
		return err
	}
	for _, batch := range [][]sinks.Record{all[:1], all[1:4], all[6:7], {all[8], all[7]}} {
		if err := b.put(w, batch); err != nil {
			return errors.Join(err, b.closeWriter(w))
		}
		newest := slices.MaxFunc(batch, func(a, b sinks.Record) int { return int(a.Version) - int(b.Version) })
		if err := b.shows([]sinks.Record{newest}); err != nil {
			return fmt.Errorf("after version %d: %w", newest.Version, err)
		}
	}
	return b.closeWriter(w)
}

// checkOlder: an older version is taken, as something that has been there, and changes nothing: from the same writer, which a shard
// that begins again from its checkpoint goes on with, and from another one.
func checkOlder(b *bench) error {
	all := b.versions(0, 1, 6)
	w, err := b.open()
	if err != nil {
		return err
	}
	if err := b.put(w, all[4:5]); err != nil {
		return errors.Join(err, b.closeWriter(w))
	}
	for i := range 5 {
		if err := b.put(w, all[i:i+1]); err != nil {
			return errors.Join(fmt.Errorf("version %d behind version 5: %w", i+1, err), b.closeWriter(w))
		}
		if err := b.shows(all[4:5]); err != nil {
			return errors.Join(fmt.Errorf("version %d was written behind version 5: %w", i+1, err), b.closeWriter(w))
		}
	}
	if err := errors.Join(b.closeWriter(w), b.write(all[:3])); err != nil {
		return err
	}
	if err := b.shows(all[4:5]); err != nil {
		return fmt.Errorf("another writer wrote what is older: %w", err)
	}
	if err := b.write(all[:6]); err != nil {
		return err
	}
	return b.shows(all[5:6])
}

// checkZombie: a writer that knows what it has written last, sleeps while another goes on, and wakes up to write what it had left.
func checkZombie(b *bench) error {
	all := b.versions(0, 1, 8)
	zombie, err := b.open()
	if err != nil {
		return err
	}
	if err := b.put(zombie, all[:2]); err != nil {
		return err
	}
	if err := b.write(all[:7]); err != nil {
		return err
	}
	for i := 2; i < 6; i++ {
		if err := b.put(zombie, all[i:i+1]); err != nil {
			return fmt.Errorf("version %d behind version 7 of another writer: %w", i+1, err)
		}
		if err := b.shows(all[6:7]); err != nil {
			return fmt.Errorf("a writer that has slept wrote version %d behind version 7: %w", i+1, err)
		}
	}
	if err := b.put(zombie, all[7:]); err != nil {
		return err
	}
	return errors.Join(b.closeWriter(zombie), b.shows(all[7:]))
}

// checkNeverBack: several owners write the same versions at their own pace, one begins again in the middle, and each of them sees, behind
// each of its writes, no version behind one that any of them has seen.
func checkNeverBack(b *bench) error {
	const things, last = 5, 60
	watch := watch{bench: b, seen: make(map[string]uint64)}
	owner := func(size int, again bool) error {
		w, err := b.open()
		if err != nil {
			return err
		}
		for v := 0; v < last; v += size {
			if again && v > last/2 {
				v, again = 0, false
			}
			var batch []sinks.Record
			for thing := range things {
				batch = append(batch, b.versions(thing, uint64(v+1), uint64(min(v+size, last)))...)
			}
			if err := errors.Join(b.insist(w, batch), watch.look()); err != nil {
				return errors.Join(err, b.closeWriter(w))
			}
		}
		return b.closeWriter(w)
	}
	ended := make(chan error, 3)
	go func() { ended <- owner(1, false) }()
	go func() { ended <- owner(3, true) }()
	go func() { ended <- owner(7, false) }()
	if err := errors.Join(<-ended, <-ended, <-ended); err != nil {
		return err
	}
	var want []sinks.Record
	for thing := range things {
		want = append(want, b.versions(thing, last, last)...)
	}
	return b.showsSet(want)
}

// watch is a reader who remembers what it has seen.
type watch struct {
	*bench
	mu   sync.Mutex
	seen map[string]uint64 // the version, by key
}

// look reads the destination and compares it with what was seen before.
func (w *watch) look() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	got, err := w.read()
	if err != nil {
		return fmt.Errorf("reading the destination: %w", err)
	}
	now := make(map[string]uint64)
	for _, r := range got { // a destination that is read piece by piece may show a key that was replaced meanwhile twice
		var version uint64
		if _, err := fmt.Sscanf(string(r.Payload), "at least %d", &version); err != nil {
			return fmt.Errorf("record %q has the payload %q", r.ID, r.Payload)
		}
		now[r.Key] = max(now[r.Key], version)
	}
	for key, before := range w.seen {
		if now[key] < before {
			return fmt.Errorf("key %q went back from version %d to %d", key, before, now[key])
		}
	}
	w.seen = now
	return nil
}
