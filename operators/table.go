package operators

import (
	"github.com/calmstream/calmstream/internal/plan"
	"github.com/calmstream/calmstream/internal/plan/kernel"
)

// Table is a keyed stream read as the changes of a table: each record is what its key has from the event time of the record on, until
// that of the next change of the key. It is a log like any other input, so that what it said at an instant can be
// known again; nothing is called out to.
//
// What counts is event time, not which record came first. Of several changes of a key at one instant a deletion is in force if there
// is one, else the one whose encoding is the greatest as bytes: neither shards nor batches nor the order in the log decide.
type Table[K Key, T any] struct {
	changes Keyed[K, T]
	deletes func(T) bool
}

// TableOf reads a keyed stream as the changes of a table. deletes tells which records delete their key; it may be nil: none does.
func TableOf[K Key, T any](changes Keyed[K, T], deletes func(T) bool) Table[K, T] {
	return Table[K, T]{changes: changes, deletes: deletes}
}

// entry returns what a record sets its key to.
func (t Table[K, T]) entry(v T) *T {
	if t.deletes != nil && t.deletes(v) {
		return nil
	}
	return &v
}

// nullable returns the codec of what stands in the table.
func (t Table[K, T]) nullable() plan.Codec[*T] {
	return kernel.NullCodec(plan.CodecOf[T](plan.OfKeyed(t.changes)))
}
