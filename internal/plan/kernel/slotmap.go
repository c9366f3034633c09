package kernel

import (
	"math/bits"
	"reflect"
	"unsafe"

	"github.com/calmstream/calmstream/internal/plan"
	"github.com/cespare/xxhash/v2"
)

// slot is what a key has: in a window, its state.
type slot[K plan.Key, L any] struct {
	key   K
	value L
	dirty bool
	// fired has one bit for each threshold below: whether the state is known to be above it. It follows from
	// value, so it is not stored in checkpoints.
	fired uint8
}

func (s *slot[K, L]) rank() rank[K] { return rank[K]{key: s.key} }

// slotMap finds slots by their keys. The slots are in a slice, in the order in which their keys came, and the index over it is a table of
// numbers with open addressing and linear probing: what a batch needs of both can be asked for at once, where a Go map is asked
// key by key and each waits for the memory.
//
// A cell of the index is 0, or a hash and, below it, a place in slots plus 1. A key is in the cell that the upper bits of its hash say or,
// without an empty one before it, in a cell behind.
//
// The hash has no seed, so that anyone can find keys whose hashes meet. What lies too far behind them is in a Go map.
type slotMap[K plan.Key, L any] struct {
	own   func(K) K // of the keys' codec
	text  bool      // keys are strings
	shift uint8     // 32 - log2(len(cells))
	slots []slot[K, L]
	cells []uint64
	used  int
	far   map[K]uint32
	free  []uint32 // places of slots that were removed
	dirty []uint32 // changed since the last snapshot
	taken []uint32 // in the snapshot that is not settled yet
}

// spot is the hash of a key, and the place of its slot if it is known.
type spot struct{ hash, place uint32 }

const (
	// nowhere is the place of a key that has no slot.
	nowhere = ^uint32(0)
	// The most cells that are looked at for a key, and the most other keys of the same hash that it is compared with.
	maxProbes, maxTwins = 256, 8
	firstCells          = 16
	// nearCells is how large an index is before its slots are thought to be out of the caches.
	nearCells = 1 << 14
)

func newSlotMap[K plan.Key, L any](own func(K) K) slotMap[K, L] {
	m := slotMap[K, L]{own: own, text: isText[K]()}
	m.resize(firstCells)
	return m
}

// isText reports whether keys are strings.
func isText[K plan.Key]() bool { return reflect.TypeFor[K]().Kind() == reflect.String }

// textOf returns a key that is a string as one, the empty string for keys of another size.
func textOf[K plan.Key](key K) string {
	if unsafe.Sizeof(key) != unsafe.Sizeof("") { // a constant
		return ""
	}
	return *(*string)(unsafe.Pointer(&key))
}

// hash returns the hash of a key.
func (m *slotMap[K, L]) hash(key K) uint32 {
	if m.text {
		return uint32(xxhash.Sum64String(textOf(key)) >> 32)
	}
	var v uint64
	switch unsafe.Sizeof(key) {
	case 8:
		v = *(*uint64)(unsafe.Pointer(&key))
	case 4:
		v = uint64(*(*uint32)(unsafe.Pointer(&key)))
	case 2:
		v = uint64(*(*uint16)(unsafe.Pointer(&key)))
	default:
		v = uint64(*(*uint8)(unsafe.Pointer(&key)))
	}
	v *= 0x9e3779b97f4a7c15
	return uint32((v ^ v>>32) * 0xd6e8feb86659fd93 >> 32)
}

// find notes the hashes of the keys of a run of records, and their places as far as they have any. It goes over the run several times, so
// that what one record waits for is on its way for those behind it.
func find[K plan.Key, L, C any](m *slotMap[K, L], run []plan.Contribution[K, C], spots []spot) {
	spots = spots[:len(run)]
	for i := range run {
		spots[i].hash = m.hash(run[i].Key)
	}
	for i, cells := 0, m.cells; i < len(spots); i++ {
		s, cell := &spots[i], cells[spots[i].hash>>m.shift]
		s.place = nowhere
		if uint32(cell>>32) == s.hash && uint32(cell) > 0 { // the usual case
			s.place = uint32(cell) - 1
		}
	}
	if len(m.cells) > nearCells {
		m.approach(spots)
	}
	for i := range spots {
		if s := &spots[i]; s.place == nowhere || m.slots[s.place].key != run[i].Key {
			s.place = m.seek(s.hash, run[i].Key)
		}
	}
}

// approach reads from the slots at both ends, which may lie in two lines of the cache, and so asks for all of them at once.
func (m *slotMap[K, L]) approach(spots []spot) (marked int) {
	var none K
	for i := range spots {
		if at := spots[i].place; at != nowhere {
			if s := &m.slots[at]; s.key == none || s.dirty {
				marked++ // the count is of no use, but a loop without one would be left out
			}
		}
	}
	return marked
}

