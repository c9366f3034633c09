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
