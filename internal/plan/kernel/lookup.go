package kernel

import "github.com/calmstream/calmstream/internal/plan"

// Looking says what becomes of a record and what a table has for it.
type Looking[A, B, C any] struct {
	// KeepMissing says whether a record is handed on for which the table has nothing.
	KeepMissing bool
	// Pair makes a result; the second is nil where the table has nothing.
	Pair func(*A, *B) C
	A    plan.Codec[A]
	B    plan.Codec[*B]
}

// looker is the kernel of Lookup. A record waits until nothing can come any more, on either side, at its own instant or before;
// then the table says what was in force at that instant.
type looker[K plan.Key, A, B, C any] struct {
	guard
	Looking[A, B, C]
	rule    plan.SealRule
	keys    plan.KeyCodec[K]
	waiting waiting[K, A]
	table   versions[K, B]
	groups  groups
	out     outlet[C]
	// passed is the instant before which every record was answered.
	passed int64
	buf    []byte
	same   []*asked[K, A]
}

// Lookup answers the records of the left side from the table on the right side.
func Lookup[K plan.Key, A, B, C any](n *plan.Node, rt *plan.Runtime, down []plan.Operator, l Looking[A, B, C]) (plan.Operator, error) {
	out, err := newOutlet[C](n, down)
	if err != nil {
		return nil, err
	}
	k := &looker[K, A, B, C]{guard: guard{n, rt}, Looking: l, rule: n.Rule, keys: plan.KeyCodecOf[K](), out: out, passed: plan.Beginning}
	k.table = newVersions[K](k.keys.Own, k.B.Append)
	k.waiting = newWaiting[K, A]()
	rt.Register(n, k)
	return k, nil
}

func (k *looker[K, A, B, C]) Consume(b *plan.Batch[plan.Contribution[K, Sided[A, *B]]]) {
	for i := 0; i < b.Len(); {
		i = k.run(b, i)
	}
}

// run goes on from a record until the end, or until the user's codec panics.
func (k *looker[K, A, B, C]) run(b *plan.Batch[plan.Contribution[K, Sided[A, *B]]], from int) (next int) {
	defer func() {
		if r := recover(); r != nil {
			k.caught(r, b.Meta[next])
			next++
		}
	}()
	for next = from; next < b.Len(); next++ {
		c := &b.Val[next]
		if c.Value.Right {
			k.table.put(c.Key, c.Start, c.Value.B)
			continue
		}
		k.waiting.add(c.Key, c.Start, c.Value.A) // with the key as it is: it goes with the record
	}
	return next
}

// Advance answers the records for which nothing can change any more. An answer is a fact about the key at the instant. They come by
// time and key, so that how the inputs were interleaved does not show; several of one key and time by their content.
func (k *looker[K, A, B, C]) Advance(frontier int64) {
	after := k.rule.After(frontier)
	for k.same = k.waiting.next(k.same[:0], after); len(k.same) > 0; k.same = k.waiting.next(k.same[:0], after) {
		k.answer()
	}
	if after > k.passed { // after a restart the frontier is told again from the beginning
		k.passed = after
		k.table.prune(after)
	}
	k.out.flush()
	k.out.advance(after)
}

// answer answers records of one key and time.
func (k *looker[K, A, B, C]) answer() {
	first := k.same[0]
	k.rt.Waited(len(k.same))
	if entry := k.table.asOf(first.key, first.time); entry != nil || k.KeepMissing {
		m := plan.Meta{Time: first.time, Frontier: first.time}
		m.Group = k.groups.next(plan.Group{Key: k.keys.Text(first.key), Window: plan.Span{Start: first.time, End: first.time + 1}})
		for _, e := range byContent(k.same, k.encode, k.unordered(m)) {
			k.make(m, &e.value, entry)
		}
	}
	for _, e := range k.same {
		k.waiting.remove(e)
	}
	if k.out.batch.Len() >= chunk {
		k.out.flush()
	}
}

func (k *looker[K, A, B, C]) encode(e *asked[K, A]) ([]byte, error) { return k.A.Append(nil, e.value) }

// make adds a result, unless the user's function panics.
func (k *looker[K, A, B, C]) make(m plan.Meta, a *A, b *B) {
	defer func() {
		if r := recover(); r != nil {
			k.caught(r, m)
		}
	}()
	k.out.batch.Add(m, k.Pair(a, b))
}

func (k *looker[K, A, B, C]) Open() int { return k.waiting.queue.len() }
