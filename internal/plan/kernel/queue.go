package kernel

import "slices"

// queue is a priority queue: the least item is taken first. What comes in order, as most does, waits in a line and costs O(1); the rest
// is in a binary heap, which is container/heap without the boxing of items.
type queue[T any] struct {
	less func(a, b T) bool
	// line is in order from head on; items is a heap.
	line  []T
	head  int
	items []T
}

func (q *queue[T]) len() int { return len(q.line) - q.head + len(q.items) }

// first returns the least item; there must be one.
func (q *queue[T]) first() T {
	if q.inLine() {
		return q.line[q.head]
	}
	return q.items[0]
}

// inLine reports whether the least item is the head of the line.
func (q *queue[T]) inLine() bool {
	return q.head < len(q.line) && (len(q.items) == 0 || !q.less(q.items[0], q.line[q.head]))
}

// all returns the items in no order.
func (q *queue[T]) all() []T { return append(slices.Clone(q.line[q.head:]), q.items...) }

func (q *queue[T]) push(v T) {
	if n := len(q.line); n > q.head && q.less(v, q.line[n-1]) {
		q.rise(v)
		return
	}
	if q.head > 0 && len(q.line) == cap(q.line) && 2*q.head >= len(q.line) { // the room in front is used before more is taken
		n := copy(q.line, q.line[q.head:])
		clear(q.line[n:])
		q.line, q.head = q.line[:n], 0
	}
	q.line = append(q.line, v)
}

// pop takes the least item; there must be one.
func (q *queue[T]) pop() T {
	if !q.inLine() {
		return q.sink()
	}
	var none T
	top := q.line[q.head]
	q.line[q.head] = none
	if q.head++; q.head == len(q.line) {
		q.line, q.head = q.line[:0], 0
	}
	return top
}

// rise adds an item to the heap.
func (q *queue[T]) rise(v T) {
	q.items = append(q.items, v)
	for i := len(q.items) - 1; i > 0; {
		parent := (i - 1) / 2
		if !q.less(q.items[i], q.items[parent]) {
			return
		}
		q.items[i], q.items[parent] = q.items[parent], q.items[i]
		i = parent
	}
}

// sink takes the least item of the heap.
func (q *queue[T]) sink() T {
	top, last := q.items[0], len(q.items)-1
	q.items[0] = q.items[last]
	clear(q.items[last:])
	q.items = q.items[:last]
	for i := 0; ; {
		least := i
		for child := 2*i + 1; child <= 2*i+2 && child < last; child++ {
			if q.less(q.items[child], q.items[least]) {
				least = child
			}
		}
		if least == i {
			return top
		}
		q.items[i], q.items[least] = q.items[least], q.items[i]
		i = least
	}
}
