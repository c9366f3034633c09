package checkpoint

import "errors"

// ErrDamaged is returned when stored bytes are not what was written: a checksum, a digest or a
// format does not hold. Reading again does not help; the state must be rebuilt from an older
// checkpoint or from the input.
var ErrDamaged = errors.New("checkpoint: stored bytes are damaged")

// ErrLost is returned when the store no longer holds a fence that it had acknowledged: the bucket was deleted
// and made again, purged or rolled back. The shard must stop, because going on would apply its input twice.
var ErrLost = errors.New("checkpoint: an acknowledged checkpoint is gone")

// ErrTooLarge is returned by Commit when the fence or a chunk is larger than the store takes, or the store takes fewer at once than it should.
var ErrTooLarge = errors.New("checkpoint: too large for one commit")