// seek returns the place of a key, nowhere if it has none.
func (m *slotMap[K, L]) seek(hash uint32, key K) uint32 {
	mask, at, twins := uint32(len(m.cells)-1), hash>>m.shift, 0
	for range maxProbes {
		cell := m.cells[at]
		if cell == 0 {
			break
		}
		if uint32(cell>>32) == hash {
			if place := uint32(cell) - 1; m.slots[place].key == key {
				return place
			}
			if twins++; twins == maxTwins {
				break
			}
		}
		at = (at + 1) & mask
	}
	if len(m.far) > 0 {
		if place, ok := m.far[key]; ok {
			return place
		}
	}
	return nowhere
}

// at returns the place of a key, and whether it was made for the call. Pointers to slots stay valid until the next that is made.
func (m *slotMap[K, L]) at(key K) (place uint32, fresh bool) { return m.atHash(m.hash(key), key) }

func (m *slotMap[K, L]) atHash(hash uint32, key K) (place uint32, fresh bool) {
	if place = m.seek(hash, key); place != nowhere {
		return place, false
	}
	return m.add(hash, m.own(key)), true
}

// add makes a slot for a key that has none, which is kept.
func (m *slotMap[K, L]) add(hash uint32, key K) (place uint32) {
	if m.used >= len(m.cells)/4*3 {
		m.resize(2 * len(m.cells))
	}
	if last := len(m.free) - 1; last >= 0 {
		place, m.free = m.free[last], m.free[:last]
		m.slots[place].key = key
	} else {
		place, m.slots = uint32(len(m.slots)), append(m.slots, slot[K, L]{key: key})
	}
	m.put(hash, place)
	return place
}

// get returns the slot of a key, nil if it has none.
func (m *slotMap[K, L]) get(key K) *slot[K, L] {
	if place := m.seek(m.hash(key), key); place != nowhere {
		return &m.slots[place]
	}
	return nil
}

// put enters a slot, whose key is not there, into the index.
func (m *slotMap[K, L]) put(hash, place uint32) {
	mask, at, twins := uint32(len(m.cells)-1), hash>>m.shift, 0
	for range maxProbes {
		cell := m.cells[at]
		if cell == 0 {
			m.cells[at] = uint64(hash)<<32 | uint64(place+1)
			m.used++
			return
		}
		if uint32(cell>>32) == hash {
			if twins++; twins == maxTwins {
				break
			}
		}
		at = (at + 1) & mask
	}
	if m.far == nil {
		m.far = make(map[K]uint32)
	}
	m.far[m.slots[place].key] = place
}

// resize makes the index anew with n cells, a power of two. The upper bits of a hash say where it is, so that both are
// gone through from the front.
func (m *slotMap[K, L]) resize(n int) {
	old := m.cells
	m.cells, m.shift, m.used = make([]uint64, n), uint8(32-bits.TrailingZeros(uint(n))), 0
	for _, cell := range old {
		if cell != 0 {
			m.put(uint32(cell>>32), uint32(cell)-1)
		}
	}
}

// unput takes a slot out of the index.
func (m *slotMap[K, L]) unput(place uint32) {
	key := m.slots[place].key
	if at, ok := m.far[key]; ok && at == place {
		delete(m.far, key)
		return
	}
	hash := m.hash(key)
	mask, at := uint32(len(m.cells)-1), hash>>m.shift
	for m.cells[at] != uint64(hash)<<32|uint64(place+1) {
		at = (at + 1) & mask
	}
	// What stands behind it moves up, unless it would come to stand before the cell that its hash says.
	for next := (at + 1) & mask; m.cells[next] != 0; next = (next + 1) & mask {
		home := uint32(m.cells[next]>>32) >> m.shift
		if (next-home)&mask >= (next-at)&mask {
			m.cells[at], at = m.cells[next], next
		}
	}
	m.cells[at] = 0
	m.used--
}

// remove takes a slot out, for another key to come, which finds the value as it was left.
func (m *slotMap[K, L]) remove(place uint32) {
	m.unput(place)
	var none K
	m.slots[place].key = none
	m.free = append(m.free, place)
}

// pop takes back the slot that was made last.
func (m *slotMap[K, L]) pop() {
	last := len(m.slots) - 1
	m.unput(uint32(last))
	clear(m.slots[last:])
	m.slots = m.slots[:last]
}

// empty forgets everything but the memory.
func (m *slotMap[K, L]) empty() {
	clear(m.slots)
	clear(m.cells)
	m.slots, m.used, m.far, m.free, m.dirty, m.taken = m.slots[:0], 0, nil, m.free[:0], m.dirty[:0], m.taken[:0]
}

// touch marks a slot as changed.
func (m *slotMap[K, L]) touch(place uint32) {
	if s := &m.slots[place]; !s.dirty {
		s.dirty = true
		m.dirty = append(m.dirty, place)
	}
}

// take moves the changed slots into a snapshot.
func (m *slotMap[K, L]) take() []uint32 {
	m.taken, m.dirty = m.dirty, m.taken[:0]
	for _, i := range m.taken {
		m.slots[i].dirty = false
	}
	return m.taken
}

// settle ends the snapshot; its slots count as changed again unless it was kept.
func (m *slotMap[K, L]) settle(kept bool) {
	if !kept {
		for _, i := range m.taken {
			m.touch(i)
		}
	}
	m.taken = m.taken[:0]
}
