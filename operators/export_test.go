package operators

// The states that only the engine makes, for the tests of their laws.

// Take collects an encoded record.
func (c *Collected[T]) Take(limit int, time int64, record string) { c.take(limit, time, record) }

// AddAll joins the records of another session.
func (c *Collected[T]) AddAll(other *Collected[T]) { c.addAll(other) }

// Take combines the value of a record.
func (r *Reduced[V]) Take(combine func(a, b V) V, v V) { r.take(combine, v, 1) }
