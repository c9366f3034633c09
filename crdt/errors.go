package crdt

import "errors"

// Errors of UnmarshalBinary. Both are wrapped in an error that names the type and the offset.
var (
	// ErrVersion is returned when the first byte names a format that this release does not know. The bytes
	// are of a newer release, which can read them, or of another type.
	ErrVersion = errors.New("crdt: unknown version of encoding")

	// ErrCorrupt is returned for bytes that AppendBinary would not have written. They are damaged, cut off, or of
	// another type; read them again from their source, or take an older copy.
	ErrCorrupt = errors.New("crdt: corrupt encoding")
)

// Errors of BoundedCounter. After either it is as before.
var (
	// ErrRights is returned when an origin would spend more than it has rights for. Have rights transferred to it, or spend less.
	ErrRights = errors.New("crdt: not enough rights")

	// ErrRange is returned when the sum of all that one origin ever did would exceed the largest uint64.
	ErrRange = errors.New("crdt: sum out of range")
)
