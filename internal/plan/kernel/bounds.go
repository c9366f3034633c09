package kernel

import "github.com/calmstream/calmstream/internal/plan"

// riser is what a fold sees of a Bounds below it.
type riser[K plan.Key, L any] interface {
	plan.Operator
	// level is which step the progress of a state is on.
	level(value *L) uint64
	// rise hands a state on that has come to another step.
	rise(m plan.Meta, key K, span plan.Span, value *L)
	flush()
}

// Rising says what Bounds publishes of a state of type L, and when.
type Rising[L, V any] struct {
	// Read returns the value, which shares no memory with the state.
	Read func(*L) V
	// Progress is a number that only grows, and Every how much of it makes a step.
	Progress func(*L) uint64
	Every    uint64
}

// bounds is the kernel of Bounds. What it hands on is decided by the state before a record and the state behind it alone, so that
// nothing of it is in checkpoints.
type bounds[K plan.Key, L, V any] struct {
	Rising[L, V]
	keys plan.KeyCodec[K]
	out  outlet[plan.Bound[K, V]]
}

// Bounds yields what is known of a key whenever its progress has come to another step.
func Bounds[K plan.Key, L, V any](n *plan.Node, down []plan.Operator, r Rising[L, V]) (plan.Operator, error) {
	out, err := newOutlet[plan.Bound[K, V]](n, down)
	return &bounds[K, L, V]{Rising: r, keys: plan.KeyCodecOf[K](), out: out}, err
}

func (k *bounds[K, L, V]) level(value *L) uint64 { return k.Progress(value) / k.Every }

func (k *bounds[K, L, V]) rise(m plan.Meta, key K, span plan.Span, value *L) {
	progress := k.Progress(value)
	m.Group = &plan.Group{Key: k.keys.Text(key), Window: span, Version: progress}
	k.out.batch.Add(m, plan.Bound[K, V]{Key: key, Window: span, Value: k.Read(value), Progress: progress})
}

func (k *bounds[K, L, V]) flush()                 { k.out.flush() }
func (k *bounds[K, L, V]) Advance(frontier int64) { k.out.advance(frontier) }

// before notes on which steps a state is that a record is about to change.
func (r *readers[K, L]) before(value *L) {
	for i, b := range r.risers {
		r.levels[i] = levelOf(b, value)
	}
}

// levelOf asks for the step of a state. A progress that panics has none: it is asked again behind the record, where a panic is a dead
// letter.
func levelOf[K plan.Key, L any](b riser[K, L], value *L) (level uint64) {
	defer func() {
		if recover() != nil {
			level = 0
		}
	}()
	return b.level(value)
}

// asks is how many readers are asked about a state that has grown: the thresholds, then the risers.
func (r *readers[K, L]) asks() int { return len(r.thresholds) + len(r.risers) }

// ask asks a riser, by its number among all readers, whether a state has come to another step.
func (r *readers[K, L]) ask(number int, m plan.Meta, key K, span plan.Span, value *L) {
	i := number - len(r.thresholds)
	if b := r.risers[i]; b.level(value) > r.levels[i] {
		b.rise(m, key, span, value)
	}
}

// flushEarly hands on what was read of states that are not sealed.
func (r *readers[K, L]) flushEarly() {
	for _, t := range r.thresholds {
		t.flush()
	}
	for _, b := range r.risers {
		b.flush()
	}
}

// advanceEarly tells the readers of states that are not sealed how far their input is.
func (r *readers[K, L]) advanceEarly(frontier int64) {
	for _, t := range r.thresholds {
		t.Advance(frontier)
	}
	for _, b := range r.risers {
		b.Advance(frontier)
	}
}
