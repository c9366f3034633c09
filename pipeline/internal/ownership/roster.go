package ownership

import (
	"maps"
	"slices"
)

// Excused is how many announcements more a worker waits for the others after its server was away: each finds its way back by its own clock.
const Excused = 10

// Missed is how many announcements of its own a worker makes without hearing one of another before it takes that one for gone.
const Missed = 4

// Roster is who is there, as one worker knows it. It is for one goroutine.
//
// Its clock is the worker's own announcements, as the server has confirmed them: who is not heard of while this worker has
// announced itself [Missed] times is gone. So a worker that is cut off, or whose server is, or that was stopped for
// a while, does not take the silence for the others' death and all of their shards for its own.
type Roster struct {
	self   string
	ticks  uint64
	others map[string]uint64 // the tick at which each was heard last
}

// NewRoster returns a roster with nobody on it but the worker itself.
func NewRoster(self string) *Roster {
	return &Roster{self: self, ticks: Missed, others: make(map[string]uint64)}
}

// Hear takes an announcement of a worker and reports whether that one is new.
func (r *Roster) Hear(worker string) bool { return r.Find(worker, 0) }

// Find takes an announcement that was made so many announcements ago, and reports whether the worker is new. One that is too old
// says nothing.
func (r *Roster) Find(worker string, ago int) bool {
	if worker == r.self || ago >= Missed {
		return false
	}
	_, known := r.others[worker]
	r.others[worker] = max(r.others[worker], r.ticks-uint64(max(0, ago)))
	return !known
}

// Forget takes the news that a worker has left and reports whether it was there.
func (r *Roster) Forget(worker string) bool {
	_, known := r.others[worker]
	delete(r.others, worker)
	return known
}

// Tick is told that the server has confirmed an announcement of this worker. It returns who is gone now, by name.
func (r *Roster) Tick() (gone []string) {
	r.ticks++
	for worker, heard := range r.others {
		if r.ticks >= heard+Missed {
			gone = append(gone, worker)
			delete(r.others, worker)
		}
	}
	slices.Sort(gone)
	return gone
}

// Excuse is told that the server was away, as it was for the others, who could not be heard meanwhile and are on their way back.
func (r *Roster) Excuse() {
	for worker := range r.others {
		r.others[worker] = r.ticks + Excused
	}
}

// Workers returns who is there, by name, the worker itself among them.
func (r *Roster) Workers() []string {
	return slices.Sorted(slices.Values(append(slices.Collect(maps.Keys(r.others)), r.self)))
}
