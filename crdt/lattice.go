package crdt

// Lattice is the contract of a join semilattice whose value type is L and whose
// methods stand on *L.
//
// The laws, which crdttest checks for any implementation:
//
//   - the zero value of L is the bottom, and it is ready for use;
//   - Merge is associative, commutative and idempotent, and merging the bottom changes nothing;
//   - Merge reports whether the receiver grew, that is, whether other was not already below it;
//   - Merge neither changes other nor keeps a reference to memory that other may later change;
//   - AppendBinary is deterministic: equal values have equal encodings, which begin with a version byte;
//   - UnmarshalBinary replaces the receiver, does not keep data, accepts only what AppendBinary
//     writes (one encoding a value), and leaves the receiver untouched when it returns an error;
//   - UnmarshalBinary does not panic, whatever data hold, and allocates in proportion to len(data).
type Lattice[L any] interface {
	*L

	// Merge joins other into the receiver and reports whether the receiver grew.
	Merge(other *L) (grew bool)
	// AppendBinary appends the encoding of the receiver to b and returns the extended buffer.
	AppendBinary(b []byte) ([]byte, error)
	// UnmarshalBinary replaces the receiver with the value encoded in data.
	UnmarshalBinary(data []byte) error
}
