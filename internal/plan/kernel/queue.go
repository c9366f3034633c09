package kernel

// queue is a binary heap: the least item is taken first. It is container/heap without the boxing of items.
type queue[T any] struct {
	less  func(a, b T) bool
	items []T
}

func (q *queue[T]) len() int { return len(q.items) }

// first returns the least item; there must be one.
func (q *queue[T]) first() T { return q.items[0] }

func (q *queue[T]) push(v T) {
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

// pop takes the least item; there must be one.
func (q *queue[T]) pop() T {
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
